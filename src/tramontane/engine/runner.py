"""Runs one step of the decoder: sequences and how many tokens of each → their next tokens.

Shapes: N tokens of the step, R rows that get a new token, E hidden size, V vocabulary.
"""

import math

import numpy as np
import torch
from torch import Tensor

from tramontane.engine.attention import KVCache, PagedAttention
from tramontane.engine.blocks import BlockIds
from tramontane.engine.sampler import NOT_FINITE, sample
from tramontane.engine.sequence import Sequence
from tramontane.model.decoder import Decoder


class ModelRunner:
    """A decoder with its key-value cache. It keeps nothing of a sequence but what is in its blocks."""

    def __init__(self, decoder: Decoder, num_blocks: int) -> None:
        weight = decoder.lm_head.weight
        self.device, self.dtype = weight.device, weight.dtype
        self._decoder = decoder
        self._cache = KVCache(decoder.config, num_blocks, self.dtype, self.device)
        self._attention = PagedAttention(decoder.config, self._cache)

    @torch.inference_mode()
    def run(self, step: dict[Sequence, int]) -> dict[Sequence, int]:
        """Compute `step`; returns the next token of every sequence that has none left to compute.

        A token may be sampler.NOT_FINITE, of any sequence in the step. Advances each sequence's `computed`.
        """
        rows = [sequence for sequence, count in step.items() if count == 1]
        pieces = [(sequence, count) for sequence, count in step.items() if count > 1]
        hidden_NE = self._forward(rows, pieces)
        order = rows + [sequence for sequence, _ in pieces]
        ends = np.cumsum([step[sequence] for sequence in order]).tolist()
        ill = self._find_ill(hidden_NE, dict(zip(order, ends, strict=True)), step)
        complete, last = [], []
        for sequence, end in zip(order, ends, strict=True):
            sequence.computed += step[sequence]
            if not sequence.pending and sequence not in ill:
                complete.append(sequence)
                last.append(end - 1)
        tokens = dict.fromkeys(ill, NOT_FINITE)
        if complete:
            if len(last) < len(hidden_NE):
                hidden_NE = hidden_NE[last]
            logits_RV = self._decoder.logits(hidden_NE).float()
            tokens |= zip(complete, sample(logits_RV, complete), strict=True)
        return tokens

    def clear(self, blocks: BlockIds) -> None:
        """Zero these blocks of the cache."""
        self._cache.clear(blocks)

    def _find_ill(
        self, hidden_NE: Tensor, ends: dict[Sequence, int], step: dict[Sequence, int]
    ) -> list[Sequence]:
        """Sequences with NaN or infinity in this step: what their blocks hold would spread if it were kept."""
        if math.isfinite(hidden_NE.sum().item()):
            return []
        finite = hidden_NE.isfinite().all(-1).tolist()
        return [sequence for sequence, end in ends.items() if not all(finite[end - step[sequence] : end])]

    def _forward(self, rows: list[Sequence], pieces: list[tuple[Sequence, int]]) -> Tensor:
        self._attention.begin(rows, pieces)
        spans = [(sequence, sequence.computed, sequence.computed + 1) for sequence in rows]
        spans += [(sequence, sequence.computed, sequence.computed + count) for sequence, count in pieces]
        ids = np.concatenate([sequence.tokens[start:stop] for sequence, start, stop in spans])
        positions = np.concatenate([np.arange(start, stop) for _, start, stop in spans])
        hidden_NE: Tensor = self._decoder(
            torch.from_numpy(ids).to(self.device),
            torch.from_numpy(positions).to(self.device),
            self._attention,
        )
        return hidden_NE
