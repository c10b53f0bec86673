"""Hugging Face's config.json ↔ ModelConfig. Needs no torch.

Defaults are those of transformers' configuration classes: a field that a config.json leaves out means what
transformers takes it to mean.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from tramontane.common.errors import ModelFileError
from tramontane.model.config import ARCHITECTURES, FAMILIES, MOST_LAYERS, ModelConfig
from tramontane.model.hf_rope import RotaryFields, Size, context_length, rope_from_hf, rope_to_hf
from tramontane.model.json_files import read_json

LARGEST_CONFIG = 16 * 2**20  # bytes; real ones have a few thousand
LAYER_TYPES = ("full_attention", "sliding_attention")
MISTRAL_WINDOW = 4096  # what transformers takes where the field is absent; null means none


class _Config(RotaryFields, kw_only=True):
    """The fields of config.json that say what to compute."""

    vocab_size: Size
    hidden_size: Size
    intermediate_size: Size
    num_hidden_layers: Annotated[int, msgspec.Meta(ge=1, le=MOST_LAYERS)]
    num_attention_heads: Size
    num_key_value_heads: Size | UnsetType | None = UNSET
    head_dim: Size | None = None
    hidden_act: str = "silu"
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    attention_bias: bool = False
    mlp_bias: bool = False
    sliding_window: Size | UnsetType | None = UNSET
    use_sliding_window: bool = False
    max_window_layers: int = 28
    layer_types: list[str] | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None


def read_config(folder: Path) -> ModelConfig:
    """The shape that `folder`/config.json declares."""
    return config_from_hf(read_raw_config(folder))


def read_raw_config(folder: Path) -> dict[str, Any]:
    """`folder`/config.json as a dictionary."""
    path = folder / "config.json"
    if not path.is_file():
        raise ModelFileError(f"{folder} has no config.json: give a model folder.")
    return read_json(path, dict[str, Any], LARGEST_CONFIG)


def config_from_hf(raw: dict[str, Any]) -> ModelConfig:
    """The shape that a config.json's contents declare; refuses what the decoder would not compute exactly."""
    family = raw.get("model_type")
    if family not in FAMILIES:
        raise ModelFileError(f"model_type {family!r} is not supported: use one of {', '.join(FAMILIES)}.")
    _refuse_quantised(raw)
    try:
        fields = msgspec.convert(raw, _Config)
    except msgspec.ValidationError as error:
        raise ModelFileError(f"config.json has a wrong field ({error}): put it right.") from None
    if fields.hidden_act != "silu":
        raise ModelFileError(f"hidden_act {fields.hidden_act!r} is not supported: use a model with 'silu'.")
    declared = fields.max_position_embeddings or _default_positions(family)
    theta, scaling = rope_from_hf(fields, declared)
    max_positions = context_length(declared, scaling)
    bias = fields.attention_bias and family in ("qwen3", "llama")
    eos = fields.eos_token_id
    return ModelConfig(
        family=family,
        vocab_size=fields.vocab_size,
        hidden_size=fields.hidden_size,
        intermediate_size=fields.intermediate_size,
        num_layers=fields.num_hidden_layers,
        num_heads=fields.num_attention_heads,
        num_kv_heads=_kv_heads(family, fields),
        head_dim=fields.head_dim or _default_head_dim(family, fields),
        max_positions=max_positions,
        rope_theta=theta,
        rope_scaling=scaling,
        norm_eps=fields.rms_norm_eps,
        tie_embeddings=fields.tie_word_embeddings,
        qkv_bias=bias or family == "qwen2",
        output_bias=bias,
        mlp_bias=fields.mlp_bias and family == "llama",
        qk_norm=family == "qwen3",
        windows=_windows(family, fields, max_positions),
        bos_token_id=fields.bos_token_id,
        eos_token_ids=() if eos is None else (eos,) if isinstance(eos, int) else tuple(eos),
    )


def _refuse_quantised(raw: dict[str, Any]) -> None:
    quantisation = raw.get("quantization_config") or raw.get("compression_config")
    if quantisation:
        method = quantisation.get("quant_method") if isinstance(quantisation, dict) else quantisation
        raise ModelFileError(
            f"The model is quantised ({method}), which is not read: use its original folder in bfloat16."
        )


def _default_positions(family: str) -> int:
    return {"llama": 2048, "mistral": 131_072}.get(family, 32_768)


def _kv_heads(family: str, fields: _Config) -> int:
    if isinstance(fields.num_key_value_heads, UnsetType):
        return {"llama": fields.num_attention_heads, "mistral": 8}.get(family, 32)
    return fields.num_key_value_heads or fields.num_attention_heads


def _default_head_dim(family: str, fields: _Config) -> int:
    if family == "qwen3":
        return 128
    if fields.hidden_size % fields.num_attention_heads:
        raise ModelFileError(
            f"hidden_size {fields.hidden_size} is not a multiple of num_attention_heads "
            f"{fields.num_attention_heads}: add head_dim to config.json."
        )
    return fields.hidden_size // fields.num_attention_heads


def _windows(family: str, fields: _Config, max_positions: int) -> tuple[int | None, ...]:
    """How far each layer sees; empty where no layer is limited within the context."""
    window = fields.sliding_window
    layers = range(fields.num_hidden_layers)
    if family == "llama":
        return ()
    if family == "mistral":
        window = MISTRAL_WINDOW if isinstance(window, UnsetType) else window
        sliding = [True for _ in layers]
    else:
        window = 4096 if isinstance(window, UnsetType) else window
        window = window if fields.use_sliding_window else None
        sliding = [layer >= fields.max_window_layers for layer in layers]
    if window is None or window >= max_positions:
        return ()
    if fields.layer_types is not None:
        sliding = _sliding_layers(fields.layer_types, fields.num_hidden_layers)
    return tuple(window if slides else None for slides in sliding) if any(sliding) else ()


def _sliding_layers(layer_types: list[str], num_layers: int) -> list[bool]:
    if len(layer_types) != num_layers:
        raise ModelFileError(
            f"layer_types has {len(layer_types)} entries for {num_layers} layers: put it right."
        )
    for kind in layer_types:
        if kind not in LAYER_TYPES:
            raise ModelFileError(
                f"Layer type {kind!r} is not supported: use one of {', '.join(LAYER_TYPES)}."
            )
    return [kind == "sliding_attention" for kind in layer_types]


def config_to_hf(config: ModelConfig) -> dict[str, Any]:
    """The config.json of a model of this shape, which transformers, vLLM and llama.cpp load as it is."""
    eos = config.eos_token_ids
    raw: dict[str, Any] = {
        "architectures": [ARCHITECTURES[config.family]],
        "model_type": config.family,
        "vocab_size": config.vocab_size,
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_dim,
        "max_position_embeddings": config.max_positions,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "tie_word_embeddings": config.tie_embeddings,
        "attention_dropout": 0.0,
        "bos_token_id": config.bos_token_id,
        "eos_token_id": list(eos) if len(eos) > 1 else eos[0] if eos else None,
        **rope_to_hf(config),
    }
    if config.family in ("qwen3", "llama"):
        raw["attention_bias"] = config.qkv_bias
    if config.family == "llama":
        raw["mlp_bias"] = config.mlp_bias
    else:
        raw |= _windows_to_hf(config)
    return raw


def _windows_to_hf(config: ModelConfig) -> dict[str, Any]:
    window = next((size for size in config.windows if size is not None), None)
    layer_types = ["full_attention" if size is None else "sliding_attention" for size in config.windows]
    if config.family == "mistral":
        mixed = len(set(config.windows)) > 1
        return {"sliding_window": window, **({"layer_types": layer_types} if mixed else {})}
    first = next((layer for layer, size in enumerate(config.windows) if size is not None), config.num_layers)
    return {
        "use_sliding_window": window is not None,
        "sliding_window": window,
        "max_window_layers": first,
        "layer_types": layer_types or ["full_attention"] * config.num_layers,
    }
