"""One request inside the engine: its tokens, how many of them are computed, and its blocks."""

import numpy as np
from numpy.typing import NDArray

from tramontane.engine.blocks import BLOCK_SIZE, BlockIds, blocks_for
from tramontane.engine.request import GenerationRequest


class Sequence:
    """Prompt and answer in one array; keys and values of the first `computed` tokens are in `blocks`."""

    __slots__ = (
        "_blocks",
        "_tokens",
        "computed",
        "id",
        "length",
        "num_blocks",
        "prompt_length",
        "sampling",
        "stop",
    )

    def __init__(self, request: GenerationRequest, context_length: int, eos_ids: tuple[int, ...]) -> None:
        sampling = request.sampling
        prompt_length = len(request.prompt_ids)
        most = context_length - prompt_length if sampling.max_tokens is None else sampling.max_tokens
        known = request.prompt_ids + request.output_ids
        self.id = request.id
        self.sampling = sampling
        self.stop = frozenset(sampling.stop_ids) | frozenset(() if sampling.ignore_eos else eos_ids)
        self.prompt_length = prompt_length
        self.length = len(known)
        self.computed = 0
        self.num_blocks = 0
        # allocated once, touched as they fill
        self._tokens: NDArray[np.int64] = np.empty(prompt_length + most, np.int64)
        self._tokens[: self.length] = known
        self._blocks: BlockIds = np.empty(blocks_for(prompt_length + most), np.int64)

    @property
    def tokens(self) -> NDArray[np.int64]:
        """Prompt and answer so far."""
        return self._tokens[: self.length]

    @property
    def blocks(self) -> BlockIds:
        """The block table: token i is in slot i % BLOCK_SIZE of entry i // BLOCK_SIZE."""
        return self._blocks[: self.num_blocks]

    @property
    def pending(self) -> int:
        """Known tokens whose keys and values are not computed."""
        return self.length - self.computed

    @property
    def missing_blocks(self) -> int:
        """Blocks that it lacks to hold every known token."""
        return blocks_for(self.length) - self.num_blocks

    @property
    def full(self) -> bool:
        """Whether it has all the tokens that it may have."""
        return self.length == len(self._tokens)

    def append(self, token: int) -> None:
        self._tokens[self.length] = token
        self.length += 1

    def take(self, blocks: BlockIds) -> None:
        """Put blocks at the end of the table."""
        self._blocks[self.num_blocks : self.num_blocks + len(blocks)] = blocks
        self.num_blocks += len(blocks)

    def give_up(self) -> BlockIds:
        """Forget what is computed; returns the blocks that held it."""
        blocks = self.blocks.copy()
        self.num_blocks = self.computed = 0
        return blocks

    def slots(self, start: int, stop: int) -> NDArray[np.int64]:
        """Where in the cache the keys and values of tokens start … stop - 1 belong."""
        position = np.arange(start, stop)
        return self._blocks[position // BLOCK_SIZE] * BLOCK_SIZE + position % BLOCK_SIZE
