"""Tiny random models, and the oracle: generation by recomputing everything for every token."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tramontane.engine.core import EngineCore
from tramontane.engine.request import EngineOptions, GenerationRequest, SamplingParams
from tramontane.engine.sampler import uniform
from tramontane.model.attention import CausalAttention
from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.folder import save_model

VOCAB = 97
CONTEXT = 160

torch.set_num_threads(1)


def tiny_config(**changes: object) -> ModelConfig:
    shape: dict[str, object] = {
        "family": "qwen3",
        "vocab_size": VOCAB,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_layers": 2,
        "num_heads": 4,
        "num_kv_heads": 2,
        "head_dim": 8,
        "max_positions": CONTEXT,
        "qk_norm": True,
    }
    return ModelConfig(**(shape | changes))  # type: ignore[arg-type]  # a test's shorthand


def tiny_decoder(**changes: object) -> Decoder:
    """Random weights, large enough that logits differ clearly."""
    torch.manual_seed(7)
    decoder = Decoder(tiny_config(**changes)).eval().requires_grad_(False)
    for parameter in decoder.parameters():
        if parameter.dim() == 2:
            parameter.normal_(std=0.25)
    return decoder


@pytest.fixture(scope="session")
def decoder() -> Decoder:
    return tiny_decoder()


@pytest.fixture(scope="session")
def windowed_decoder() -> Decoder:
    """One layer sees all, one sees the last 20 positions."""
    return tiny_decoder(windows=(None, 20))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory, decoder: Decoder) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(decoder, folder, dtype=torch.float32)
    return folder


@pytest.fixture(scope="session")
def naive() -> Callable[[Decoder, GenerationRequest], list[int]]:
    return naive_generate


@pytest.fixture(scope="session")
def engine() -> Callable[..., EngineCore]:
    return make_engine


@pytest.fixture(scope="session", name="naive_choice")
def naive_choice_fixture() -> Callable[[np.ndarray, list[int], int, SamplingParams], int]:
    return naive_choice


def make_engine(decoder: Decoder, num_blocks: int = 64, **options: int) -> EngineCore:
    return EngineCore(decoder, EngineOptions(**options), num_blocks)  # type: ignore[arg-type]


def naive_generate(decoder: Decoder, request: GenerationRequest) -> list[int]:
    """What the engine must give: one sequence, no cache, no batch, and a sampler in plain NumPy."""
    tokens, sampling = list(request.prompt_ids), request.sampling
    stops = set(sampling.stop_ids) | set(() if sampling.ignore_eos else decoder.config.eos_token_ids)
    most = sampling.max_tokens or decoder.config.max_positions - len(tokens)
    attention = CausalAttention(decoder.config.windows)
    for _ in range(most):
        ids = torch.tensor([tokens])
        with torch.inference_mode():
            hidden = decoder(ids, torch.arange(len(tokens))[None], attention)
            logits = decoder.logits(hidden[0, -1]).double().numpy()
        token = naive_choice(logits, tokens, len(request.prompt_ids), sampling)
        if token in stops:
            break
        tokens.append(token)
    return tokens[len(request.prompt_ids) :]


def naive_choice(logits: np.ndarray, tokens: list[int], prompt_length: int, sampling: SamplingParams) -> int:
    """The next token, rule by rule, by sorting."""
    logits = logits.copy()
    for token in set(tokens):
        factor = sampling.repetition_penalty
        logits[token] = logits[token] / factor if logits[token] > 0 else logits[token] * factor
    answer = tokens[prompt_length:]
    for token in set(answer):
        logits[token] -= sampling.presence_penalty + sampling.frequency_penalty * answer.count(token)
    if sampling.temperature == 0:
        return int(logits.argmax())
    weights = np.exp((logits - logits.max()) / sampling.temperature)
    order = np.argsort(-weights, kind="stable")
    kept = list(order[: sampling.top_k or None])
    total, mass, nucleus = weights[kept].sum(), 0.0, []
    for token in kept:
        nucleus.append(token)
        mass += weights[token]
        if mass >= sampling.top_p * total:
            break
    survivors = [token for token in nucleus if weights[token] >= sampling.min_p]
    weights = np.where(np.isin(np.arange(len(weights)), survivors), weights, 0)
    share = uniform(np.array([sampling.seed % 2**64], np.uint64), np.array([len(tokens)], np.uint64))[0]
    return int(np.searchsorted(np.cumsum(weights), share * weights.sum(), side="right"))
