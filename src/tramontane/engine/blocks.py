"""Who owns which block of the key-value cache.

A block holds the keys and values of BLOCK_SIZE consecutive tokens of one sequence, in every layer (paged
attention, Kwon et al., 2023). This module counts; the tensors are in attention.py.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

BLOCK_SIZE = 16

BlockIds = NDArray[np.int64]


def blocks_for(tokens: int) -> int:
    """How many blocks hold `tokens` tokens."""
    return -(-tokens // BLOCK_SIZE)


class BlockPool:
    """Hands out block ids 1 … `num_blocks`, each with a count of its owners.

    Id 0 is never handed out: it stays all zero in the cache, and pads block tables to a common length.
    """

    def __init__(self, num_blocks: int) -> None:
        self.num_blocks = num_blocks
        self._owners = np.zeros(num_blocks + 1, np.int32)
        # a stack whose top is its end: a lone sequence gets ascending, neighbouring blocks
        self._free: BlockIds = np.arange(num_blocks, 0, -1)
        self.num_free = num_blocks

    @property
    def num_used(self) -> int:
        return self.num_blocks - self.num_free

    def allocate(self, count: int) -> BlockIds:
        """`count` blocks, each owned once. The caller has made sure that so many are free."""
        assert 0 <= count <= self.num_free, f"{count} blocks asked for, {self.num_free} free"
        taken = self._free[self.num_free - count : self.num_free][::-1].copy()
        self.num_free -= count
        self._owners[taken] = 1
        return taken

    def free(self, blocks: BlockIds) -> None:
        """Give up one ownership of each block; those that nobody owns any more can be handed out again."""
        assert (self._owners[blocks] > 0).all(), f"a block among {blocks} is freed twice"
        self._owners[blocks] -= 1
        idle = blocks[self._owners[blocks] == 0][::-1]
        self._free[self.num_free : self.num_free + len(idle)] = idle
        self.num_free += len(idle)

    def check(self, tables: Iterable[BlockIds]) -> None:
        """Prove that every block is either free or in `tables` as often as it is counted: none leaks.

        Raises AssertionError with both sides of the account.
        """
        held = np.zeros_like(self._owners)
        for table in tables:
            np.add.at(held, table, 1)
        free = self._free[: self.num_free]
        wrong = np.flatnonzero(held != self._owners)
        assert not len(wrong), (
            f"blocks {wrong[:8]} are counted {self._owners[wrong[:8]]}, held {held[wrong[:8]]}"
        )
        assert len(np.unique(free)) == self.num_free, "a block is free twice"
        assert not held[free].any(), "a free block is held"
        used = int((held[1:] > 0).sum())
        assert used + self.num_free == self.num_blocks, (
            f"{used} blocks used + {self.num_free} free ≠ {self.num_blocks} in all"
        )
