import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from tramontane.model.attention import CausalAttention
from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.init import initialise


def new(config: ModelConfig, seed: int = 1) -> Decoder:
    decoder = Decoder(config).requires_grad_(False)
    initialise(decoder, seed)
    return decoder


def test_the_seed_decides(tiny_config: Callable[..., ModelConfig]) -> None:
    torch.manual_seed(8)
    first = new(tiny_config()).state_dict()
    torch.manual_seed(9)
    same, other = new(tiny_config()).state_dict(), new(tiny_config(), seed=2).state_dict()
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_scales(tiny_config: Callable[..., ModelConfig]) -> None:
    decoder = new(tiny_config(family="qwen2", qk_norm=False, qkv_bias=True, hidden_size=256, vocab_size=512))
    block = decoder.model.layers[1]
    for linear in (block.self_attn.q_proj, block.self_attn.v_proj, block.mlp.gate_proj, block.mlp.up_proj):
        assert linear.weight.std().item() == pytest.approx(1 / 16, rel=0.05)
        assert linear.weight.abs().max() <= math.sqrt(3) / 16
    for zero in (block.self_attn.o_proj.weight, block.mlp.down_proj.weight, block.self_attn.k_proj.bias):
        assert not zero.any()
    assert (block.input_layernorm.weight == 1).all()
    rows = decoder.model.embed_tokens.weight.square().mean(-1)
    torch.testing.assert_close(rows, torch.ones_like(rows))
    assert decoder.lm_head.weight.std().item() == pytest.approx(0.001, rel=0.05)


@pytest.mark.parametrize("tied", [False, True])
def test_a_new_model_guesses_evenly(
    tied: bool, tiny_config: Callable[..., ModelConfig], some_ids: Tensor
) -> None:
    decoder = new(tiny_config(tie_embeddings=tied))
    positions = torch.arange(39).expand(2, 39)
    logits = decoder.logits(decoder(some_ids[:, :-1], positions, CausalAttention()))
    loss = functional.cross_entropy(logits.flatten(0, 1), some_ids[:, 1:].flatten())
    assert float(loss) == pytest.approx(math.log(61), abs=0.1)
