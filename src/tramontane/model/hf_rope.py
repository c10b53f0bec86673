"""The rotary fields of Hugging Face's config.json ↔ ModelConfig's. Needs no torch."""

import math
from typing import Annotated, Any

import msgspec

from tramontane.common.errors import ModelFileError
from tramontane.model.config import ModelConfig, RopeScaling

DEFAULT_THETA = 10_000.0

Size = Annotated[int, msgspec.Meta(ge=1)]


class RopeFields(msgspec.Struct):
    """`rope_parameters` (transformers 5) or `rope_scaling` (before it)."""

    rope_type: str | None = None
    type: str | None = None  # the oldest spelling
    rope_theta: float | None = None
    partial_rotary_factor: float | None = None
    factor: float | None = None
    original_max_position_embeddings: Size | None = None
    low_freq_factor: float | None = None
    high_freq_factor: float | None = None
    attention_factor: float | None = None
    beta_fast: float | None = None
    beta_slow: float | None = None
    truncate: bool | None = None
    mscale: float | None = None
    mscale_all_dim: float | None = None
    # of models whose layer types differ in their rotation, which is not supported
    full_attention: Any = None
    sliding_attention: Any = None


class RotaryFields(msgspec.Struct):
    """The rotary fields at the top of config.json; transformers 5 keeps only the lengths there."""

    max_position_embeddings: Size | None = None
    original_max_position_embeddings: Size | None = None
    rope_theta: float | None = None
    partial_rotary_factor: float | None = None
    rope_parameters: RopeFields | None = None
    rope_scaling: RopeFields | None = None


def rope_from_hf(fields: RotaryFields, max_positions: int) -> tuple[float, RopeScaling | None]:
    """Rotary base and scaling. As in transformers, `rope_scaling` wins over `rope_parameters`."""
    rope = fields.rope_scaling or fields.rope_parameters or RopeFields()
    if rope.full_attention is not None or rope.sliding_attention is not None:
        raise ModelFileError(
            "Rope parameters by layer type are not supported: use a model with one set of them."
        )
    theta = next((t for t in (rope.rope_theta, fields.rope_theta) if t is not None), DEFAULT_THETA)
    partial = rope.partial_rotary_factor or fields.partial_rotary_factor or 1.0
    if partial != 1:
        raise ModelFileError(f"partial_rotary_factor {partial} is not supported: use a model with 1.0.")
    kind = rope.rope_type or rope.type or "default"
    if kind == "default":
        return theta, None
    return theta, _scaling(kind, rope, fields, max_positions)


def _scaling(kind: str, rope: RopeFields, fields: RotaryFields, max_positions: int) -> RopeScaling:
    original = None
    if kind in ("llama3", "yarn"):
        original = (
            fields.original_max_position_embeddings or rope.original_max_position_embeddings or max_positions
        )
    factor = rope.factor
    if factor is None and kind == "yarn" and original:
        factor = max_positions / original
    if factor is None:
        raise ModelFileError(f"rope_type {kind!r} without a factor is not supported: add it to config.json.")
    return RopeScaling(
        kind=kind,
        factor=factor,
        original_max_positions=original,
        low_freq_factor=1.0 if rope.low_freq_factor is None else rope.low_freq_factor,
        high_freq_factor=4.0 if rope.high_freq_factor is None else rope.high_freq_factor,
        beta_fast=rope.beta_fast or 32.0,
        beta_slow=rope.beta_slow or 1.0,
        truncate=rope.truncate is not False,
        attention_factor=_attention_factor(rope, factor),
    )


def _attention_factor(rope: RopeFields, factor: float) -> float | None:
    """DeepSeek's two `mscale` fields are another spelling of YaRN's attention factor."""
    if rope.attention_factor is not None or not (rope.mscale and rope.mscale_all_dim) or factor <= 1:
        return rope.attention_factor
    return (0.1 * rope.mscale * math.log(factor) + 1) / (0.1 * rope.mscale_all_dim * math.log(factor) + 1)


def context_length(max_positions: int, scaling: RopeScaling | None) -> int:
    """How many positions the model is meant for.

    Qwen's model cards add YaRN and leave `max_position_embeddings` as it was: they mean the stretched length.
    """
    if scaling is None or scaling.kind != "yarn":
        return max_positions
    assert scaling.original_max_positions is not None
    return max(max_positions, int(scaling.factor * scaling.original_max_positions))


def rope_to_hf(config: ModelConfig) -> dict[str, Any]:
    """Both spellings: transformers 4 and llama.cpp read the first two fields, transformers 5 the last."""
    scaling = config.rope_scaling
    parameters = {} if scaling is None else _scaling_to_hf(scaling)
    return {
        "rope_theta": config.rope_theta,
        "rope_scaling": parameters or None,
        "rope_parameters": {"rope_type": "default", **parameters, "rope_theta": config.rope_theta},
    }


def _scaling_to_hf(scaling: RopeScaling) -> dict[str, Any]:
    """Only the fields of the kind: transformers warns of any other."""
    parameters: dict[str, Any] = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling.original_max_positions is not None:
        parameters["original_max_position_embeddings"] = scaling.original_max_positions
    if scaling.kind == "llama3":
        parameters |= {
            "low_freq_factor": scaling.low_freq_factor,
            "high_freq_factor": scaling.high_freq_factor,
        }
    if scaling.kind == "yarn":
        parameters |= {
            "beta_fast": scaling.beta_fast,
            "beta_slow": scaling.beta_slow,
            "truncate": scaling.truncate,
        }
        if scaling.attention_factor is not None:
            parameters["attention_factor"] = scaling.attention_factor
    return parameters
