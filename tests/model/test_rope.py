import copy
from collections.abc import Callable

import torch

from tramontane.model.config import ModelConfig, RopeScaling
from tramontane.model.decoder import Decoder
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
