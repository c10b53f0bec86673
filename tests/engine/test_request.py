"""What is refused, and that messages survive the wire."""

import math

import msgspec
import pytest

from tramontane.common.errors import ContextLengthError, RequestError
from tramontane.engine.request import (
    Cancel,
    EngineStats,
    FromEngine,
    Generate,
    GenerationRequest,
    GetStats,
    Rejected,
    SamplingParams,
    Started,
    ToEngine,
    TokenEvent,
    Tokens,
    check_request,
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("temperature", -0.1), ("temperature", math.nan), ("temperature", math.inf), ("top_k", -1),
        ("top_p", 1.01), ("top_p", math.nan), ("min_p", -1), ("repetition_penalty", 0.0),
        ("presence_penalty", math.inf), ("frequency_penalty", math.nan), ("max_tokens", 0),
        ("max_tokens", -5), ("seed", 2**63),
    ],
)  # fmt: skip
def test_a_field_out_of_range_is_named(field: str, value: float) -> None:
    request = GenerationRequest("a", [1], SamplingParams(**{field: value}))
    with pytest.raises(RequestError, match=field) as caught:
        check_request(request, 100, 50)
    assert caught.value.param == field


@pytest.mark.parametrize("prompt", [[], [50], [-1], [1, 2**40]])
def test_a_prompt_without_meaning_is_refused(prompt: list[int]) -> None:
    with pytest.raises(RequestError) as caught:
        check_request(GenerationRequest("a", prompt), 100, 50)
    assert caught.value.param == "prompt"


@pytest.mark.parametrize(
    ("prompt", "max_tokens", "param"),
    [(100, None, "prompt"), (100, 1, "prompt"), (90, 11, "max_tokens"), (1, 10**12, "max_tokens")],
)
def test_what_cannot_fit_is_refused(prompt: int, max_tokens: int | None, param: str) -> None:
    request = GenerationRequest("a", [1] * prompt, SamplingParams(max_tokens=max_tokens))
    with pytest.raises(ContextLengthError, match="100 tokens") as caught:
        check_request(request, 100, 50)
    assert caught.value.param == param


def test_what_just_fits_is_taken() -> None:
    check_request(GenerationRequest("a", [1] * 99, SamplingParams()), 100, 50)
    check_request(GenerationRequest("a", [49] * 90, SamplingParams(max_tokens=10)), 100, 50)


def test_messages_survive_the_wire() -> None:
    sampling = SamplingParams(temperature=0.5, seed=-3, stop_ids=(1, 2), max_tokens=None)
    to_engine = [Generate(GenerationRequest("a", [1, 2], sampling, [3])), Cancel("a"), GetStats()]
    from_engine = [
        Started(["a", "b"]),
        Tokens([TokenEvent("a", [5]), TokenEvent("b", [], "error", "Broken.", 7, 0)]),
        Rejected("a", "queue_full", "Full."),
        EngineStats(1, 2, 3, 4, 5, 6, 7, 8),
    ]
    for messages, kind in ((to_engine, ToEngine), (from_engine, FromEngine)):
        for message in messages:
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=kind) == message
