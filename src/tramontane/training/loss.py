"""Cross-entropy over a vocabulary without keeping the logits.

Shapes: N tokens, C tokens of one chunk, E hidden size, V vocabulary.
"""

from typing import Any

import torch
from torch import Tensor

IGNORED = -100
CHUNK_TOKENS = 2048


class _LinearCrossEntropy(torch.autograd.Function):
    """Sum of the cross-entropies of `hidden @ weight.T`, with the gradients made chunk by chunk on the way forward.

    The logits (N, V) would be the largest tensor of a small model's step; one chunk of them lives at a time.
    """

    @staticmethod
    def forward(ctx: Any, hidden_NE: Tensor, weight_VE: Tensor, targets_N: Tensor, z_loss: float) -> Tensor:
        grad_hidden_NE = torch.zeros_like(hidden_NE)
        grad_weight_VE = torch.zeros_like(weight_VE)
        weight = weight_VE.to(hidden_NE.dtype)
        total = hidden_NE.new_zeros((), dtype=torch.float32)
        for start in range(0, hidden_NE.size(0), CHUNK_TOKENS):
            chunk = slice(start, start + CHUNK_TOKENS)
            logits_CV = (hidden_NE[chunk] @ weight.mT).float()
            log_sum_C = logits_CV.logsumexp(-1)
            counted_C = targets_N[chunk] != IGNORED
            targets_C = targets_N[chunk].where(counted_C, 0)
            chosen_C = logits_CV.gather(-1, targets_C[:, None]).squeeze(-1)
            total += ((log_sum_C - chosen_C + z_loss * log_sum_C.square()) * counted_C).sum()
            # d/dlogits = softmax · (1 + 2 z log_sum) - onehot
            grad_CV = (logits_CV - log_sum_C[:, None]).exp_().mul_((1 + 2 * z_loss * log_sum_C)[:, None])
            grad_CV.scatter_add_(-1, targets_C[:, None], -torch.ones_like(chosen_C)[:, None])
            grad_CV = grad_CV.mul_(counted_C[:, None]).to(hidden_NE.dtype)
            grad_hidden_NE[chunk] = grad_CV @ weight
            grad_weight_VE += (grad_CV.mT @ hidden_NE[chunk]).to(grad_weight_VE.dtype)
        ctx.save_for_backward(grad_hidden_NE, grad_weight_VE)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        grad_hidden_NE, grad_weight_VE = ctx.saved_tensors
        return grad_hidden_NE * grads[0].to(grad_hidden_NE.dtype), grad_weight_VE * grads[0], None, None


def linear_cross_entropy(
    hidden_NE: Tensor, weight_VE: Tensor, targets_N: Tensor, z_loss: float = 0.0
) -> Tensor:
    """Sum over the counted tokens of cross-entropy in nats, plus z_loss · log²Z; targets of -100 are not counted.

    z-loss: Chowdhery et al., 2022 (PaLM), section 5.
    """
    total: Tensor = _LinearCrossEntropy.apply(hidden_NE, weight_VE, targets_N, z_loss)  # type: ignore[no-untyped-call]
    return total
