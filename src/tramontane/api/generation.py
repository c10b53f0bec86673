"""Text in, text out: what every dialect is translated to and from.

A prompt becomes ids, the engine's token events become text, cut at stop strings, with the tokens counted.
"""

import asyncio
import secrets
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal, TypeVar

from tramontane.api.defaults import SamplingDefaults
from tramontane.api.prompts import Chat, Prompt, encode_prompt
from tramontane.api.served import ServedModel
from tramontane.api.stops import StopMatcher
from tramontane.common.errors import ContextLengthError, EngineDiedError
from tramontane.engine.request import GenerationRequest, SamplingParams, TokenEvent
from tramontane.tokenizer.detokenizer import Detokenizer

Finish = Literal["stop", "length"]
T = TypeVar("T")


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen. None: as the model's folder says, else the engine's neutral value."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    ignore_eos: bool = False


@dataclass(frozen=True)
class Usage:
    """Tokens so far. `cached` are those of the prompt that were not computed again."""

    prompt: int = 0
    cached: int = 0
    completion: int = 0


@dataclass(frozen=True)
class TextDelta:
    """A piece of the answer (it may be empty: half a character, a stop string's beginning)."""

    text: str
    usage: Usage
    finish: Finish | None = None


async def prepare(
    model: ServedModel, prompt: Prompt, samplings: Sequence[Sampling], max_tokens: int | None
) -> list[GenerationRequest]:
    """One request for each way of sampling; `max_tokens` None: up to the end of the context.

    Raise RequestError or ContextLengthError where the prompt cannot be answered as asked.
    """
    info = await model.info()
    ids = await encode_prompt(model, info, prompt)
    room = info.context_length - len(ids)
    if room < (max_tokens or 1):
        raise ContextLengthError(
            f"This model's maximum context length is {info.context_length} tokens, but the prompt has "
            f"{len(ids)} and the answer needs {max_tokens or 'at least 1'}: shorten one of them.",
            "messages" if isinstance(prompt, Chat) else "prompt",
        )
    return [
        GenerationRequest(
            id=uuid.uuid4().hex,
            prompt_ids=ids,
            sampling=_sampling_params(model, sampling, max_tokens or room),
        )
        for sampling in samplings
    ]


async def generate(
    model: ServedModel, request: GenerationRequest, stop: Sequence[str] = ()
) -> AsyncGenerator[TextDelta, None]:
    """The answer piece by piece; the last one alone has `finish`. Closing it early cancels the request."""
    text = _TextReader(model, stop)
    async with aclosing(model.client.generate(request)) as events:
        async for event in events:
            delta = text.read(event)
            yield delta
            if delta.finish is not None:
                return
            # a stream whose tokens are always there already must not starve the others
            await asyncio.sleep(0)
    raise EngineDiedError("The engine stopped before the answer was complete: ask again.")


def _sampling_params(model: ServedModel, asked: Sampling, max_tokens: int) -> SamplingParams:
    liked: SamplingDefaults = model.defaults
    return SamplingParams(
        temperature=_first(asked.temperature, liked.temperature, 1.0),
        top_p=_first(asked.top_p, liked.top_p, 1.0),
        top_k=_first(asked.top_k, liked.top_k, 0),
        min_p=_first(asked.min_p, liked.min_p, 0.0),
        repetition_penalty=_first(asked.repetition_penalty, liked.repetition_penalty, 1.0),
        presence_penalty=asked.presence_penalty,
        frequency_penalty=asked.frequency_penalty,
        # chosen here, so that an answer can go on in a restarted engine
        seed=asked.seed if asked.seed is not None else secrets.randbits(63),
        max_tokens=max_tokens,
        stop_ids=() if asked.ignore_eos else model.tokenizer.eos_ids,
        ignore_eos=asked.ignore_eos,
    )


def _first(*values: T | None) -> T:
    return next(value for value in values if value is not None)


class _TextReader:
    """Turns one request's token events into text."""

    def __init__(self, model: ServedModel, stop: Sequence[str]) -> None:
        self._detokenizer = Detokenizer(model.tokenizer)
        self._matcher = StopMatcher(stop)
        self._usage = Usage()

    def read(self, event: TokenEvent) -> TextDelta:
        if event.finish == "error" or event.finish == "cancelled":  # noqa: PLR1714  # mypy narrows only this
            raise EngineDiedError(event.error or "The engine gave this request up: ask again.")
        completion = self._usage.completion + len(event.ids)
        self._usage = Usage(event.prompt_tokens, event.cached_tokens, completion)
        text = self._matcher.push(self._detokenizer.push(event.ids))
        if event.finish is not None and not self._matcher.stopped:
            text += self._matcher.push(self._detokenizer.finish())
            text += self._matcher.finish()
        return TextDelta(text, self._usage, "stop" if self._matcher.stopped else event.finish)
