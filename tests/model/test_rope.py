import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import transformers
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from tramontane.model.config import ModelConfig, RopeScaling
from tramontane.model.decoder import Decoder
from tramontane.model.hf import config_from_hf
from tramontane.model.rope import Rotary, rotary_frequencies, rotate


def test_frequencies_stay_float32_whatever_is_done_to_the_decoder(
    tiny_decoder: Callable[..., Decoder], tiny_config: Callable[..., ModelConfig]
) -> None:
    expected = rotary_frequencies(tiny_config())
    assert expected.dtype == torch.float32
    decoder = tiny_decoder()
    with torch.device("meta"):
        empty = Decoder(tiny_config())
    for changed in (
        copy.deepcopy(decoder).to(torch.bfloat16),
        copy.deepcopy(decoder).half().float(),
        decoder.to("meta").to_empty(device="cpu"),
        empty.to_empty(device="cpu"),
    ):
        assert changed.rotary.frequencies.dtype == torch.float32
        assert torch.equal(changed.rotary.frequencies, expected)
        assert not [name for name in changed.state_dict() if "rotary" in name]


def test_rotation_depends_on_distance_alone(tiny_config: Callable[..., ModelConfig]) -> None:
    """The property that the method is named for: ⟨R(m) q, R(n) k⟩ is a function of m - n."""
    rotary = Rotary(tiny_config())
    query, key = torch.randn(1, 16), torch.randn(1, 16)

    def score(m: int, n: int) -> torch.Tensor:
        return (rotate(query, *rotary(torch.tensor(m))) * rotate(key, *rotary(torch.tensor(n)))).sum()

    torch.testing.assert_close(score(9, 4), score(1005, 1000), rtol=1e-4, atol=1e-4)
    assert not torch.isclose(score(9, 4), score(9, 5), atol=1e-3)


def test_rotation_is_the_textbook_one(tiny_config: Callable[..., ModelConfig]) -> None:
    config = tiny_config()
    positions = torch.tensor([0, 1, 63])
    x = torch.randn(3, 2, 16)
    angles = positions[:, None, None].double() * rotary_frequencies(config).double()
    turned = torch.complex(x[..., :8].double(), x[..., 8:].double()) * torch.polar(
        torch.ones_like(angles), angles
    )
    expected = torch.cat((turned.real, turned.imag), dim=-1).float()
    torch.testing.assert_close(rotate(x, *Rotary(config)(positions)), expected, rtol=1e-5, atol=1e-5)


def test_dynamic_scaling_changes_nothing_within_the_context(tiny_config: Callable[..., ModelConfig]) -> None:
    scaled = tiny_config(rope_scaling=RopeScaling("dynamic", 4.0))
    assert torch.equal(rotary_frequencies(scaled), rotary_frequencies(tiny_config()))


@pytest.mark.parametrize(
    "rope",
    [
        {"rope_type": "default", "rope_theta": 1e6},
        {"rope_type": "linear", "rope_theta": 1e4, "factor": 4.0},
        {"rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 32768},
        {
            "rope_type": "llama3",
            "rope_theta": 5e5,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192,
        },
    ],
    ids=lambda rope: rope["rope_type"],
)
def test_angles_of_a_long_context_are_those_of_transformers(rope: dict[str, Any]) -> None:
    """At position 100,000 a float32 angle has two decimals left: only the same operations give the same."""
    theirs = transformers.LlamaConfig(rope_parameters=rope, max_position_embeddings=131072)
    positions = torch.tensor([0, 1, 8191, 8192, 32768, 100_000, 131_071])
    cos, sin = LlamaRotaryEmbedding(theirs)(torch.zeros(1), positions[None])
    ours_cos, ours_sin = Rotary(config_from_hf(theirs.to_dict()))(positions)
    torch.testing.assert_close(ours_cos[:, 0], cos[0], rtol=0, atol=1e-5)
    half = ours_sin.shape[-1] // 2
    torch.testing.assert_close(-ours_sin[:, 0, :half], sin[0, :, :half], rtol=0, atol=1e-5)
    torch.testing.assert_close(ours_sin[:, 0, half:], sin[0, :, half:], rtol=0, atol=1e-5)
