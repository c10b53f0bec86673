"""Pieces of answers as OpenAI's server-sent events."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel

from tramontane.api.choices import Ask, Indexed
from tramontane.api.generation import TextDelta, Usage
from tramontane.api.openai.answers import UsageBody, usage_body

DONE = b"data: [DONE]\n\n"


async def chunk_events(
    items: AsyncGenerator[Indexed, None],
    ask: Ask,
    include_usage: bool,
    choice: Callable[[int, TextDelta, bool], BaseModel],
    chunk: Callable[..., BaseModel],
) -> AsyncGenerator[bytes, None]:
    """`chunk(choices=[choice(number, piece, is_first)])` for each piece that says something, then [DONE].

    With include_usage, as OpenAI has it, every chunk says `usage: null` and a last one without choices has
    it. Without, the chunk that ends the last answer carries it: no client minds, and all can read it.
    """
    tally = _Tally(ask)
    begun: set[int] = set()
    async with aclosing(items):
        async for index, delta in items:
            tally.add(index, delta)
            if not delta.text and delta.finish is None:
                continue
            extra: dict[str, Any] = {}
            if include_usage:
                extra = {"usage": None}
            elif not tally.running:
                extra = {"usage": tally.usage()}
            yield _event(chunk(choices=[choice(index, delta, index not in begun)], **extra))
            begun.add(index)
    if include_usage:
        yield _event(chunk(choices=[], usage=tally.usage()))
    yield DONE


def _event(body: BaseModel) -> bytes:
    return b"data: " + body.model_dump_json(exclude_unset=True).encode() + b"\n\n"


class _Tally:
    """Tokens of all answers so far, and how many are not finished."""

    def __init__(self, ask: Ask) -> None:
        self._answers = len(ask.samplings)
        self._usages = [[Usage()] * self._answers for _ in ask.prompts]
        self.running = ask.count

    def add(self, index: int, delta: TextDelta) -> None:
        self._usages[index // self._answers][index % self._answers] = delta.usage
        self.running -= delta.finish is not None

    def usage(self) -> UsageBody:
        return usage_body(self._usages)
