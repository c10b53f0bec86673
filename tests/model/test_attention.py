import pytest
import torch

from tramontane.model.attention import CausalAttention


@pytest.mark.parametrize("window", [None, 1, 3, 100])
def test_each_position_sees_its_window_and_nothing_later(window: int | None) -> None:
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(2, 6, 4, 8, generator=generator)
    key, value = (torch.randn(2, 6, 2, 8, generator=generator) for _ in range(2))
    out = CausalAttention((None, window))(1, query, key, value)
    for row in range(2):
        for time in range(6):
            first = 0 if window is None else max(0, time - window + 1)
            for head in range(4):
                keys, values = key[row, first : time + 1, head // 2], value[row, first : time + 1, head // 2]
                weights = (keys @ query[row, time, head] / 8**0.5).softmax(0)
                torch.testing.assert_close(out[row, time, head], weights @ values)


def test_no_windows_means_that_all_layers_see_all() -> None:
    x = torch.randn(5, 2, 8)
    assert torch.equal(CausalAttention()(7, x, x, x), CausalAttention((None,))(0, x, x, x))
