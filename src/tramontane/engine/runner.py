"""Runs one step of the decoder: sequences and how many tokens of each → their next tokens.

Shapes: N tokens of the step, R rows that get a new token, E hidden size, V vocabulary.
"""

import numpy as np
import torch
from torch import Tensor

from tramontane.engine.attention import KVCache, PagedAttention
from tramontane.engine.blocks import BlockIds
from tramontane.engine.sampler import sample
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

        A token may be sampler.NOT_FINITE. Advances each sequence's `computed`.
        """
        rows = [sequence for sequence, count in step.items() if count == 1]
        pieces = [(sequence, count) for sequence, count in step.items() if count > 1]
        hidden_NE = self._forward(rows, pieces)
        ends = np.cumsum([1] * len(rows) + [count for _, count in pieces]) - 1
        complete, last = [], []
        for sequence, end in zip(rows + [sequence for sequence, _ in pieces], ends, strict=True):
            sequence.computed += step[sequence]
            if not sequence.pending:
                complete.append(sequence)
                last.append(int(end))
        if not complete:
            return {}
        if len(last) < len(hidden_NE):
            hidden_NE = hidden_NE[last]
        logits_RV = self._decoder.logits(hidden_NE).float()
        return dict(zip(complete, sample(logits_RV, complete), strict=True))

    def clear(self, blocks: BlockIds) -> None:
        """Zero these blocks of the cache."""
        self._cache.clear(blocks)

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
