from dataclasses import replace

import pytest
import torch

from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.init import initialise
from tramontane.training.config import OptimiserConfig
from tramontane.training.optimiser import Optimiser, orthogonalise


@pytest.fixture
def decoder() -> Decoder:
    config = ModelConfig(
        family="qwen3",
        vocab_size=48,
        hidden_size=16,
        intermediate_size=32,
        num_layers=2,
        num_heads=2,
        num_kv_heads=1,
        head_dim=8,
        max_positions=16,
        qk_norm=True,
    )
    decoder = Decoder(config)
    initialise(decoder, seed=1)
    return decoder


@pytest.mark.parametrize("shape", [(2, 12, 30), (3, 30, 12), (1, 16, 16)])
def test_orthogonalise_pushes_every_singular_value_towards_one(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
    assert values.min() > 0.3
    assert values.max() < 1.3


def test_orthogonalise_keeps_the_singular_directions() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(1, 10, 10)
    left, _, right = torch.linalg.svd(matrix)
    overlap = torch.diagonal(left.mT @ orthogonalise(matrix) @ right.mT, dim1=-2, dim2=-1)
    assert overlap.min() > 0.3


def test_adam_matches_torch_on_everything_but_matrices(decoder: Decoder) -> None:
    config = OptimiserConfig(embedding_lr=0.01, head_lr=0.01, gain_lr=0.01)
    ours = Optimiser(decoder, config)
    reference = {name: p.detach().clone().requires_grad_() for name, p in decoder.named_parameters()}
    theirs = {
        name: torch.optim.Adam([p], lr=0.01, betas=config.betas, eps=config.eps)
        for name, p in reference.items()
        if not (p.ndim == 2 and ".layers." in name)
    }
    for step in range(3):
        torch.manual_seed(step)
        for name, parameter in decoder.named_parameters():
            parameter.grad = torch.randn_like(parameter)
            reference[name].grad = parameter.grad.clone()
        ours.step(lr_factor=1.0, momentum=0.9)
        for adam in theirs.values():
            adam.step()
    assert theirs
    for name in theirs:
        torch.testing.assert_close(decoder.get_parameter(name), reference[name], atol=1e-6, rtol=1e-5)


def test_matrices_move_by_the_learning_rate_and_not_by_the_gradients_size(decoder: Decoder) -> None:
    moves = []
    for size in (1.0, 1000.0):
        initialise(decoder, seed=1)
        optimiser = Optimiser(decoder, OptimiserConfig(matrix_lr=0.1))
        torch.manual_seed(0)
        for parameter in decoder.parameters():
            parameter.grad = torch.randn_like(parameter) * size
        before = decoder.model.layers[0].mlp.up_proj.weight.detach().clone()
        optimiser.step(lr_factor=1.0, momentum=0.9)
        moves.append(decoder.model.layers[0].mlp.up_proj.weight.detach() - before)
    torch.testing.assert_close(moves[0], moves[1], atol=1e-4, rtol=1e-3)
    assert 0.05 < torch.linalg.svdvals(moves[0]).mean() / 2**0.5 < 0.15


def test_cautious_weight_decay_shrinks_only_what_the_update_shrinks_too(decoder: Decoder) -> None:
    weights = []
    for decay in (0.0, 0.5):
        initialise(decoder, seed=1)
        optimiser = Optimiser(decoder, OptimiserConfig(matrix_lr=0.1, matrix_weight_decay=decay))
        torch.manual_seed(0)
        for parameter in decoder.parameters():
            parameter.grad = torch.randn_like(parameter)
        before = decoder.model.layers[0].mlp.up_proj.weight.detach().clone()
        optimiser.step(lr_factor=1.0, momentum=0.9)
        weights.append(decoder.model.layers[0].mlp.up_proj.weight.detach().clone())
    plain, decayed = weights
    shrinks = (plain - before) * before < 0
    assert torch.equal(plain[~shrinks], decayed[~shrinks])
    torch.testing.assert_close((plain - decayed)[shrinks], before[shrinks] * 0.05)


def test_a_tied_table_learns_at_the_heads_rate(decoder: Decoder) -> None:
    tied = Decoder(replace(decoder.config, tie_embeddings=True))
    optimiser = Optimiser(tied, OptimiserConfig(embedding_lr=0.3, head_lr=0.01))
    before = tied.model.embed_tokens.weight.detach().clone()
    for parameter in tied.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimiser.step(lr_factor=1.0, momentum=0.9)
    torch.testing.assert_close(before - tied.model.embed_tokens.weight, torch.full_like(before, 0.01))
