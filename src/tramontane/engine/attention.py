"""Attention over keys and values that live in blocks, as a strategy for the one decoder.

Before each step `begin` is told what the step holds; then the decoder calls the strategy once a layer. Rows
that add one token (decoding) are attended together, padded to the longest; a piece of a prompt is attended
by itself.

Shapes: N tokens of the step, R rows of one token, H query heads, K key-value heads, G = H / K, D head
dimension, S slots of the cache (a block is BLOCK_SIZE neighbouring slots), L length of what is seen, T
tokens of a piece.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tramontane.engine.blocks import BLOCK_SIZE, BlockIds, blocks_for
from tramontane.engine.sequence import Sequence
from tramontane.model.config import ModelConfig


class KVCache:
    """Keys and values of every layer, by slot; all zero at first.

    Zero, and never NaN, because padding reads slots that nobody wrote and gives them weight zero.
    """

    def __init__(
        self, config: ModelConfig, num_blocks: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        slots = (num_blocks + 1) * BLOCK_SIZE  # block 0 pads
        shape = (config.num_layers, 2, slots, config.num_kv_heads, config.head_dim)
        self._all = (
            _lazy_zeros(shape, dtype)
            if device.type == "cpu"
            else torch.zeros(shape, dtype=dtype, device=device)
        )
        self.keys_SKD = [layer[0] for layer in self._all]
        self.values_SKD = [layer[1] for layer in self._all]

    def clear(self, blocks: BlockIds) -> None:
        """Zero what a request left behind that had produced NaN."""
        for kept in self.keys_SKD + self.values_SKD:
            _by_block(kept)[torch.from_numpy(blocks).to(kept.device)] = 0


def _lazy_zeros(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    # numpy's zeros are the system's untouched pages: the cache takes memory as it fills, torch's is filled
    # at once
    itemsize = dtype.itemsize
    return torch.from_numpy(np.zeros((*shape[:-1], shape[-1] * itemsize), np.uint8)).view(dtype)


@dataclass(frozen=True)
class _Rows:
    """The rows of one token. Their tokens are the first of the step."""

    count: int
    blocks: Tensor  # (R × blocks of the longest,), or empty where `span` serves
    span: tuple[int, int] | None  # a lone row whose blocks are neighbours: its slots, without a copy
    mask: dict[int | None, Tensor]  # window → (R, 1, 1, L), added to the scores


@dataclass(frozen=True)
class _Piece:
    """Several tokens of one sequence, in the step's tokens start … stop - 1."""

    start: int
    stop: int
    blocks: Tensor | None  # those of everything seen; None: it sees nothing but itself
    mask: dict[int | None, Tensor | None]  # window → (T, L); None: causal


class PagedAttention:
    """Writes the step's keys and values into the cache, then attends over each sequence's blocks."""

    def __init__(self, config: ModelConfig, cache: KVCache) -> None:
        self._cache = cache
        self._windows = tuple(config.window(layer) for layer in range(config.num_layers))
        self._distinct = set(self._windows)
        self._kind = cache.keys_SKD[0]
        self._rows: _Rows | None = None
        self._pieces: list[_Piece] = []
        self._slots_N = torch.empty(0, dtype=torch.int64)

    def begin(self, rows: list[Sequence], pieces: list[tuple[Sequence, int]]) -> None:
        """Prepare for a step of one token of each of `rows`, then so many tokens of each of `pieces`."""
        slots = [sequence.slots(sequence.computed, sequence.computed + 1) for sequence in rows]
        slots += [sequence.slots(sequence.computed, sequence.computed + count) for sequence, count in pieces]
        self._slots_N = self._send(np.concatenate(slots))
        self._rows = self._prepare_rows(rows) if rows else None
        self._pieces = []
        start = len(rows)
        for sequence, count in pieces:
            self._pieces.append(self._prepare_piece(sequence, start, count))
            start += count

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        keys, values = self._cache.keys_SKD[layer], self._cache.values_SKD[layer]
        keys.index_copy_(0, self._slots_N, key)
        values.index_copy_(0, self._slots_N, value)
        window = self._windows[layer]
        outs = []
        if self._rows is not None:
            outs.append(_attend_rows(self._rows, query[: self._rows.count], keys, values, window))
        for piece in self._pieces:
            own = slice(piece.start, piece.stop)
            if piece.blocks is None:
                seen_keys, seen_values = key[own], value[own]
            else:
                seen_keys, seen_values = _gather(keys, piece.blocks), _gather(values, piece.blocks)
            outs.append(_attend_piece(query[own], seen_keys, seen_values, piece.mask[window]))
        return outs[0] if len(outs) == 1 else torch.cat(outs)

    def _send(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array).to(self._kind.device)

    def _prepare_rows(self, rows: list[Sequence]) -> _Rows:
        if len(rows) == 1 and _are_neighbours(rows[0].blocks):
            first = int(rows[0].blocks[0]) * BLOCK_SIZE
            return _Rows(1, torch.empty(0), (first, first + rows[0].computed + 1), {})
        lengths = np.array([sequence.computed + 1 for sequence in rows])
        table = np.zeros((len(rows), blocks_for(int(lengths.max()))), np.int64)
        for row, sequence in zip(table, rows, strict=True):
            blocks = sequence.blocks[: len(row)]  # it may hold more, for a prompt that is computed in pieces
            row[: len(blocks)] = blocks
        position = np.arange(table.shape[1] * BLOCK_SIZE)
        mask = {}
        for window in self._distinct:
            seen = position < lengths[:, None]
            if window is not None:
                seen &= position >= lengths[:, None] - window
            mask[window] = self._additive(seen)[:, None, None]
        return _Rows(len(rows), self._send(table.ravel()), None, mask)

    def _prepare_piece(self, sequence: Sequence, start: int, count: int) -> _Piece:
        length = sequence.computed + count
        blocks = self._send(sequence.blocks[: blocks_for(length)]) if sequence.computed else None
        seen_length = length if blocks is None else len(blocks) * BLOCK_SIZE
        mask: dict[int | None, Tensor | None] = {}
        for window in self._distinct:
            if blocks is None and (window is None or count <= window):
                mask[window] = None
                continue
            distance = np.arange(sequence.computed, length)[:, None] - np.arange(seen_length)
            seen = distance >= 0
            if window is not None:
                seen &= distance < window
            mask[window] = self._additive(seen)
        return _Piece(start, start + count, blocks, mask)

    def _additive(self, seen: np.ndarray) -> Tensor:
        mask = np.where(seen, np.float32(0), np.float32(-np.inf))
        return torch.from_numpy(mask).to(self._kind)


def _by_block(kept_SKD: Tensor) -> Tensor:
    return kept_SKD.view(-1, BLOCK_SIZE, *kept_SKD.shape[1:])


def _gather(kept_SKD: Tensor, blocks: Tensor) -> Tensor:
    """The slots of these blocks, in their order. Whole blocks copy several times faster than single slots."""
    return _by_block(kept_SKD).index_select(0, blocks).flatten(0, 1)


def _are_neighbours(blocks: BlockIds) -> bool:
    return bool((np.diff(blocks) == 1).all())


def _attend_rows(
    rows: _Rows, query_RHD: Tensor, keys_SKD: Tensor, values_SKD: Tensor, window: int | None
) -> Tensor:
    num_kv_heads, head_dim = keys_SKD.shape[1:]
    if rows.span is not None:
        first, last = rows.span
        first = first if window is None else max(first, last - window)
        keys, values, mask = keys_SKD[first:last], values_SKD[first:last], None
    else:
        mask = rows.mask[window]
        keys, values = _gather(keys_SKD, rows.blocks), _gather(values_SKD, rows.blocks)
    # a group's queries see the same keys: they are attended as if they were G positions of one head
    query_RKGD = query_RHD.reshape(rows.count, num_kv_heads, -1, head_dim)
    keys_RKLD = keys.view(rows.count, -1, num_kv_heads, head_dim).transpose(1, 2)
    values_RKLD = values.view(rows.count, -1, num_kv_heads, head_dim).transpose(1, 2)
    return functional.scaled_dot_product_attention(
        query_RKGD, keys_RKLD, values_RKLD, attn_mask=mask
    ).flatten(1, 2)


def _attend_piece(query_THD: Tensor, keys_LKD: Tensor, values_LKD: Tensor, mask_TL: Tensor | None) -> Tensor:
    query_HTD, keys_KLD, values_KLD = (x.transpose(0, 1)[None] for x in (query_THD, keys_LKD, values_LKD))
    out_HTD = functional.scaled_dot_product_attention(
        query_HTD,
        keys_KLD,
        values_KLD,
        attn_mask=mask_TL,
        is_causal=mask_TL is None,
        enable_gqa=query_THD.shape[1] != keys_LKD.shape[1],
    )
    return out_HTD[0].transpose(0, 1)
