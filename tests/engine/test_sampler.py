"""The sampler against the naive one, its numbers, and the distribution that comes out."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tramontane.engine.request import GenerationRequest, SamplingParams
from tramontane.engine.sampler import NOT_FINITE, sample, uniform
from tramontane.engine.sequence import Sequence

Choice = Callable[[np.ndarray, list[int], int, SamplingParams], int]


def make_row(sampling: SamplingParams, prompt: list[int], answer: list[int]) -> Sequence:
    return Sequence(GenerationRequest("a", prompt, sampling, answer), 1000, ())


SAMPLINGS = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 4.0]),
    top_k=st.sampled_from([0, 1, 3, 300, 5000]),
    top_p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.999, 1.0]),
    min_p=st.sampled_from([0.0, 0.01, 0.3]),
    repetition_penalty=st.sampled_from([1.0, 0.8, 1.5]),
    presence_penalty=st.sampled_from([0.0, 0.7]),
    frequency_penalty=st.sampled_from([0.0, -0.3, 0.5]),
    seed=st.integers(-(2**63), 2**63 - 1),
)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.integers(1, 5), vocab=st.sampled_from([11, 700]))
def test_any_batch_equals_the_naive_choice(
    naive_choice: Choice, data: st.DataObject, rows: int, vocab: int
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    spread = data.draw(st.sampled_from([0.05, 2.0]))  # nearly flat: top-p needs many candidates
    logits = (random.standard_normal((rows, vocab)) * spread).astype(np.float32)
    samplings = [data.draw(SAMPLINGS) for _ in range(rows)]
    prompts = [random.integers(0, vocab, 5).tolist() for _ in range(rows)]
    answers = [random.integers(0, vocab, n).tolist() for n in random.integers(0, 9, rows)]
    sequences = [make_row(*parts) for parts in zip(samplings, prompts, answers, strict=True)]
    expected = [
        naive_choice(logits[i].astype(np.float64), prompts[i] + answers[i], 5, samplings[i])
        for i in range(rows)
    ]
    assert sample(torch.from_numpy(logits.copy()), sequences) == expected


def test_uniform_is_splitmix64() -> None:
    """Known answers: the first outputs of SplitMix64 from state 0, by its authors' C code."""
    from tramontane.engine.sampler import _GOLDEN, _mix

    states = np.arange(1, 4, dtype=np.uint64) * _GOLDEN
    assert _mix(states).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_uniform_spreads_over_seeds_and_positions() -> None:
    seeds, positions = np.meshgrid(np.arange(200, dtype=np.uint64), np.arange(200, dtype=np.uint64))
    shares = uniform(seeds.ravel(), positions.ravel())
    assert ((shares >= 0) & (shares < 1)).all()
    assert len(np.unique(shares)) == 40_000
    histogram = np.histogram(shares, 20, (0, 1))[0]
    assert ((histogram - 2000) ** 2 / 2000).sum() < 45  # chi-square, 19 degrees: p = 0.0007
    grid = shares.reshape(200, 200)
    assert abs(np.corrcoef(grid[:-1].ravel(), grid[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(grid[:, :-1].ravel(), grid[:, 1:].ravel())[0, 1]) < 0.02


def test_frequencies_follow_the_distribution() -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0])
    rows = [make_row(SamplingParams(seed=seed), [0], []) for seed in range(20_000)]
    tokens = sample(logits.repeat(len(rows), 1), rows)
    share = np.bincount(tokens, minlength=4) / len(rows)
    assert np.abs(share - logits.softmax(-1).numpy()).max() < 0.012


def test_rows_that_are_not_finite_are_told() -> None:
    logits = torch.zeros(4, 7)
    logits[0, 3], logits[1, 0], logits[2] = float("nan"), float("inf"), -float("inf")
    for temperature in (0.0, 1.0):
        rows = [
            make_row(SamplingParams(temperature=temperature, seed=1, top_p=0.9), [0], []) for _ in range(4)
        ]
        tokens = sample(logits.clone(), rows)
        assert tokens[:3] == [NOT_FINITE] * 3
        assert 0 <= tokens[3] < 7


def test_forbidden_tokens_are_never_drawn() -> None:
    logits = torch.full((500, 50), -float("inf"))
    logits[:, [7, 31]] = 0.0
    rows = [make_row(SamplingParams(seed=seed), [0], []) for seed in range(500)]
    assert set(sample(logits, rows)) == {7, 31}


@pytest.mark.parametrize("temperature", [1e-30, 1e-6])
def test_tiny_temperature_is_greedy(temperature: float) -> None:
    logits = torch.tensor([[0.0, 0.5, 0.2]])
    assert sample(logits, [make_row(SamplingParams(temperature=temperature, seed=9), [0], [])]) == [1]
