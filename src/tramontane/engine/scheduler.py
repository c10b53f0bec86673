"""What the next step computes.

A step is {sequence: number of tokens}: that one idea covers chunked prompts, decoding and recomputation.
There is no prefill phase and no decode phase. Running sequences come first, those that need one token
before those that read a prompt, so a long prompt never stalls a stream; waiting ones get what is left of
the step's token budget.
"""

from collections import deque
from dataclasses import dataclass, field

from tramontane.common.errors import QueueFullError
from tramontane.engine.blocks import BlockPool
from tramontane.engine.sequence import Sequence


@dataclass
class Plan:
    """One step: how many tokens of which sequence, and who runs for the first time (or again)."""

    tokens: dict[Sequence, int] = field(default_factory=dict)
    admitted: list[Sequence] = field(default_factory=list)


class Scheduler:
    """Continuous batching within a token budget, first come first served.

    A sequence is admitted when blocks for all its known tokens are free, and takes them at once. When a
    running one finds no block for its next token, the newest gives up all of its own and waits at the front
    of the queue (preemption by recomputation): the oldest always gets through.
    """

    def __init__(self, pool: BlockPool, max_running: int, max_waiting: int, step_tokens: int) -> None:
        self.pool = pool
        self.running: list[Sequence] = []  # oldest first
        self.waiting: deque[Sequence] = deque()
        self.preemptions = 0
        self._max_running = max_running
        self._max_unfinished = max_running + max_waiting
        self._step_tokens = max(step_tokens, max_running)

    @property
    def idle(self) -> bool:
        return not self.running and not self.waiting

    def add(self, sequence: Sequence) -> None:
        """Queue a sequence, or raise QueueFullError.

        The bound is on all that are unfinished, so that it does not depend on how far each has got:
        whatever was accepted before a restart of the engine is accepted again.
        """
        unfinished = len(self.running) + len(self.waiting)
        if unfinished >= self._max_unfinished:
            raise QueueFullError(
                f"{unfinished} requests are running or waiting, the most: try again in a moment."
            )
        self.waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Drop a finished or cancelled sequence; its blocks are free at once."""
        if sequence in self.running:
            self.running.remove(sequence)
        else:
            self.waiting.remove(sequence)
        self.pool.free(sequence.give_up())

    def schedule(self) -> Plan:
        """The next step; empty only when nothing is running or waiting."""
        plan = Plan()
        budget = self._step_tokens
        preempted = False
        for sequence in sorted(self.running, key=lambda sequence: sequence.pending > 1):
            if not budget:
                break
            if not sequence.num_blocks:  # gave them up to an older one
                continue
            while sequence.missing_blocks > self.pool.num_free:
                victim = self.running[-1]
                budget += plan.tokens.pop(victim, 0)
                self._preempt(victim)
                preempted = True
                if victim is sequence:
                    break
            else:
                budget -= self._plan(plan, sequence, budget)
        if not preempted:
            self._admit(plan, budget)
        return plan

    def check_integrity(self) -> None:
        """Prove that exactly the running sequences hold blocks (AssertionError otherwise)."""
        assert not any(sequence.num_blocks for sequence in self.waiting), "a waiting sequence holds blocks"
        self.pool.check(sequence.blocks for sequence in self.running)

    def _plan(self, plan: Plan, sequence: Sequence, budget: int) -> int:
        if missing := sequence.missing_blocks:
            sequence.take(self.pool.allocate(missing))
        plan.tokens[sequence] = min(sequence.pending, budget)
        return plan.tokens[sequence]

    def _admit(self, plan: Plan, budget: int) -> None:
        while self.waiting and budget and len(self.running) < self._max_running:
            if self.waiting[0].missing_blocks > self.pool.num_free:
                break
            sequence = self.waiting.popleft()
            self.running.append(sequence)
            plan.admitted.append(sequence)
            budget -= self._plan(plan, sequence, budget)

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self.pool.free(sequence.give_up())
        self.waiting.appendleft(sequence)
        self.preemptions += 1
