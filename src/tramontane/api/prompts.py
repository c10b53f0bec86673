"""Prompts of all kinds → ids, without holding up other requests and without wasting memory on hopeless ones."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tramontane.api.served import ServedModel
from tramontane.common.errors import ContextLengthError, RequestError
from tramontane.engine.request import EngineInfo

# above this many characters, templating and tokenising would hold up other requests' streams
LONG_TEXT = 4000
# Prose has 3 to 5 characters a token: this many a token of context are tokenised first, to see whether they
# are too many already. Tokenising takes 200 bytes a token: 1 GB for the largest body that is taken.
SAMPLE_CHARACTERS_PER_TOKEN = 8

Message = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Chat:
    """A conversation to be answered, as dicts with "role" and "content"."""

    messages: list[Message]


Prompt = Chat | str | list[int]


async def encode_prompt(model: ServedModel, info: EngineInfo, prompt: Prompt) -> list[int]:
    """Ids of `prompt`. Raise RequestError if they are no prompt, ContextLengthError if it is far too long."""
    if isinstance(prompt, list):
        _check_ids(prompt, info.vocab_size)
        return prompt
    if isinstance(prompt, str):
        if not prompt:
            raise RequestError("The prompt is empty: write at least one character.", "prompt")
        await _refuse_hopeless(model, info, prompt, "prompt")
        return await _off_loop_if_long(len(prompt), lambda: model.tokenizer.encode_prompt(prompt))
    text = "\n".join(message["content"] for message in prompt.messages)
    await _refuse_hopeless(model, info, text, "messages")
    return await _off_loop_if_long(len(text), lambda: model.tokenizer.encode_chat(prompt.messages))


async def _refuse_hopeless(model: ServedModel, info: EngineInfo, text: str, param: str) -> None:
    sample = info.context_length * SAMPLE_CHARACTERS_PER_TOKEN
    if len(text) <= sample:
        return
    count = len(await _off_loop_if_long(sample, lambda: model.tokenizer.encode(text[:sample])))
    if count > info.context_length:
        raise ContextLengthError(
            f"This model's maximum context length is {info.context_length} tokens, but the first {sample} of "
            f"the prompt's {len(text)} characters have {count} already: shorten it.",
            param,
        )


async def _off_loop_if_long(characters: int, work: Callable[[], T]) -> T:
    return work() if characters < LONG_TEXT else await asyncio.to_thread(work)


def _check_ids(ids: list[int], vocab_size: int) -> None:
    if not ids:
        raise RequestError("The prompt has no tokens: give at least one.", "prompt")
    if (bad := next((i for i in ids if not 0 <= i < vocab_size), None)) is not None:
        raise RequestError(
            f"Token id {bad} is not in the vocabulary: ids go from 0 to {vocab_size - 1}.", "prompt"
        )
