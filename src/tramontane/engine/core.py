"""The engine without its process: requests in, one step at a time, token events out."""

import logging

from tramontane.common.errors import ModelFileError
from tramontane.engine.blocks import BLOCK_SIZE, BlockPool
from tramontane.engine.request import (
    EngineInfo,
    EngineOptions,
    EngineStats,
    FinishReason,
    GenerationRequest,
    SamplingParams,
    TokenEvent,
    check_request,
)
from tramontane.engine.runner import ModelRunner
from tramontane.engine.sampler import NOT_FINITE
from tramontane.engine.scheduler import Plan, Scheduler
from tramontane.engine.sequence import Sequence
from tramontane.model.decoder import Decoder

logger = logging.getLogger(__name__)


class EngineCore:
    """Scheduler, runner and the unfinished requests.

    >>> core.add(request)
    >>> while core.busy:
    ...     events = core.step()
    """

    def __init__(self, decoder: Decoder, options: EngineOptions, num_blocks: int, name: str = "") -> None:
        config = decoder.config
        pool = BlockPool(num_blocks)
        self._runner = ModelRunner(decoder, num_blocks)
        self._scheduler = Scheduler(pool, options.max_running, options.max_waiting, options.step_tokens)
        self._sequences: dict[str, Sequence] = {}
        self._eos_ids = config.eos_token_ids
        self._steps = self._tokens_generated = self._prompt_tokens = 0
        self.info = EngineInfo(
            model=name,
            context_length=min(config.max_positions, num_blocks * BLOCK_SIZE),
            vocab_size=config.vocab_size,
            num_kv_blocks=num_blocks,
            block_size=BLOCK_SIZE,
            dtype=str(self._runner.dtype).removeprefix("torch."),
            device=str(self._runner.device),
            parameters=sum(weight.numel() for weight in decoder.parameters()),
        )

    @property
    def busy(self) -> bool:
        """Whether a step has anything to do."""
        return not self._scheduler.idle

    def add(self, request: GenerationRequest) -> None:
        """Queue a request. Raises RequestError, ContextLengthError or QueueFullError."""
        assert request.id not in self._sequences, f"request {request.id} is here already"
        check_request(request, self.info.context_length, self.info.vocab_size)
        sequence = Sequence(request, self.info.context_length, self._eos_ids)
        self._scheduler.add(sequence)
        self._sequences[request.id] = sequence

    def cancel(self, request_id: str) -> None:
        """Forget a request; its blocks are free on return. One that has finished meanwhile is no error."""
        if sequence := self._sequences.pop(request_id, None):
            self._scheduler.remove(sequence)

    def plan(self) -> Plan:
        """What the next step computes, to be handed to `execute`."""
        return self._scheduler.schedule()

    def execute(self, plan: Plan) -> list[TokenEvent]:
        """Compute a step; returns an event for every request with a new token or an end."""
        for sequence, count in plan.tokens.items():
            self._prompt_tokens += min(count, max(0, sequence.prompt_length - sequence.computed))
        self._steps += 1
        return [self._advance(sequence, token) for sequence, token in self._runner.run(plan.tokens).items()]

    def step(self) -> list[TokenEvent]:
        return self.execute(self.plan())

    def warm_up(self) -> None:
        """Run a prompt piece and a decoding step, so that the first request does not pay for first calls.

        Raises ModelFileError if what comes out is not a number.
        """
        sampling = SamplingParams(seed=0, top_p=0.9, max_tokens=2, ignore_eos=True)
        length = min(8, self.info.context_length - 2)
        self.add(GenerationRequest("warm-up", [0] * length, sampling))
        while self.busy:
            for event in self.step():
                if event.error is not None:
                    raise ModelFileError(event.error)
        self._steps = self._tokens_generated = self._prompt_tokens = 0

    def stats(self) -> EngineStats:
        pool = self._scheduler.pool
        return EngineStats(
            running=len(self._scheduler.running),
            waiting=len(self._scheduler.waiting),
            kv_blocks_used=pool.num_used,
            kv_blocks_total=pool.num_blocks,
            tokens_generated=self._tokens_generated,
            prompt_tokens=self._prompt_tokens,
            preemptions=self._scheduler.preemptions,
            steps=self._steps,
        )

    def check_integrity(self) -> None:
        """Prove that no block is lost or owned twice (AssertionError with the account otherwise)."""
        self._scheduler.check_integrity()

    def _advance(self, sequence: Sequence, token: int) -> TokenEvent:
        if token == NOT_FINITE:
            logger.error("request %s: logits are not finite", sequence.id)
            self._runner.clear(sequence.blocks)
            return self._finish(
                sequence,
                [],
                "error",
                "The model computed NaN, so its weights are damaged: fetch its folder again.",
            )
        self._tokens_generated += 1
        if token in sequence.stop:
            return self._finish(sequence, [], "stop")
        sequence.append(token)
        if sequence.full:
            return self._finish(sequence, [token], "length")
        return TokenEvent(sequence.id, [token], prompt_tokens=sequence.prompt_length)

    def _finish(
        self, sequence: Sequence, ids: list[int], finish: FinishReason, error: str | None = None
    ) -> TokenEvent:
        del self._sequences[sequence.id]
        self._scheduler.remove(sequence)
        return TokenEvent(sequence.id, ids, finish, error, sequence.prompt_length)
