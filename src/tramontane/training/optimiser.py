"""Muon for matrices, AdamW for everything else.

State is plain tensors under the parameters' names, so that a checkpoint is a safetensors file. torch.optim.Muon is
not used: it orthogonalises in bfloat16, which is many times slower than float32 on CPUs without bf16 instructions.
"""

import torch
from torch import Tensor, nn

from tramontane.training.config import OptimiserConfig

# Coefficients of the quintic Newton–Schulz iteration (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon/)
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalise(matrices: Tensor, iterations: int = 5) -> Tensor:
    """Nearest semi-orthogonal matrices, roughly: singular values of (N, rows, columns) pushed towards 1."""
    a, b, c = NEWTON_SCHULZ
    wide = matrices.size(-2) <= matrices.size(-1)
    x = matrices if wide else matrices.mT
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(iterations):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    nearest: Tensor = x if wide else x.mT
    return nearest


class Optimiser:
    """Updates a decoder's parameters in place. `state` maps `<kind>.<parameter>` to tensors."""

    def __init__(self, model: nn.Module, config: OptimiserConfig) -> None:
        self._config = config
        self.steps_taken = 0
        self.state: dict[str, Tensor] = {}
        self._matrices: dict[torch.Size, list[tuple[str, nn.Parameter]]] = {}
        self._others: list[tuple[str, nn.Parameter, float]] = []
        self._tied = not any("lm_head" in name for name, _ in model.named_parameters())
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and ".layers." in name:
                self._matrices.setdefault(parameter.shape, []).append((name, parameter))
                self.state[f"momentum.{name}"] = torch.zeros_like(parameter)
            else:
                self._others.append((name, parameter, self._lr_of(name)))
                self.state[f"mean.{name}"] = torch.zeros_like(parameter)
                self.state[f"square.{name}"] = torch.zeros_like(parameter)

    def _lr_of(self, name: str) -> float:
        if "embed_tokens" in name and not self._tied:
            return self._config.embedding_lr
        # a table that is also the head diverges at an embedding's rate
        return self._config.head_lr if "lm_head" in name or "embed_tokens" in name else self._config.gain_lr

    @torch.no_grad()
    def step(self, lr_factor: float, momentum: float) -> None:
        """Apply the gradients once."""
        self.steps_taken += 1
        for group in self._matrices.values():
            self._step_matrices(group, lr_factor * self._config.matrix_lr, momentum)
        for name, parameter, lr in self._others:
            self._step_adam(name, parameter, lr_factor * lr)

    def _step_matrices(self, group: list[tuple[str, nn.Parameter]], lr: float, momentum: float) -> None:
        """Nesterov momentum, orthogonalised over all matrices of one shape together."""
        updates = []
        for name, parameter in group:
            assert parameter.grad is not None, f"{name} got no gradient"
            buffer = self.state[f"momentum.{name}"].lerp_(parameter.grad, 1 - momentum)
            updates.append(parameter.grad.lerp(buffer, momentum))
        rows, columns = group[0][1].shape
        scale = max(1.0, rows / columns) ** 0.5
        for (_, parameter), update in zip(group, orthogonalise(torch.stack(updates)), strict=True):
            # cautious weight decay: only where it agrees with the update
            if decay := self._config.matrix_weight_decay:
                parameter.sub_(parameter * (update * parameter > 0), alpha=lr * decay)
            parameter.sub_(update, alpha=lr * scale)

    def _step_adam(self, name: str, parameter: nn.Parameter, lr: float) -> None:
        """Adam (Kingma & Ba, 2015) with bias correction."""
        assert parameter.grad is not None, f"{name} got no gradient"
        beta1, beta2 = self._config.betas
        mean = self.state[f"mean.{name}"].lerp_(parameter.grad, 1 - beta1)
        square = self.state[f"square.{name}"].lerp_(parameter.grad.square(), 1 - beta2)
        corrected = (square / (1 - beta2**self.steps_taken)).sqrt_().add_(self._config.eps)
        parameter.addcdiv_(mean, corrected, value=-lr / (1 - beta1**self.steps_taken))
