"""What goes into the engine and what comes out of it; also the messages between its process and its client.

Torch-free: the HTTP process imports this module.
"""

import math
from typing import Literal

import msgspec

from tramontane.common.errors import ContextLengthError, RequestError

FinishReason = Literal["stop", "length", "cancelled", "error"]


class SamplingParams(msgspec.Struct, frozen=True, array_like=True):
    """How the next token is chosen and when a generation ends.

    Order: penalties, temperature, then the tokens that survive top-k, top-p and min-p. Temperature 0 is
    greedy.
    """

    temperature: float = 1.0
    top_k: int = 0  # 0: every token
    top_p: float = 1.0
    min_p: float = 0.0  # least probability, as a share of the most probable token's
    repetition_penalty: float = 1.0  # divides, over prompt and answer (Keskar et al., 2019)
    presence_penalty: float = 0.0  # subtracts, over the answer (OpenAI)
    frequency_penalty: float = 0.0  # subtracts once an occurrence, over the answer (OpenAI)
    seed: int | None = None  # None: the client draws one
    max_tokens: int | None = None  # None: until the context is full
    stop_ids: tuple[int, ...] = ()  # beside the model's own end-of-text ids
    ignore_eos: bool = False


class GenerationRequest(msgspec.Struct, array_like=True):
    """A prompt to go on from. `output_ids` are tokens already generated, before a restart of the engine."""

    id: str
    prompt_ids: list[int]
    sampling: SamplingParams = SamplingParams()
    output_ids: list[int] = []


class TokenEvent(msgspec.Struct, frozen=True, array_like=True):
    """New tokens of one request; the last event has `finish`. A stop token is not among `ids`."""

    id: str
    ids: list[int]
    finish: FinishReason | None = None
    error: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0


class EngineOptions(msgspec.Struct, frozen=True):
    """How an engine is run."""

    max_running: int = 32  # sequences that decode together
    max_waiting: int = 256  # requests beyond those; the next one is refused
    step_tokens: int = 256  # most tokens of one step: bounds how long a prompt delays running streams
    threads: int | None = None  # None: the physical cores


class Launch(msgspec.Struct, frozen=True):
    """The engine process's one argument, as JSON."""

    folder: str
    address: str
    options: EngineOptions


class EngineInfo(msgspec.Struct, frozen=True, array_like=True, tag="info"):
    """What the engine runs. `context_length` is the most tokens of a prompt and its answer together."""

    model: str
    context_length: int
    vocab_size: int
    num_kv_blocks: int
    block_size: int
    dtype: str
    device: str
    parameters: int


class EngineStats(msgspec.Struct, frozen=True, array_like=True, tag="stats"):
    """Gauges, and counters since the engine process started."""

    running: int
    waiting: int
    kv_blocks_used: int
    kv_blocks_total: int
    tokens_generated: int
    prompt_tokens: int  # prompt tokens computed, recomputed ones included
    preemptions: int
    steps: int
    resident_bytes: int = 0


# client → engine (beside GenerationRequest)


class Generate(msgspec.Struct, frozen=True, array_like=True, tag="generate"):
    request: GenerationRequest


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag="cancel"):
    id: str


class GetStats(msgspec.Struct, frozen=True, array_like=True, tag="get_stats"):
    pass


# engine → client (beside EngineInfo when ready, and EngineStats)


class Started(msgspec.Struct, frozen=True, array_like=True, tag="started"):
    """These requests are in the step that now begins: known before it can crash."""

    ids: list[str]


class Tokens(msgspec.Struct, frozen=True, array_like=True, tag="tokens"):
    """Every event of one step."""

    events: list[TokenEvent]


class Rejected(msgspec.Struct, frozen=True, array_like=True, tag="rejected"):
    """The error that refused a request: its class by `code`."""

    id: str
    code: str
    message: str
    param: str | None = None


class Failed(msgspec.Struct, frozen=True, array_like=True, tag="failed"):
    """The engine cannot start: the error's class by `code`."""

    code: str
    message: str


ToEngine = Generate | Cancel | GetStats
FromEngine = EngineInfo | EngineStats | Started | Tokens | Rejected | Failed


def check_request(request: GenerationRequest, context_length: int, vocab_size: int) -> None:
    """Raise RequestError, naming the field, or ContextLengthError, if the engine cannot do what is asked."""
    _check_sampling(request.sampling)
    if not request.prompt_ids:
        raise RequestError("The prompt is empty: give at least one token.", "prompt")
    if not 0 <= min(request.prompt_ids) <= max(request.prompt_ids) < vocab_size:
        worst = max(request.prompt_ids, key=lambda token: abs(token - vocab_size / 2))
        raise RequestError(f"Token {worst} is not in the vocabulary of {vocab_size} tokens.", "prompt")
    prompt, answer = len(request.prompt_ids), request.sampling.max_tokens or 1
    if prompt + answer > context_length:
        raise ContextLengthError(
            f"The prompt's {prompt} tokens and the {answer} asked for do not fit the model's context of "
            f"{context_length} tokens: shorten the prompt or lower max_tokens.",
            "prompt" if prompt + 1 > context_length else "max_tokens",
        )


def _check_sampling(sampling: SamplingParams) -> None:
    ranges: tuple[tuple[str, float, float, float], ...] = (
        ("temperature", sampling.temperature, 0.0, 100.0),
        ("top_k", sampling.top_k, 0, math.inf),
        ("top_p", sampling.top_p, 0.0, 1.0),
        ("min_p", sampling.min_p, 0.0, 1.0),
        ("repetition_penalty", sampling.repetition_penalty, 0.01, 100.0),
        ("presence_penalty", sampling.presence_penalty, -100.0, 100.0),
        ("frequency_penalty", sampling.frequency_penalty, -100.0, 100.0),
        ("max_tokens", 1 if sampling.max_tokens is None else sampling.max_tokens, 1, math.inf),
        ("seed", sampling.seed or 0, -(2**63), 2**63 - 1),
    )
    for name, value, least, most in ranges:
        if not least <= value <= most:  # NaN fails too
            raise RequestError(f"{name} {value} is out of range: give {least:g} to {most:g}.", name)
