from collections.abc import Callable
from typing import Any

import pytest

from tramontane.common.errors import ModelFileError
from tramontane.model.config import ModelConfig, RopeScaling

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"family": "gpt2"}, "model_type 'gpt2' is not supported: use one of qwen3, qwen2, llama, mistral."),
    ({"num_layers": 0}, "num_layers is 0, but 1 to 1024 is needed"),
    ({"num_layers": 10**9}, "num_layers is 1000000000, but 1 to 1024 is needed"),
    ({"vocab_size": 10**18}, "vocab_size is 1000000000000000000, but 1 to 16777216 is needed"),
    ({"num_kv_heads": 3}, "num_attention_heads 4 is not a multiple of num_key_value_heads 3"),
    ({"head_dim": 15}, "head_dim is 15, but rotary positions need an even one"),
    ({"rope_theta": 1.0}, "rope_theta is 1.0, but a number above 1 is needed"),
    ({"qk_norm": False}, "qk_norm is False, but Qwen3ForCausalLM needs True"),
    ({"qkv_bias": True}, "output_bias is False, but Qwen3ForCausalLM needs True"),
    ({"mlp_bias": True}, "mlp_bias is True, but Qwen3ForCausalLM needs False"),
    ({"family": "qwen2", "qk_norm": False}, "qkv_bias is False, but Qwen2ForCausalLM needs True"),
    ({"family": "llama"}, "qk_norm is True, but LlamaForCausalLM needs False"),
    ({"family": "llama", "qk_norm": False, "windows": (None, 4)}, "A llama has no sliding windows"),
    ({"windows": (4,)}, "windows has 1 entries for 2 layers"),
    ({"windows": (4, 5)}, "windows has the sizes [4, 5]"),
    ({"windows": (0, None)}, "windows has the sizes [0]"),
]
WRONG_SCALINGS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "longrope", "factor": 2.0}, "rope_type 'longrope' is not supported"),
    ({"kind": "linear", "factor": 0.5}, "The rope factor is 0.5, but 1 to 1048576 is needed"),
    ({"kind": "linear", "factor": 1e308}, "The rope factor is 1e+308, but 1 to 1048576 is needed"),
    (
        {"kind": "yarn", "factor": 2.0, "original_max_positions": 8, "beta_slow": 33.0},
        "beta_slow 33.0 must be",
    ),
    ({"kind": "yarn", "factor": 2.0}, "rope_type 'yarn' needs original_max_position_embeddings"),
    (
        {"kind": "llama3", "factor": 2.0, "original_max_positions": 8, "low_freq_factor": 4.0},
        "low_freq_factor 4.0 must be below high_freq_factor 4.0",
    ),
]


@pytest.mark.parametrize(("changes", "sentence"), WRONG)
def test_an_impossible_shape_is_refused(
    changes: dict[str, Any], sentence: str, tiny_config: Callable[..., ModelConfig]
) -> None:
    with pytest.raises(ModelFileError) as caught:
        tiny_config(**changes)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(("fields", "sentence"), WRONG_SCALINGS)
def test_an_impossible_scaling_is_refused(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ModelFileError) as caught:
        RopeScaling(**fields)
    assert str(caught.value).startswith(sentence)


def test_window_of_a_layer(tiny_config: Callable[..., ModelConfig]) -> None:
    assert [tiny_config(windows=(None, 8)).window(layer) for layer in (0, 1)] == [None, 8]
    assert tiny_config().window(1) is None
