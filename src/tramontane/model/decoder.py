"""The one decoder: ids → hidden states → logits, under Hugging Face's parameter names.

The same code trains, serves and explains. Attention is handed in (see attention.py); leading dimensions are
free, so a batch of rows (B, T) and a flat run of tokens (N,) go through the same lines.

Shapes: ... leading dimensions, E hidden size, H query heads, K key-value heads, D head size, V vocabulary.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tramontane.model.attention import Attention
from tramontane.model.config import ModelConfig
from tramontane.model.rope import Rotary, rotate


class Embedding(nn.Embedding):
    """A table of vectors. Random numbers on the meta device would cost torch seconds of imports."""

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()


class Linear(nn.Linear):
    """A linear map whose weights may be kept in a wider type than it computes in.

    Training keeps float32 masters and computes in bfloat16; where the types agree, a cast costs nothing.
    """

    def reset_parameters(self) -> None:
        if not self.weight.is_meta:
            super().reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return functional.linear(x, self.weight.to(x.dtype), bias)


class RMSNorm(nn.Module):
    """Root-mean-square normalisation with gains (Zhang & Sennrich, 2019); torch computes it in float32."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), self.eps)


class SelfAttention(nn.Module):
    """Projections, per-head norms and rotation around an attention strategy."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.head_dim = config.head_dim
        query_size, kv_size = config.num_heads * config.head_dim, config.num_kv_heads * config.head_dim
        self.q_proj = Linear(config.hidden_size, query_size, bias=config.qkv_bias)
        self.k_proj = Linear(config.hidden_size, kv_size, bias=config.qkv_bias)
        self.v_proj = Linear(config.hidden_size, kv_size, bias=config.qkv_bias)
        self.o_proj = Linear(query_size, config.hidden_size, bias=config.output_bias)
        self.q_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()
        self.k_norm = RMSNorm(config.head_dim, config.norm_eps) if config.qk_norm else nn.Identity()

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: Attention) -> Tensor:
        query = self.q_norm(self.q_proj(x).unflatten(-1, (-1, self.head_dim)))  # (..., H, D)
        key = self.k_norm(self.k_proj(x).unflatten(-1, (-1, self.head_dim)))  # (..., K, D)
        value = self.v_proj(x).unflatten(-1, (-1, self.head_dim))  # (..., K, D)
        out = attend(self.layer, rotate(query, *rotary), rotate(key, *rotary), value)
        projected: Tensor = self.o_proj(out.flatten(-2))
        return projected


class MLP(nn.Module):
    """SwiGLU feed-forward (Shazeer, 2020)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.gate_proj = Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.up_proj = Linear(config.hidden_size, config.intermediate_size, bias=config.mlp_bias)
        self.down_proj = Linear(config.intermediate_size, config.hidden_size, bias=config.mlp_bias)

    def forward(self, x: Tensor) -> Tensor:
        down: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return down


class Block(nn.Module):
    """Pre-norm attention and feed-forward, each added to the residual stream."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.input_layernorm = RMSNorm(config.hidden_size, config.norm_eps)
        self.self_attn = SelfAttention(config, layer)
        self.post_attention_layernorm = RMSNorm(config.hidden_size, config.norm_eps)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, rotary: tuple[Tensor, Tensor], attend: Attention) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), rotary, attend)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Trunk(nn.Module):
    """Embedding, blocks and final norm: what Hugging Face keeps under `model.`."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList(Block(config, layer) for layer in range(config.num_layers))
        self.norm = RMSNorm(config.hidden_size, config.norm_eps)


class TiedHead(nn.Module):
    """The embedding table read the other way. It owns no parameter, so nothing can untie it."""

    def __init__(self, embedding: nn.Embedding) -> None:
        super().__init__()
        self._embedding = (embedding,)  # in a tuple, so that it is not registered a second time

    @property
    def weight(self) -> Tensor:
        return self._embedding[0].weight

    def forward(self, hidden: Tensor) -> Tensor:
        return functional.linear(hidden, self.weight.to(hidden.dtype))


class Decoder(nn.Module):
    """A dense decoder-only transformer.

    >>> hidden = decoder(ids, positions, CausalAttention())   # (..., E)
    >>> logits = decoder.logits(hidden)                       # (..., V)
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.model = Trunk(config)
        self.lm_head: Linear | TiedHead = (
            TiedHead(self.model.embed_tokens)
            if config.tie_embeddings
            else Linear(config.hidden_size, config.vocab_size, bias=False)
        )
        self.rotary = Rotary(config)

    def forward(
        self, ids: Tensor, positions: Tensor, attend: Attention, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Hidden states after the final norm, (..., E), of ids (...) at positions (...).

        `dtype` is the type to compute in; by default that of the weights.
        """
        x = self.model.embed_tokens(ids)
        x = x if dtype is None else x.to(dtype)
        # one cast for all layers; the angles themselves need float32
        cos, sin = (part.to(x.dtype) for part in self.rotary(positions))
        for block in self.model.layers:
            x = block(x, (cos, sin), attend)
        hidden: Tensor = self.model.norm(x)
        return hidden

    def logits(self, hidden: Tensor) -> Tensor:
        """Scores over the vocabulary, (..., V), in the hidden states' type."""
        scores: Tensor = self.lm_head(hidden)
        return scores
