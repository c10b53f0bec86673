"""The shape of a dense decoder, as Hugging Face's config.json says it."""

from dataclasses import dataclass

from tramontane.common.errors import ModelFileError

ARCHITECTURES = {
    "qwen3": "Qwen3ForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
}
FAMILIES = tuple(ARCHITECTURES)
SCALINGS = ("linear", "dynamic", "llama3", "yarn")

# far above any real model: a spoilt config must neither build modules for ever nor overflow a tensor's size
LARGEST_SIZE = 2**24
MOST_LAYERS = 1024
LARGEST_FACTOR = 2**20
SIZES = {
    "vocab_size": LARGEST_SIZE,
    "hidden_size": LARGEST_SIZE,
    "intermediate_size": LARGEST_SIZE,
    "num_layers": MOST_LAYERS,
    "num_heads": 4096,
    "num_kv_heads": 4096,
    "head_dim": 4096,
    "max_positions": 2**31,
}


@dataclass(frozen=True)
class RopeScaling:
    """How rotary frequencies are stretched for contexts longer than those trained on."""

    kind: str  # one of SCALINGS
    factor: float
    original_max_positions: int | None = None  # llama3, yarn
    low_freq_factor: float = 1.0  # llama3
    high_freq_factor: float = 4.0  # llama3
    beta_fast: float = 32.0  # yarn
    beta_slow: float = 1.0  # yarn
    truncate: bool = True  # yarn: whole dimensions as bounds of the ramp
    attention_factor: float | None = None  # yarn: on cosines and sines; None: from the factor

    def __post_init__(self) -> None:
        if self.kind not in SCALINGS:
            raise ModelFileError(
                f"rope_type {self.kind!r} is not supported: use a model with one of default, "
                f"{', '.join(SCALINGS)}."
            )
        if not 1 <= self.factor <= LARGEST_FACTOR:
            raise ModelFileError(f"The rope factor is {self.factor}, but 1 to {LARGEST_FACTOR} is needed.")
        if not 0 < self.beta_slow <= self.beta_fast:
            raise ModelFileError(
                f"beta_slow {self.beta_slow} must be above 0 and not above beta_fast {self.beta_fast}: "
                "put them right."
            )
        if self.kind in ("llama3", "yarn") and not self.original_max_positions:
            raise ModelFileError(f"rope_type {self.kind!r} needs original_max_position_embeddings: set it.")
        if self.kind == "llama3" and not self.low_freq_factor < self.high_freq_factor:
            raise ModelFileError(
                f"low_freq_factor {self.low_freq_factor} must be below "
                f"high_freq_factor {self.high_freq_factor}: put them right."
            )


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
    # one entry a layer: how many positions back, its own included, it sees; None for all. Empty: all see all
    windows: tuple[int | None, ...] = ()
    bos_token_id: int | None = None
    eos_token_ids: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ModelFileError(
                f"model_type {self.family!r} is not supported: use one of {', '.join(FAMILIES)}."
            )
        for name, most in SIZES.items():
            if not 1 <= getattr(self, name) <= most:
                raise ModelFileError(
                    f"{name} is {getattr(self, name)}, but 1 to {most} is needed: put it right."
                )
        if self.num_heads % self.num_kv_heads:
            raise ModelFileError(
                f"num_attention_heads {self.num_heads} is not a multiple of "
                f"num_key_value_heads {self.num_kv_heads}: put them right."
            )
        if self.head_dim % 2:
            raise ModelFileError(f"head_dim is {self.head_dim}, but rotary positions need an even one.")
        if not self.rope_theta > 1:
            raise ModelFileError(f"rope_theta is {self.rope_theta}, but a number above 1 is needed.")
        self._check_family()
        self._check_windows()

    def _check_family(self) -> None:
        """Refuse a shape that the family's Hugging Face class lacks: it could be trained, but not loaded."""
        rules = {
            "qk_norm": (self.qk_norm, self.family == "qwen3"),
            "qkv_bias": (self.qkv_bias, {"qwen2": True, "mistral": False}.get(self.family, self.qkv_bias)),
            "output_bias": (self.output_bias, self.family in ("qwen3", "llama") and self.qkv_bias),
            "mlp_bias": (self.mlp_bias, self.family == "llama" and self.mlp_bias),
        }
        for name, (given, needed) in rules.items():
            if given != needed:
                raise ModelFileError(
                    f"{name} is {given}, but {ARCHITECTURES[self.family]} needs {needed}: set it so."
                )

    def _check_windows(self) -> None:
        sizes = {window for window in self.windows if window is not None}
        if self.windows and len(self.windows) != self.num_layers:
            raise ModelFileError(
                f"windows has {len(self.windows)} entries for {self.num_layers} layers: give one a layer."
            )
        if sizes and self.family == "llama":
            raise ModelFileError("A llama has no sliding windows: leave windows empty, or use mistral.")
        if len(sizes) > 1 or any(size < 1 for size in sizes):
            raise ModelFileError(f"windows has the sizes {sorted(sizes)}: use one size, of at least 1.")

    def window(self, layer: int) -> int | None:
        """How many positions back, its own included, `layer` sees; None for all."""
        return self.windows[layer] if self.windows else None
