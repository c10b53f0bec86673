"""Rotary position embedding (Su et al., 2021), in Hugging Face's half-split layout.

Frequencies are stretched as transformers stretches them: linear, dynamic, llama3 (Llama 3.1's own code), YaRN
(Peng et al., 2023).

Shapes: D head dimension.
"""

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from tramontane.model.config import ModelConfig, RopeScaling


class Rotary(nn.Module):
    """Cosines and sines of positions, computed when asked for: a table over a long context would cost more.

    The frequencies stay float32 whatever the decoder is converted to: bfloat16 would bend them by up to
    0.4 %, which is several turns at position 10,000. They also outlive construction on the meta device.
    """

    frequencies: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._config = config
        self.register_buffer("frequencies", rotary_frequencies(config), persistent=False)
        self.amplitude = rotary_amplitude(config.rope_scaling)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]  # torch does not annotate it
        if not self.frequencies.is_meta:
            self.frequencies = rotary_frequencies(self._config).to(self.frequencies.device)
        return self

    def forward(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """What `rotate` needs for positions (...): cosines and signed sines, both (..., 1, D), float32."""
        angles = positions[..., None, None].float() * self.frequencies
        cos, sin = angles.cos() * self.amplitude, angles.sin() * self.amplitude
        return torch.cat((cos, cos), dim=-1), torch.cat((-sin, sin), dim=-1)


def rotary_frequencies(config: ModelConfig) -> Tensor:
    """Angle per position of each pair of a head's dimensions: (D/2,), float32, on the CPU."""
    dims = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device="cpu")
    frequencies = 1.0 / config.rope_theta ** (dims / config.head_dim)
    scaling = config.rope_scaling
    # "dynamic" begins to stretch only beyond max_positions, which is where this decoder's context ends
    if scaling is None or scaling.kind == "dynamic":
        return frequencies
    if scaling.kind == "linear":
        return frequencies / scaling.factor
    if scaling.kind == "llama3":
        return _llama3(frequencies, scaling)
    return _yarn(frequencies, scaling, config)


def _llama3(frequencies: Tensor, scaling: RopeScaling) -> Tensor:
    """Short waves stay, long waves are stretched by the factor, those between are interpolated."""
    assert scaling.original_max_positions is not None
    turns = scaling.original_max_positions * frequencies / (2 * math.pi)  # within the original context
    low, high = scaling.low_freq_factor, scaling.high_freq_factor
    kept = ((turns - low) / (high - low)).clamp(0, 1)
    return (1 - kept) * frequencies / scaling.factor + kept * frequencies


def _yarn(frequencies: Tensor, scaling: RopeScaling, config: ModelConfig) -> Tensor:
    """As llama3, but the interpolation is a ramp over dimensions, not over frequencies."""
    original = scaling.original_max_positions
    assert original is not None

    def dimension(turns: float) -> float:
        """The pair that makes so many turns within the original context."""
        wave = original / (turns * 2 * math.pi)
        return config.head_dim * math.log(wave) / (2 * math.log(config.rope_theta))

    low, high = dimension(scaling.beta_fast), dimension(scaling.beta_slow)
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, config.head_dim - 1)
    high = high + 0.001 if low == high else high
    pairs = torch.arange(config.head_dim // 2, dtype=torch.float32, device="cpu")
    stretched = ((pairs - low) / (high - low)).clamp(0, 1)
    return stretched * frequencies / scaling.factor + (1 - stretched) * frequencies


def rotary_amplitude(scaling: RopeScaling | None) -> float:
    """Factor on cosines and sines: YaRN sharpens attention by it, others leave it at 1."""
    if scaling is None or scaling.kind != "yarn":
        return 1.0
    if scaling.attention_factor is not None:
        return scaling.attention_factor
    return 0.1 * math.log(scaling.factor) + 1


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (x[i], x[i + D/2]) of x (..., heads, D) by its position's angle; see Rotary.forward."""
    return torch.addcmul(x * cos, x.roll(x.shape[-1] // 2, dims=-1), sin)
