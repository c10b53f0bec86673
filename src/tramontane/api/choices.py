"""Several answers side by side: to several prompts, or several to one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from tramontane.api.generation import Finish, Sampling, TextDelta, Usage, generate, prepare
from tramontane.api.prompts import Prompt
from tramontane.api.served import ServedModel
from tramontane.api.service import Service
from tramontane.api.tasks import cancel_all

Indexed = tuple[int, TextDelta]


@dataclass(frozen=True)
class Ask:
    """Answers wanted: one for each prompt and way of sampling, numbered in that order."""

    prompts: Sequence[Prompt]
    samplings: Sequence[Sampling]
    stop: Sequence[str]
    max_tokens: int | None

    @property
    def count(self) -> int:
        return len(self.prompts) * len(self.samplings)


@dataclass(frozen=True)
class Answer:
    """One whole answer."""

    text: str
    usage: Usage
    finish: Finish


async def stream_answers(service: Service, model: ServedModel, ask: Ask) -> AsyncGenerator[Indexed, None]:
    """Pieces of all answers as they come, each with its answer's number."""
    service.drain.check()
    streams = [
        service.metrics.measure(model.name, generate(model, request, ask.stop))
        for prompt in ask.prompts
        for request in await prepare(model, prompt, ask.samplings, ask.max_tokens)
    ]
    async with aclosing(_merge(streams)) as merged:
        async for item in merged:
            yield item


async def collect_answers(service: Service, model: ServedModel, ask: Ask) -> list[Answer]:
    """All answers, whole."""
    texts: list[list[str]] = [[] for _ in range(ask.count)]
    last: dict[int, TextDelta] = {}
    async with aclosing(stream_answers(service, model, ask)) as items:
        async for index, delta in items:
            texts[index].append(delta.text)
            last[index] = delta
    answers = []
    for index, pieces in enumerate(texts):
        finish = last[index].finish
        assert finish is not None, "a stream ends with its finish, or raises"
        answers.append(Answer("".join(pieces), last[index].usage, finish))
    return answers


async def _merge(streams: list[AsyncGenerator[TextDelta, None]]) -> AsyncGenerator[Indexed, None]:
    """Items of all streams in the order in which they come; the first error ends them all."""
    if len(streams) == 1:
        async with aclosing(streams[0]) as only:
            async for delta in only:
                yield 0, delta
        return
    # bounded: a slow reader holds the streams up, not the memory
    queue: asyncio.Queue[Indexed | Exception] = asyncio.Queue(len(streams))
    tasks = [asyncio.ensure_future(_feed(queue, *pair)) for pair in enumerate(streams)]
    running = len(streams)
    try:
        while running:
            item = await queue.get()
            if isinstance(item, Exception):
                raise item
            yield item
            running -= item[1].finish is not None
    finally:
        await cancel_all(*tasks)


async def _feed(
    queue: "asyncio.Queue[Indexed | Exception]", index: int, stream: AsyncGenerator[TextDelta, None]
) -> None:
    try:
        async with aclosing(stream):
            async for delta in stream:
                await queue.put((index, delta))
    except Exception as error:  # handed to the reader, which raises it
        await queue.put(error)
