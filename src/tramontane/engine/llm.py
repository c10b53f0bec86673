"""The engine in this process, for offline work: evaluation, benchmarks, notebooks."""

from pathlib import Path

import torch

from tramontane.common.errors import ModelFileError
from tramontane.engine.loading import load_core
from tramontane.engine.request import EngineInfo, EngineOptions, GenerationRequest, check_request

_FREE_MEMORY = 4 * 2**30  # assumed; half of it bounds the cache
_UNBOUNDED = 2**31


class LLM:
    """A model folder, ready to generate.

    >>> LLM(folder).generate([GenerationRequest("a", prompt_ids, SamplingParams(temperature=0,
    max_tokens=32))]) [[…]]
    """

    def __init__(self, folder: Path, *, max_running: int = 32, dtype: torch.dtype | None = None) -> None:
        options = EngineOptions(max_running=max_running, max_waiting=_UNBOUNDED)
        self._core = load_core(folder, options, lambda: _FREE_MEMORY, dtype)

    @property
    def info(self) -> EngineInfo:
        return self._core.info

    def generate(self, requests: list[GenerationRequest]) -> list[list[int]]:
        """The new tokens of each request, in their order.

        Raises RequestError or ContextLengthError before any is computed, ModelFileError if the weights are
        damaged.
        """
        for request in requests:
            check_request(request, self.info.context_length, self.info.vocab_size)
        answers: dict[str, list[int]] = {request.id: [] for request in requests}
        try:
            for request in requests:
                self._core.add(request)
            while self._core.busy:
                for event in self._core.step():
                    answers[event.id].extend(event.ids)
                    if event.finish == "error":
                        raise ModelFileError(event.error or "")
        finally:
            for request in requests:
                self._core.cancel(request.id)
        return list(answers.values())
