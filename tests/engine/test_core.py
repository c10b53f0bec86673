"""The engine against the oracle: alone, in a batch, in pieces, preempted, resumed."""

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tramontane.common.errors import ContextLengthError, QueueFullError, RequestError
from tramontane.engine.core import EngineCore
from tramontane.engine.request import GenerationRequest, SamplingParams, TokenEvent
from tramontane.model.decoder import Decoder

Naive = Callable[[Decoder, GenerationRequest], list[int]]
Engine = Callable[..., EngineCore]

GREEDY = SamplingParams(temperature=0, max_tokens=24)
WAYS = [
    GREEDY,
    SamplingParams(seed=1, max_tokens=30),
    SamplingParams(temperature=0.7, top_k=5, seed=2, max_tokens=20),
    SamplingParams(temperature=1.3, top_p=0.8, seed=3, max_tokens=25),
    SamplingParams(temperature=0.9, min_p=0.1, seed=4, max_tokens=18),
    SamplingParams(top_k=20, top_p=0.9, min_p=0.02, seed=5, max_tokens=40),
    SamplingParams(temperature=0, repetition_penalty=1.3, max_tokens=30),
    SamplingParams(presence_penalty=0.6, frequency_penalty=0.4, seed=-6, max_tokens=30),
    SamplingParams(temperature=2.5, repetition_penalty=1.1, top_p=0.95, seed=2**62, max_tokens=12),
]


def make_requests(count: int = 12, vocab: int = 97) -> list[GenerationRequest]:
    """Prompts of 1 to 60 tokens, every way of sampling."""
    random = np.random.default_rng(0)
    lengths = [1, 2, 15, 16, 17, 31, 33, 60, 5, 40, 8, 23]
    return [
        GenerationRequest(f"r{i}", random.integers(0, vocab, lengths[i % 12]).tolist(), WAYS[i % len(WAYS)])
        for i in range(count)
    ]


def run(core: EngineCore, requests: list[GenerationRequest]) -> dict[str, list[int]]:
    for request in requests:
        core.add(request)
    return drain(core, {request.id: [] for request in requests})


def drain(core: EngineCore, answers: dict[str, list[int]]) -> dict[str, list[int]]:
    while core.busy:
        for event in core.step():
            answers[event.id] += event.ids
        core.check_integrity()
    assert core.stats().kv_blocks_used == 0
    return answers


@pytest.fixture(scope="module")
def expected(decoder: Decoder, naive: Naive) -> dict[str, list[int]]:
    return {request.id: naive(decoder, request) for request in make_requests()}


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_alone_equals_oracle(
    decoder: Decoder, engine: Engine, expected: dict[str, list[int]], way: int
) -> None:
    request = make_requests()[way]
    assert run(engine(decoder), [request]) == {request.id: expected[request.id]}


def test_batch_equals_oracle(decoder: Decoder, engine: Engine, expected: dict[str, list[int]]) -> None:
    assert run(engine(decoder), make_requests()) == expected


def test_small_pieces_equal_oracle(decoder: Decoder, engine: Engine, expected: dict[str, list[int]]) -> None:
    core = engine(decoder, max_running=5, step_tokens=7)
    assert run(core, make_requests()) == expected


def test_preemption_equals_oracle(decoder: Decoder, engine: Engine, expected: dict[str, list[int]]) -> None:
    core = engine(decoder, num_blocks=9, step_tokens=20)
    assert run(core, make_requests()) == expected
    assert core.stats().preemptions > 0


def test_windows_equal_oracle(windowed_decoder: Decoder, engine: Engine, naive: Naive) -> None:
    requests = make_requests()
    expected = {request.id: naive(windowed_decoder, request) for request in requests}
    assert run(engine(windowed_decoder, step_tokens=24, max_running=6), requests) == expected
    assert run(engine(windowed_decoder), requests[:1]) == {"r0": expected["r0"]}


def test_resumed_request_goes_on(decoder: Decoder, engine: Engine, expected: dict[str, list[int]]) -> None:
    requests = make_requests()
    for cut, request in enumerate(requests):
        request.output_ids = expected[request.id][: cut % 7]
    answers = run(engine(decoder), requests)
    for request in requests:
        assert request.output_ids + answers[request.id] == expected[request.id]


def test_stop_token_ends_and_is_left_out(decoder: Decoder, engine: Engine, naive: Naive) -> None:
    prompt = [5, 6, 7]
    free = naive(decoder, GenerationRequest("a", prompt, GREEDY))
    stop = free[4]
    sampling = SamplingParams(temperature=0, max_tokens=24, stop_ids=(stop,))
    core = engine(decoder)
    core.add(GenerationRequest("a", prompt, sampling))
    events: list[TokenEvent] = []
    while core.busy:
        events += core.step()
    assert [token for event in events for token in event.ids] == free[: free.index(stop)]
    assert events[-1] == TokenEvent("a", [], "stop", prompt_tokens=3)


def test_eos_of_the_model_stops_unless_ignored(engine: Engine, naive: Naive, decoder: Decoder) -> None:
    prompt = [5, 6, 7]
    free = naive(decoder, GenerationRequest("a", prompt, GREEDY))
    config, decoder.config = decoder.config, dataclasses.replace(decoder.config, eos_token_ids=(free[2],))
    try:
        core = engine(decoder)
    finally:
        decoder.config = config
    assert run(core, [GenerationRequest("a", prompt, GREEDY)])["a"] == free[: free.index(free[2])]
    ignoring = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)
    assert run(core, [GenerationRequest("b", prompt, ignoring)])["b"] == free


def test_without_max_tokens_fills_the_context(decoder: Decoder, engine: Engine) -> None:
    core = engine(decoder)
    answer = run(core, [GenerationRequest("a", [1] * 100, SamplingParams(seed=1))])["a"]
    assert len(answer) == core.info.context_length - 100


def test_cancel_frees_blocks_at_once(
    decoder: Decoder, engine: Engine, expected: dict[str, list[int]]
) -> None:
    core = engine(decoder, max_running=3, step_tokens=30)
    answers: dict[str, list[int]] = {f"r{i}": [] for i in range(6)}
    for request in make_requests(6):
        core.add(request)
    for event in core.step():
        answers[event.id] += event.ids
    used = core.stats().kv_blocks_used
    core.cancel("r0")
    assert core.stats().kv_blocks_used == used - 1
    core.cancel("r5")  # still waits
    core.cancel("r5")  # twice is no error
    core.check_integrity()
    drain(core, answers)
    for kept in ("r1", "r2", "r3", "r4"):
        assert answers[kept] == expected[kept]
    assert not answers["r5"]


def test_queue_is_bounded(decoder: Decoder, engine: Engine) -> None:
    core = engine(decoder, max_running=2, max_waiting=1)
    for request in make_requests(3):
        core.add(request)
    with pytest.raises(QueueFullError, match="3 requests"):
        core.add(GenerationRequest("one too many", [1], GREEDY))
    core.cancel("r1")
    core.add(GenerationRequest("fits now", [1], GREEDY))


@pytest.mark.parametrize(("num_blocks", "context"), [(64, 160), (4, 64)])
def test_what_can_never_fit_is_refused(
    decoder: Decoder, engine: Engine, num_blocks: int, context: int
) -> None:
    core = engine(decoder, num_blocks=num_blocks)
    assert core.info.context_length == context
    fitting = SamplingParams(temperature=0, max_tokens=10)
    with pytest.raises(ContextLengthError, match=str(context)):
        core.add(GenerationRequest("a", [1] * (context - 9), fitting))
    with pytest.raises(ContextLengthError):
        core.add(GenerationRequest("a", [1] * context, SamplingParams()))
    assert len(run(core, [GenerationRequest("a", [1] * (context - 10), fitting)])["a"]) == 10


def test_token_outside_vocabulary_is_refused(decoder: Decoder, engine: Engine) -> None:
    with pytest.raises(RequestError, match="Token 97"):
        engine(decoder).add(GenerationRequest("a", [1, 97], GREEDY))


def test_long_prompt_does_not_stall_running_streams(decoder: Decoder, engine: Engine) -> None:
    core = engine(decoder, max_running=4, step_tokens=8)
    core.add(GenerationRequest("talking", [1, 2], GREEDY))
    core.step()
    core.add(GenerationRequest("long", [3] * 100, GREEDY))
    core.add(GenerationRequest("second", [3] * 50, GREEDY))
    for _ in range(10):
        assert "talking" in [event.id for event in core.step()]


def test_nan_fails_one_request_and_spares_the_others(decoder: Decoder, engine: Engine, naive: Naive) -> None:
    def greedy(name: str, prompt: list[int]) -> GenerationRequest:
        return GenerationRequest(name, prompt, SamplingParams(temperature=0, max_tokens=24))

    well = [greedy(f"well{i}", [i, i + 1, i + 2]) for i in range(3)]
    later = [greedy(f"later{i}", [2] * (17 + i)) for i in range(4)]
    expected = {request.id: naive(decoder, request) for request in well + later}
    used = {token for request in well + later for token in request.prompt_ids + expected[request.id]}
    poison = min(set(range(97)) - used)
    sick = copy.deepcopy(decoder)
    sick.model.embed_tokens.weight[poison] = float("nan")
    core = engine(sick, num_blocks=16, max_running=4)
    for request in (*well, greedy("ill", [1] * 20 + [poison])):
        core.add(request)
    answers: dict[str, list[int]] = {request.id: [] for request in well} | {"ill": []}
    endings = {}
    while core.busy:
        for event in core.step():
            answers[event.id] += event.ids
            endings[event.id] = event
    assert endings["ill"].finish == "error"
    assert "NaN" in (endings["ill"].error or "")
    # its blocks are used again, and its NaN is not in them
    assert {**answers, **run(core, later)} == expected | {"ill": []}


def test_nan_in_the_first_piece_of_a_prompt_is_told_at_once(decoder: Decoder, engine: Engine) -> None:
    sick = copy.deepcopy(decoder)
    sick.model.embed_tokens.weight[96] = float("nan")
    core = engine(sick, num_blocks=16, step_tokens=8, max_running=2)
    core.add(GenerationRequest("ill", [1, 2, 96] + [3] * 60, GREEDY))
    (event,) = core.step()
    assert (event.id, event.finish) == ("ill", "error")
    answer = run(core, [GenerationRequest("well", [1, 2, 3] * 9, GREEDY)])["well"]
    assert answer == run(engine(decoder), [GenerationRequest("well", [1, 2, 3] * 9, GREEDY)])["well"]
