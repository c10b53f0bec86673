"""Rotary position embedding (Su et al., 2021), in Hugging Face's half-split layout.

Shapes: D head dimension, P positions.
"""

import torch
from torch import Tensor

from tramontane.model.config import ModelConfig


def rotary_frequencies(config: ModelConfig) -> Tensor:
    """Angle per position of each pair of a head's dimensions: (D/2,), float32."""
    exponent = torch.arange(0, config.head_dim, 2, dtype=torch.float32) / config.head_dim
    return 1.0 / config.rope_theta**exponent


def rotary_table(config: ModelConfig) -> tuple[Tensor, Tensor]:
    """Cosines and sines for every position up to `max_positions`: two of (P, D/2), float32."""
    positions = torch.arange(config.max_positions, dtype=torch.float32)
    angles_PD = torch.outer(positions, rotary_frequencies(config))
    return angles_PD.cos(), angles_PD.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate x (..., heads, D) by the angles of its positions, cos and sin (..., D/2)."""
    cos, sin = cos.unsqueeze(-2).to(x.dtype), sin.unsqueeze(-2).to(x.dtype)
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
