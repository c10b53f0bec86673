"""Logits → the next token of each row.

One uniform number per (seed, position) from a counter-based hash, and the inverse of the cumulative
distribution in vocabulary order: the choice depends neither on the rest of the batch nor on what was drawn
before, so a stream that is resumed after a preemption or a restart goes on as it would have.

Shapes: R rows, V vocabulary, C candidates for the cut.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tramontane.engine.request import SamplingParams
from tramontane.engine.sequence import Sequence

NOT_FINITE = -1  # in place of a token: the row's logits hold NaN or infinity

_CANDIDATES = 256  # nearly always hold top-p's share; sorting the whole vocabulary costs 20 times more


def sample(logits_RV: Tensor, rows: list[Sequence]) -> list[int]:
    """The next token of each row, or NOT_FINITE. `logits_RV` is float32 and may be written over."""
    penalised = [row for row, sequence in enumerate(rows) if _has_penalty(sequence)]
    if penalised:
        logits_RV[penalised] = _penalise(_pick(logits_RV, penalised), [rows[row] for row in penalised])
    peak_R, tokens_R = logits_RV.max(dim=-1)
    drawn = [row for row, sequence in enumerate(rows) if sequence.sampling.temperature > 0]
    if drawn:
        below_peak_RV = _pick(logits_RV, drawn) - _pick(peak_R, drawn)[:, None]
        tokens_R[drawn] = _draw(below_peak_RV, [rows[row] for row in drawn])
    return [
        token if math.isfinite(peak) else NOT_FINITE
        for token, peak in zip(tokens_R.tolist(), peak_R.tolist(), strict=True)
    ]


def uniform(seeds: NDArray[np.uint64], positions: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number in [0, 1) for each (seed, position): SplitMix64's hash (Steele et al., 2014), twice."""
    mixed = _mix(_mix(seeds + _GOLDEN) + positions * _GOLDEN)
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(x: NDArray[np.uint64]) -> NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _has_penalty(sequence: Sequence) -> bool:
    sampling = sequence.sampling
    return bool(sampling.repetition_penalty != 1 or sampling.presence_penalty or sampling.frequency_penalty)


def _penalise(logits_RV: Tensor, rows: list[Sequence]) -> Tensor:
    vocab_size, params = logits_RV.shape[1], [sequence.sampling for sequence in rows]
    answers = [np.bincount(row.tokens[row.prompt_length :], minlength=vocab_size) for row in rows]
    prompts = [np.bincount(row.tokens[: row.prompt_length], minlength=vocab_size) for row in rows]
    counts_RV = torch.from_numpy(np.stack(answers)).to(logits_RV)
    seen_RV = torch.from_numpy(np.stack(prompts)).to(logits_RV.device).bool() | (counts_RV > 0)
    factor_R1 = _column(logits_RV, [p.repetition_penalty for p in params])
    logits_RV = torch.where(
        seen_RV, torch.where(logits_RV > 0, logits_RV / factor_R1, logits_RV * factor_R1), logits_RV
    )
    presence_R1 = _column(logits_RV, [p.presence_penalty for p in params])
    frequency_R1 = _column(logits_RV, [p.frequency_penalty for p in params])
    return logits_RV - presence_R1 * (counts_RV > 0) - frequency_R1 * counts_RV


def _draw(below_peak_RV: Tensor, rows: list[Sequence]) -> Tensor:
    params = [sequence.sampling for sequence in rows]
    weights_RV = (below_peak_RV / _column(below_peak_RV, [p.temperature for p in params])).exp_()  # peak: 1
    least_R1 = _column(weights_RV, [p.min_p for p in params])
    cut = [row for row, p in enumerate(params) if p.top_k or p.top_p < 1]
    if cut:
        cuts_R1 = _least_weight(_pick(weights_RV, cut), [params[row] for row in cut], _CANDIDATES)
        least_R1[cut] = torch.maximum(_pick(least_R1, cut), cuts_R1)
    weights_RV.masked_fill_(weights_RV < least_R1, 0)
    cumulative_RV = weights_RV.cumsum(-1, dtype=torch.float64)
    seeds = np.array([(p.seed or 0) % 2**64 for p in params], np.uint64)
    positions = np.array([sequence.length for sequence in rows], np.uint64)
    share_R1 = torch.from_numpy(uniform(seeds, positions)).to(weights_RV.device)[:, None]
    return torch.searchsorted(cumulative_RV, share_R1 * cumulative_RV[:, -1:], right=True)[:, 0]


def _least_weight(weights_RV: Tensor, params: list[SamplingParams], candidates: int) -> Tensor:
    """The weight, (R, 1), of the last token that top-k, then top-p, let pass. Equal weights pass together."""
    vocab_size = weights_RV.shape[1]
    tops = [min(p.top_k or vocab_size, vocab_size) for p in params]
    limits = [top for top in tops if top < vocab_size]
    if len(limits) < len(tops):  # some row has top-p alone
        limits.append(min(candidates, vocab_size))
    candidates = max(limits)
    best_RC = weights_RV.topk(candidates).values
    cumulative_RC = best_RC.cumsum(-1, dtype=torch.float64)
    last_R1 = torch.tensor(tops, device=weights_RV.device)[:, None] - 1
    kept_R1 = last_R1.clamp(max=candidates - 1)
    total_R1 = cumulative_RC.gather(1, kept_R1)
    if candidates < max(tops):  # without top-k, the candidates do not hold all of the probability
        total_R1 = total_R1.where(last_R1 < candidates, weights_RV.sum(-1, keepdim=True, dtype=torch.float64))
    share_R1 = _column(total_R1, [p.top_p for p in params])
    reached_R1 = torch.searchsorted(cumulative_RC, share_R1 * total_R1)
    least_R1 = best_RC.gather(1, torch.minimum(reached_R1, kept_R1))
    if candidates == vocab_size:
        return least_R1
    short = [row for row, reached in enumerate(reached_R1[:, 0].tolist()) if reached == candidates]
    if short:  # a flat distribution: more candidates are needed to reach top-p's share
        least_R1[short] = _least_weight(weights_RV[short], [params[row] for row in short], candidates * 16)
    return least_R1


def _pick(x: Tensor, rows: list[int]) -> Tensor:
    """These rows of x; x itself if they are all, which is common and spares a copy."""
    return x if len(rows) == len(x) else x[rows]


def _column(like: Tensor, values: list[float]) -> Tensor:
    """`values` as (R, 1), of the type and on the device of `like`."""
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None]
