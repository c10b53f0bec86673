"""The shape of a dense decoder, as Hugging Face's config.json says it."""

from dataclasses import dataclass

from tramontane.common.errors import ModelFileError

FAMILIES = ("qwen3", "qwen2", "llama", "mistral")


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched for contexts longer than those trained on."""

    kind: str  # "linear", "dynamic", "llama3" or "yarn"
    factor: float
    original_max_positions: int | None = None
    low_freq_factor: float = 1.0
    high_freq_factor: float = 4.0
    beta_fast: float = 32.0
    beta_slow: float = 1.0
    attention_factor: float | None = None


@dataclass(frozen=True)
class ModelConfig:
    """A dense decoder of the Qwen3, Qwen2, Llama or Mistral family."""

    family: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    max_positions: int
    rope_theta: float = 10_000.0
    rope_scaling: RopeScaling | None = None
    norm_eps: float = 1e-6
    tie_embeddings: bool = False
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    qk_norm: bool = False
    # one entry a layer: how many positions back it sees, None for all
    windows: tuple[int | None, ...] = ()
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ModelFileError(
                f"model_type {self.family!r} is not supported: use one of {', '.join(FAMILIES)}."
            )
        if self.num_heads % self.num_kv_heads:
            raise ModelFileError(
                f"num_attention_heads {self.num_heads} is not a multiple of "
                f"num_key_value_heads {self.num_kv_heads}."
            )

    def window(self, layer: int) -> int | None:
        """How many positions back, its own included, `layer` sees; None for all."""
        return self.windows[layer] if self.windows else None
