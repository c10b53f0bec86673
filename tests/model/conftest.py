"""Tiny random checkpoints, made and computed by transformers: the oracle of this room."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import Tensor, nn

from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder

torch.set_num_threads(1)
transformers.utils.logging.disable_progress_bar()

VOCAB = 61
SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": None,
    "eos_token_id": None,
}


def randomise(model: nn.Module) -> None:
    """Weights large enough, gains and biases uneven enough, that a wrong formula shows in the logits."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            centre = 1.0 if "norm" in name else 0.0
            parameter.normal_(std=0.3, generator=generator).add_(centre)


@pytest.fixture(scope="session")
def make_oracle() -> Callable[..., transformers.PreTrainedModel]:
    """make_oracle("qwen3", sliding_window=8) → a tiny random transformers model, in float32."""

    def make(family: str, **changes: Any) -> transformers.PreTrainedModel:
        if family == "qwen3":
            changes = {"head_dim": 16, **changes}
        config = transformers.AutoConfig.for_model(family, **(SIZES | changes))
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        randomise(model)
        return model

    return make


@pytest.fixture(scope="session")
def oracle(make_oracle: Callable[..., Any]) -> transformers.PreTrainedModel:
    return make_oracle("qwen3")


@pytest.fixture(scope="session")
def oracle_folder(oracle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The oracle as transformers saves it; copy it before changing anything."""
    folder = tmp_path_factory.mktemp("oracle")
    oracle.save_pretrained(folder)
    return folder


@pytest.fixture
def tiny_config() -> Callable[..., ModelConfig]:
    """tiny_config(num_layers=3) → a small Qwen3 shape with changes."""

    def make(**changes: Any) -> ModelConfig:
        shape: dict[str, Any] = {
            "family": "qwen3",
            "vocab_size": VOCAB,
            "hidden_size": 32,
            "intermediate_size": 48,
            "num_layers": 2,
            "num_heads": 4,
            "num_kv_heads": 2,
            "head_dim": 16,
            "max_positions": 64,
            "qk_norm": True,
        }
        return ModelConfig(**(shape | changes))

    return make


@pytest.fixture
def tiny_decoder(tiny_config: Callable[..., ModelConfig]) -> Callable[..., Decoder]:
    def make(**changes: Any) -> Decoder:
        decoder = Decoder(tiny_config(**changes))
        randomise(decoder)
        return decoder

    return make


@pytest.fixture(scope="session")
def some_ids() -> Tensor:
    """Two rows of ids, (2, 40)."""
    return torch.randint(0, VOCAB, (2, 40), generator=torch.Generator().manual_seed(5))
