"""First weights of a new model.

Every block starts as the identity (its output projections are zero), so that depth costs nothing at first;
the projections into a block keep the scale of their input. As in nanochat (Karpathy, 2025).
"""

import math

import torch
from torch import Tensor, nn

from tramontane.model.decoder import Decoder

HEAD_STD = 0.001  # an untrained head gives every token the same chance
TIED_STD = 0.02  # one table is both embedding and head: small enough for even chances

INWARD = ("q_proj", "k_proj", "v_proj", "gate_proj", "up_proj")
OUTWARD = ("o_proj", "down_proj")


@torch.no_grad()
def initialise(decoder: Decoder, seed: int) -> None:
    """Overwrite every weight of `decoder`. The same seed gives the same weights on every device."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in decoder.named_parameters():
        module, kind = name.split(".")[-2:]
        parameter.copy_(_first(decoder, module, kind, parameter, generator))


def _first(
    decoder: Decoder, module: str, kind: str, parameter: nn.Parameter, generator: torch.Generator
) -> Tensor:
    first = torch.zeros(parameter.shape)
    if module.endswith("norm"):
        return first.fill_(1)
    if kind == "bias" or module in OUTWARD:
        return first
    if module in INWARD:
        bound = math.sqrt(3 / decoder.config.hidden_size)  # a standard deviation of 1/√hidden_size
        return first.uniform_(-bound, bound, generator=generator)
    if module == "lm_head":
        return first.normal_(std=HEAD_STD, generator=generator)
    assert module == "embed_tokens", module
    if decoder.config.tie_embeddings:
        return first.normal_(std=TIED_STD, generator=generator)
    first.normal_(generator=generator)
    return first / first.square().mean(dim=-1, keepdim=True).sqrt()  # each row as a norm would leave it
