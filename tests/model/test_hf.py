"""config.json ↔ ModelConfig; what a missing or old field means is asked of transformers."""

import json
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from tramontane.common.errors import ModelFileError
from tramontane.model.config import ModelConfig, RopeScaling
from tramontane.model.hf import config_from_hf, config_to_hf, read_config

LLAMA = {
    "model_type": "llama",
    "vocab_size": 100,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}
BARE = LLAMA | {"hidden_size": 128, "num_attention_heads": 32}  # what the default number of key heads suits
GROUPED = LLAMA | {"num_key_value_heads": 2}
OLD_LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
RAW: dict[str, dict[str, Any]] = {
    "bare llama": LLAMA,
    "bare mistral": BARE | {"model_type": "mistral"},
    "bare qwen2": BARE | {"model_type": "qwen2"},
    "bare qwen3": BARE | {"model_type": "qwen3"},
    "llama 2": LLAMA | {"num_key_value_heads": 2, "max_position_embeddings": 4096, "rope_scaling": None},
    "llama 3.1": LLAMA | {"rope_theta": 500000.0, "rope_scaling": OLD_LLAMA3, "eos_token_id": [7, 8]},
    "nulls": LLAMA | {"head_dim": None, "num_key_value_heads": None, "rope_scaling": None},
    "null heads of keys": LLAMA | {"model_type": "qwen2", "num_key_value_heads": None},
    "oldest rope spelling": LLAMA | {"rope_scaling": {"type": "linear", "factor": 2}},
    "qwen2.5": GROUPED
    | {
        "model_type": "qwen2",
        "rope_theta": 1000000,
        "sliding_window": 32768,
        "use_sliding_window": False,
        "max_window_layers": 21,
        "tie_word_embeddings": True,
    },
    "qwen2 windowed": GROUPED
    | {"model_type": "qwen2", "sliding_window": 8, "use_sliding_window": True, "max_window_layers": 1},
    "mistral 0.1": GROUPED | {"model_type": "mistral", "sliding_window": 8, "max_position_embeddings": 64},
    "mistral 0.3": GROUPED | {"model_type": "mistral", "sliding_window": None, "rope_theta": 1e6},
    "qwen3 by transformers 5": GROUPED
    | {
        "model_type": "qwen3",
        "rope_parameters": {"rope_type": "default", "rope_theta": 5e6},
        "layer_types": ["full_attention"] * 3,
    },
}


@pytest.mark.parametrize("name", RAW)
def test_fields_mean_what_transformers_takes_them_to_mean(name: str) -> None:
    raw = RAW[name]
    config = config_from_hf(raw)
    theirs: Any = transformers.AutoConfig.for_model(**json.loads(json.dumps(raw)))
    assert config.head_dim == getattr(theirs, "head_dim", theirs.hidden_size // theirs.num_attention_heads)
    assert config.num_kv_heads == theirs.num_key_value_heads
    assert config.max_positions == theirs.max_position_embeddings
    assert config.rope_theta == theirs.rope_parameters["rope_theta"]
    assert config.norm_eps == theirs.rms_norm_eps
    assert config.tie_embeddings == theirs.tie_word_embeddings
    scaling = config.rope_scaling
    assert (scaling.kind if scaling else "default") == theirs.rope_parameters["rope_type"]
    assert (scaling and scaling.original_max_positions) == theirs.rope_parameters.get(
        "original_max_position_embeddings"
    )
    window = getattr(theirs, "sliding_window", None)
    layer_types = getattr(theirs, "layer_types", None) or ["sliding_attention"] * 3
    if window is not None and window < config.max_positions:
        assert config.windows == tuple(window if t == "sliding_attention" else None for t in layer_types)
    else:
        assert config.windows == ()


def test_special_ids() -> None:
    assert config_from_hf(RAW["llama 3.1"]).eos_token_ids == (7, 8)
    assert config_from_hf(LLAMA | {"eos_token_id": 2, "bos_token_id": 1}).eos_token_ids == (2,)
    assert config_from_hf(LLAMA | {"bos_token_id": 1}).bos_token_id == 1
    assert config_from_hf(LLAMA | {"eos_token_id": None}).eos_token_ids == ()


def test_yarn_stretches_the_context_that_a_card_leaves_as_it_was() -> None:
    yarn = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
    config = config_from_hf(LLAMA | {"max_position_embeddings": 40960, "rope_scaling": yarn})
    assert config.max_positions == 131072


@st.composite
def configs(draw: st.DrawFn) -> ModelConfig:
    family = draw(st.sampled_from(["qwen3", "qwen2", "llama", "mistral"]))
    layers, kv_heads = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    bias = draw(st.booleans()) and family in ("qwen3", "llama")
    window = draw(st.none() | st.integers(1, 63))
    seen = {
        "llama": st.just(()),
        "mistral": st.just((window,) * layers if window else ()),
    }.get(family, st.lists(st.sampled_from([window, None]), min_size=layers, max_size=layers).map(tuple))
    windows: Any = draw(seen)
    number = st.floats(1, 64)
    scaling = draw(
        st.none()
        | st.builds(RopeScaling, st.sampled_from(["linear", "dynamic"]), number)
        | st.builds(RopeScaling, st.just("llama3"), number, st.just(32), number, st.floats(65, 99))
        | st.builds(
            RopeScaling,
            st.just("yarn"),
            st.just(2.0),
            st.just(32),
            beta_fast=number,
            truncate=st.booleans(),
            attention_factor=st.none() | number,
        )
    )
    return ModelConfig(
        family=family,
        vocab_size=draw(st.integers(1, 10**6)),
        hidden_size=draw(st.integers(1, 10**4)),
        intermediate_size=draw(st.integers(1, 10**4)),
        num_layers=layers,
        num_heads=kv_heads * draw(st.integers(1, 4)),
        num_kv_heads=kv_heads,
        head_dim=2 * draw(st.integers(1, 128)),
        max_positions=64,
        rope_theta=draw(st.floats(2, 1e7)),
        rope_scaling=scaling,
        norm_eps=draw(st.floats(1e-8, 1e-3)),
        tie_embeddings=draw(st.booleans()),
        qkv_bias=bias or family == "qwen2",
        output_bias=bias,
        mlp_bias=draw(st.booleans()) and family == "llama",
        qk_norm=family == "qwen3",
        windows=windows if any(windows) else (),
        bos_token_id=draw(st.none() | st.integers(0, 9)),
        eos_token_ids=tuple(draw(st.lists(st.integers(0, 9), max_size=3))),
    )


@given(configs())
@settings(max_examples=50)
def test_round_trip(config: ModelConfig) -> None:
    assert config_from_hf(json.loads(json.dumps(config_to_hf(config)))) == config


def test_written_config_is_also_read_in_either_spelling() -> None:
    scaling = RopeScaling("llama3", 8.0, 8192)
    config = ModelConfig("llama", 100, 32, 48, 2, 4, 2, 8, 131072, rope_theta=5e5, rope_scaling=scaling)
    raw = config_to_hf(config)
    old = {key: value for key, value in raw.items() if key != "rope_parameters"}
    new = {key: value for key, value in raw.items() if key not in ("rope_theta", "rope_scaling")}
    assert config_from_hf(old) == config_from_hf(new) == config


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "gpt2"}, "model_type 'gpt2' is not supported"),
    ({"model_type": None}, "model_type None is not supported"),
    ({"hidden_act": "gelu"}, "hidden_act 'gelu' is not supported: use a model with 'silu'"),
    ({"quantization_config": {"quant_method": "gptq"}}, "The model is quantised (gptq), which is not read"),
    ({"hidden_size": "32"}, "config.json has a wrong field (Expected `int`, got `str` - at `$.hidden_size`)"),
    ({"hidden_size": 0}, "config.json has a wrong field (Expected `int` >= 1 - at `$.hidden_size`)"),
    ({"num_hidden_layers": 10**9}, "config.json has a wrong field (Expected `int` <= 1024"),
    ({"hidden_size": 30}, "hidden_size 30 is not a multiple of num_attention_heads 4: add head_dim"),
    ({"rope_scaling": {"rope_type": "longrope", "factor": 2.0}}, "rope_type 'longrope' is not supported"),
    ({"rope_scaling": {"rope_type": "linear"}}, "rope_type 'linear' without a factor is not supported"),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor 0.5 is not supported"),
    (
        {"rope_parameters": {"full_attention": {"rope_theta": 1e4}}},
        "Rope parameters by layer type are not supported",
    ),
    (
        {"model_type": "mistral", "layer_types": ["full_attention"], "sliding_window": 4},
        "layer_types has 1 entries for 3 layers",
    ),
    (
        {"model_type": "mistral", "layer_types": ["chunked_attention"] * 3, "sliding_window": 4},
        "Layer type 'chunked_attention' is not supported",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), REFUSED)
def test_what_would_be_computed_wrongly_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        config_from_hf(LLAMA | changes)
    assert str(caught.value).startswith(sentence)


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ModelFileError, match="missing required field `vocab_size`"):
        config_from_hf({key: value for key, value in LLAMA.items() if key != "vocab_size"})


def test_a_file_that_is_no_config(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"has no config\.json: give a model folder"):
        read_config(tmp_path)
    for torn in (b"", b'{"model_type":', b"[]", b'{"a": NaN}', b'{"\x80": 1}', b"[" * 10**6):
        (tmp_path / "config.json").write_bytes(torn)
        with pytest.raises(ModelFileError, match=r"config\.json is broken \("):
            read_config(tmp_path)
    with (tmp_path / "config.json").open("wb") as file:
        file.truncate(2**25)
    with pytest.raises(ModelFileError, match="has 33554432 bytes, above 16777216: fetch the right file"):
        read_config(tmp_path)
