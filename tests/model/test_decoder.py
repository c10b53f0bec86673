"""Logits against transformers, for every family and every field that changes what is computed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tramontane.model.attention import CausalAttention
from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.folder import load_model

YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 16}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 500.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "qwen3": ("qwen3", {}),
    "qwen3-tied": ("qwen3", {"tie_word_embeddings": True}),
    "qwen3-one-kv-head": ("qwen3", {"num_key_value_heads": 1}),
    "qwen3-no-grouping": ("qwen3", {"num_key_value_heads": 4}),
    "qwen3-bias": ("qwen3", {"attention_bias": True}),
    "qwen3-eps": ("qwen3", {"rms_norm_eps": 0.1}),
    "qwen3-layer-types": (
        "qwen3",
        {
            "use_sliding_window": True,
            "sliding_window": 7,
            "layer_types": ["sliding_attention", "full_attention"],
        },
    ),
    "qwen3-yarn": ("qwen3", {"rope_parameters": YARN}),
    "qwen2": ("qwen2", {}),
    "qwen2-tied": ("qwen2", {"tie_word_embeddings": True}),
    "qwen2-window": ("qwen2", {"use_sliding_window": True, "sliding_window": 7, "max_window_layers": 1}),
    "llama": ("llama", {}),
    "llama-tied": ("llama", {"tie_word_embeddings": True}),
    "llama-bias": ("llama", {"attention_bias": True, "mlp_bias": True}),
    "llama-head-dim": ("llama", {"head_dim": 10}),
    "llama-theta": ("llama", {"rope_parameters": {"rope_type": "default", "rope_theta": 77.0}}),
    "llama-linear": (
        "llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 3.0}},
    ),
    "llama-dynamic": (
        "llama",
        {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 3.0}},
    ),
    "llama-llama3": ("llama", {"rope_parameters": LLAMA3}),
    "llama-yarn-untruncated": ("llama", {"rope_parameters": YARN | {"truncate": False, "beta_fast": 5.0}}),
    "llama-yarn-factor": ("llama", {"rope_parameters": YARN | {"attention_factor": 0.7}}),
    "llama-yarn-mscale": ("llama", {"rope_parameters": YARN | {"mscale": 0.7, "mscale_all_dim": 1.3}}),
    "mistral": ("mistral", {"sliding_window": None}),
    "mistral-window": ("mistral", {"sliding_window": 7}),
}


class GrowingCache:
    """Attention over all keys so far of one sequence, fed piece by piece."""

    def __init__(self, config: ModelConfig) -> None:
        self._config = config
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def __call__(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        if layer in self._kept:
            key, value = (torch.cat(pair) for pair in zip(self._kept[layer], (key, value), strict=True))
        self._kept[layer] = key, value
        total, new = key.shape[0], query.shape[0]
        distance = torch.arange(total - new, total)[:, None] - torch.arange(total)[None, :]
        seen = (distance >= 0) & (distance < (self._config.window(layer) or total))
        repeats = self._config.num_heads // self._config.num_kv_heads
        key, value = (x.repeat_interleave(repeats, dim=1).transpose(0, 1) for x in (key, value))
        out = functional.scaled_dot_product_attention(query.transpose(0, 1), key, value, attn_mask=seen)
        return out.transpose(0, 1)


def all_logits(decoder: Decoder, ids: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    positions = torch.arange(ids.shape[-1]).expand(ids.shape)
    return decoder.logits(decoder(ids, positions, CausalAttention(decoder.config.windows), dtype))


def saved(model: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("case", CASES)
def test_logits_are_those_of_transformers(
    case: str, make_oracle: Callable[..., Any], some_ids: Tensor, tmp_path: Path
) -> None:
    family, changes = CASES[case]
    oracle = make_oracle(family, **changes)
    decoder = load_model(saved(oracle, tmp_path))
    with torch.no_grad():
        expected = oracle(some_ids).logits
    assert expected.std() > 0.3  # large enough for the comparison to mean something
    torch.testing.assert_close(all_logits(decoder, some_ids), expected, rtol=0, atol=1e-4)

    row, cache, pieces = some_ids[1], GrowingCache(decoder.config), []
    for start, end in [(0, 9), (9, 10), (10, 24), *((n, n + 1) for n in range(24, len(row)))]:
        hidden = decoder(row[start:end], torch.arange(start, end), cache)
        pieces.append(decoder.logits(hidden))
    torch.testing.assert_close(torch.cat(pieces), expected[1], rtol=0, atol=1e-4)


def test_every_case_computes_something_else(
    make_oracle: Callable[..., Any], some_ids: Tensor, tmp_path: Path
) -> None:
    """Else a case above would pass with its field ignored by both sides."""
    for case in ("qwen3-eps", "qwen3-layer-types", "llama-llama3", "llama-yarn-factor", "mistral-window"):
        family, changes = CASES[case]
        plain = {"sliding_window": None} if family == "mistral" else {}
        decoder = load_model(saved(make_oracle(family, **changes), tmp_path / case))
        other = load_model(saved(make_oracle(family, **plain), tmp_path / f"{case}-plain"))
        assert (all_logits(decoder, some_ids) - all_logits(other, some_ids)).abs().max() > 1e-2, case


def test_bfloat16_is_no_less_exact_than_transformers(
    oracle: Any, oracle_folder: Path, some_ids: Tensor
) -> None:
    narrow = type(oracle)(oracle.config).eval()
    narrow.load_state_dict(oracle.state_dict())
    narrow.to(torch.bfloat16)
    decoder = load_model(oracle_folder, dtype=torch.bfloat16)
    with torch.no_grad():
        exact, theirs = oracle(some_ids).logits, narrow(some_ids).logits.float()
    ours = all_logits(decoder, some_ids)
    assert ours.dtype == torch.bfloat16
    assert (ours.float() - exact).abs().mean() < 1.1 * (theirs - exact).abs().mean()


def test_flat_and_batched_tokens_give_the_same(oracle_folder: Path, some_ids: Tensor) -> None:
    decoder = load_model(oracle_folder)
    torch.testing.assert_close(all_logits(decoder, some_ids[0]), all_logits(decoder, some_ids)[0])


@pytest.mark.parametrize("tied", [False, True])
def test_bfloat16_compute_trains_float32_masters(
    tied: bool, tiny_decoder: Callable[..., Decoder], some_ids: Tensor
) -> None:
    decoder = tiny_decoder(tie_embeddings=tied)

    def gradients(dtype: torch.dtype | None) -> dict[str, Tensor]:
        decoder.zero_grad()
        logits = all_logits(decoder, some_ids[:, :-1], dtype)
        assert logits.dtype == (dtype or torch.float32)
        functional.cross_entropy(logits.float().flatten(0, 1), some_ids[:, 1:].flatten()).backward()
        return {name: parameter.grad.clone() for name, parameter in decoder.named_parameters()}  # type: ignore[union-attr]

    exact, rough = gradients(None), gradients(torch.bfloat16)
    for name, gradient in rough.items():
        assert gradient.dtype == torch.float32
        assert gradient.abs().sum() > 0, name
        similarity = functional.cosine_similarity(gradient.flatten(), exact[name].flatten(), dim=0)
        assert similarity > 0.97, (name, float(similarity))


def test_tied_head_survives_what_is_done_to_a_module(tiny_decoder: Callable[..., Decoder]) -> None:
    decoder = tiny_decoder(tie_embeddings=True)
    assert "lm_head.weight" not in decoder.state_dict()
    for changed in (decoder.to(torch.bfloat16), decoder.to_empty(device="cpu"), decoder.float()):
        assert changed.lm_head.weight is changed.model.embed_tokens.weight


class _Operators(TorchDispatchMode):
    """Notes the name of every operator that runs."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def test_meta_device_is_given_no_random_numbers(tiny_config: Callable[..., ModelConfig]) -> None:
    """For them torch imports its reference kernels and sympy: many seconds at the start of every server."""
    with _Operators() as on_cpu:
        Decoder(tiny_config())
    assert {"uniform_", "normal_"} <= on_cpu.names
    with _Operators() as on_meta, torch.device("meta"):
        Decoder(tiny_config())
    assert "empty" in on_meta.names
    assert not {"uniform_", "normal_"} & on_meta.names
