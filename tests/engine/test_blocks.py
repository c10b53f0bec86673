"""The block pool keeps its account under any order of allocating and freeing."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tramontane.engine.blocks import BlockPool, blocks_for


class PoolMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.pool = BlockPool(13)
        self.tables: list[np.ndarray] = []

    @rule(share=st.floats(0, 1))
    def allocate(self, share: float) -> None:
        taken = self.pool.allocate(int(share * self.pool.num_free))
        assert 0 not in taken
        self.tables.append(taken)

    @rule(choice=st.integers(0, 100), cut=st.floats(0, 1))
    def free(self, choice: int, cut: float) -> None:
        """Give back the tail of one table."""
        if self.tables:
            table = self.tables.pop(choice % len(self.tables))
            keep = int(cut * len(table))
            self.pool.free(table[keep:])
            self.tables.append(table[:keep])

    @invariant()
    def account_is_right(self) -> None:
        self.pool.check(self.tables)
        assert self.pool.num_used == sum(map(len, self.tables))


TestPool = PoolMachine.TestCase
TestPool.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


def test_lone_sequence_gets_neighbours_again_and_again() -> None:
    pool = BlockPool(20)
    for _ in range(3):
        first, second = pool.allocate(4), pool.allocate(2)
        assert np.concatenate((first, second)).tolist() == [1, 2, 3, 4, 5, 6]
        pool.free(np.concatenate((first, second)))


def test_leak_and_double_use_are_found() -> None:
    pool = BlockPool(4)
    taken = pool.allocate(2)
    with pytest.raises(AssertionError, match="held"):
        pool.check([])
    with pytest.raises(AssertionError, match="held"):
        pool.check([taken, taken])
    pool.free(taken)
    with pytest.raises(AssertionError, match="freed twice"):
        pool.free(taken)
    with pytest.raises(AssertionError, match="asked for"):
        pool.allocate(5)


def test_blocks_for() -> None:
    assert [blocks_for(n) for n in (0, 1, 16, 17, 160)] == [0, 1, 1, 2, 10]
