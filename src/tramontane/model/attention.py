"""Attention as a strategy that is handed to the decoder.

The decoder projects, normalises and rotates; what a query sees, and where keys and values are kept, is the
strategy's: causal over a batch (training), paged (serving), masked (explaining).

Shapes: B batch, T time, H query heads, K key-value heads, D head dimension.
"""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional


class Attention(Protocol):
    """Attends with the queries of one layer."""

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """query (..., H, D), key and value (..., K, D), already rotated → (..., H, D)."""
        ...


class CausalAttention:
    """Every position sees itself and those before it in its row, within the layer's window.

    `windows` has one entry a layer (None: sees all); empty means that no layer is windowed.
    """

    def __init__(self, windows: tuple[int | None, ...] = ()) -> None:
        self._windows = windows

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        query_BHTD, key_BKTD, value_BKTD = (x.transpose(-3, -2) for x in (query, key, value))
        window = self._windows[layer] if self._windows else None
        length = query_BHTD.shape[-2]
        grouped = query_BHTD.shape[-3] != key_BKTD.shape[-3]
        if window is None or length <= window:
            out = functional.scaled_dot_product_attention(
                query_BHTD, key_BKTD, value_BKTD, is_causal=True, enable_gqa=grouped
            )
        else:
            position = torch.arange(length, device=query.device)
            distance_TT = position[:, None] - position[None, :]
            mask_TT = (distance_TT >= 0) & (distance_TT < window)
            out = functional.scaled_dot_product_attention(
                query_BHTD, key_BKTD, value_BKTD, attn_mask=mask_TT, enable_gqa=grouped
            )
        return out.transpose(-3, -2)
