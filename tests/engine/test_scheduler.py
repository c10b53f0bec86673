"""The scheduler under any order of adding, cancelling and stepping, without a model."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tramontane.common.errors import QueueFullError
from tramontane.engine.blocks import BLOCK_SIZE, BlockPool, blocks_for
from tramontane.engine.request import GenerationRequest, SamplingParams
from tramontane.engine.scheduler import Plan, Scheduler
from tramontane.engine.sequence import Sequence

NUM_BLOCKS, MAX_RUNNING, MAX_WAITING, STEP_TOKENS = 8, 3, 4, 10
CONTEXT = NUM_BLOCKS * BLOCK_SIZE


def make_sequence(name: str, prompt: int, answer: int) -> Sequence:
    request = GenerationRequest(name, [1] * prompt, SamplingParams(max_tokens=answer))
    return Sequence(request, CONTEXT, ())


def advance(scheduler: Scheduler, plan: Plan) -> list[Sequence]:
    """What runner and core do with a plan; returns who finished."""
    finished = []
    for sequence, count in plan.tokens.items():
        sequence.computed += count
        if not sequence.pending:
            sequence.append(2)
            if sequence.full:
                scheduler.remove(sequence)
                finished.append(sequence)
    return finished


class SchedulerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scheduler = Scheduler(BlockPool(NUM_BLOCKS), MAX_RUNNING, MAX_WAITING, STEP_TOKENS)
        self.live: list[Sequence] = []
        self.names = 0

    @rule(prompt=st.integers(1, CONTEXT - 1), share=st.floats(0, 1))
    def add(self, prompt: int, share: float) -> None:
        self.names += 1
        sequence = make_sequence(str(self.names), prompt, 1 + int(share * (CONTEXT - prompt - 1)))
        if len(self.live) < MAX_RUNNING + MAX_WAITING:
            self.scheduler.add(sequence)
            self.live.append(sequence)
        else:
            with pytest.raises(QueueFullError):
                self.scheduler.add(sequence)

    @precondition(lambda self: self.live)
    @rule(choice=st.integers(0, 100))
    def cancel(self, choice: int) -> None:
        sequence = self.live.pop(choice % len(self.live))
        held, free = sequence.num_blocks, self.scheduler.pool.num_free
        self.scheduler.remove(sequence)
        assert self.scheduler.pool.num_free == free + held

    @rule()
    def step(self) -> None:
        decoding = [sequence for sequence in self.scheduler.running if sequence.pending == 1]
        plan = self.scheduler.schedule()
        assert bool(plan.tokens) == bool(self.live), "a step makes progress whenever there is work"
        assert sum(plan.tokens.values()) <= STEP_TOKENS
        assert set(plan.tokens) <= set(self.scheduler.running)
        assert set(plan.admitted) <= set(plan.tokens)
        for sequence, count in plan.tokens.items():
            assert 1 <= count <= sequence.pending
            assert sequence.num_blocks >= blocks_for(sequence.computed + count)
        for sequence in decoding:  # never stalled: it steps, or gave its blocks to an older one
            assert sequence in plan.tokens or not sequence.num_blocks
        for sequence in advance(self.scheduler, plan):
            self.live.remove(sequence)

    @invariant()
    def nothing_leaks(self) -> None:
        self.scheduler.check_integrity()
        assert len(self.scheduler.running) <= MAX_RUNNING
        assert sorted(s.id for s in (*self.scheduler.running, *self.scheduler.waiting)) == sorted(
            s.id for s in self.live
        )

    def teardown(self) -> None:
        """Whatever the state, everything ends, and every block comes back."""
        for _ in range(5000):
            if self.scheduler.idle:
                break
            advance(self.scheduler, self.scheduler.schedule())
        assert self.scheduler.idle
        assert self.scheduler.pool.num_used == 0


TestScheduler = SchedulerMachine.TestCase
TestScheduler.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)


def test_first_come_first_served() -> None:
    scheduler = Scheduler(BlockPool(100), 2, 10, STEP_TOKENS)
    sequences = [make_sequence(str(i), 3, 2) for i in range(5)]
    for sequence in sequences:
        scheduler.add(sequence)
    finished = []
    while not scheduler.idle:
        finished += advance(scheduler, scheduler.schedule())
    assert finished == sequences


def test_newest_gives_way_and_comes_back_first() -> None:
    scheduler = Scheduler(BlockPool(4), 4, 10, 100)
    old, young, late = (make_sequence(name, 16, 40) for name in ("old", "young", "late"))
    for sequence in (old, young, late):
        scheduler.add(sequence)
    advance(scheduler, scheduler.schedule())  # three prompts: a block each, then one block is free
    plan = scheduler.schedule()  # each needs a second block
    assert list(plan.tokens) == [old, young]
    assert scheduler.waiting[0] is late
    assert scheduler.preemptions == 1
    assert late.computed == late.num_blocks == 0
    scheduler.remove(old)
    assert late in scheduler.schedule().admitted
