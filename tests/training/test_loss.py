import pytest
import torch
import torch.nn.functional as F

from tramontane.training import loss as loss_module
from tramontane.training.loss import IGNORED, linear_cross_entropy


@pytest.mark.parametrize("z_loss", [0.0, 0.01])
def test_loss_and_gradients_are_those_of_the_naive_formula(
    monkeypatch: pytest.MonkeyPatch, z_loss: float
) -> None:
    monkeypatch.setattr(loss_module, "CHUNK_TOKENS", 5)  # several chunks, the last one short
    torch.manual_seed(0)
    hidden, weight = torch.randn(13, 8, dtype=torch.float32), torch.randn(11, 8)
    targets = torch.randint(0, 11, (13,))
    targets[[2, 12]] = IGNORED
    ours = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]
    naive = [hidden.clone().requires_grad_(), weight.clone().requires_grad_()]

    got = linear_cross_entropy(ours[0], ours[1], targets, z_loss) * 0.5
    logits = naive[0] @ naive[1].T
    squares = logits.logsumexp(-1).square()[targets != IGNORED].sum()
    want = (F.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum") + z_loss * squares) * 0.5
    got.backward()
    want.backward()

    torch.testing.assert_close(got, want)
    for mine, theirs in zip(ours, naive, strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-4)


def test_nothing_counted_is_no_loss() -> None:
    hidden, weight = torch.randn(4, 8, requires_grad=True), torch.randn(11, 8, requires_grad=True)
    total = linear_cross_entropy(hidden, weight, torch.full((4,), IGNORED))
    total.backward()
    assert total.item() == 0
    assert hidden.grad is not None
    assert hidden.grad.abs().sum() == 0
