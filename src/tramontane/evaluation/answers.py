"""A model's answers to the fixed prompts, by the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tramontane.engine.llm import LLM
from tramontane.engine.request import GenerationRequest, SamplingParams
from tramontane.evaluation.prompts import Prompt
from tramontane.tokenizer.tokenizer import Tokenizer

MAX_ANSWER_TOKENS = 200
GREEDY = SamplingParams(temperature=0.0)
SAMPLED = SamplingParams(temperature=0.7, top_p=0.9, seed=1)


@dataclass(frozen=True)
class Answer:
    """What the model said to a prompt: by its likeliest tokens, and by seeded sampling."""

    prompt: Prompt
    greedy: str
    sampled: str


def answer_prompts(model: Path, prompts: Sequence[Prompt]) -> list[Answer]:
    """Both answers to every prompt, the same on every run.

    Raises TokenizerError if the model has no chat template, ContextLengthError if a prompt leaves no room.
    """
    tokenizer, llm = Tokenizer.load(model), LLM(model)
    requests = []
    for prompt in prompts:
        ids = tokenizer.encode_chat([{"role": "user", "content": prompt.text}])
        room = max(1, min(MAX_ANSWER_TOKENS, llm.info.context_length - len(ids)))
        for name, sampling in (("greedy", GREEDY), ("sampled", SAMPLED)):
            limited = msgspec.structs.replace(sampling, max_tokens=room)
            requests.append(GenerationRequest(f"{prompt.id} {name}", ids, limited))
    texts = [tokenizer.decode_plain(ids).strip() for ids in llm.generate(requests)]
    return [Answer(*triple) for triple in zip(prompts, texts[::2], texts[1::2], strict=True)]
