"""Fixtures for every room: a tiny model folder that answers with noise, in milliseconds."""

from pathlib import Path

import pytest
import torch

from tramontane.model.config import ModelConfig
from tramontane.model.decoder import Decoder
from tramontane.model.folder import save_model
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer

TEXTS = [
    "Le mistral souffle sur la vallée du Rhône : c'est un vent sec et froid qui chasse les nuages.",
    "The mistral blows down the Rhône valley: it's a dry, cold wind that drives the clouds away.",
] * 4
TINY_CONTEXT = 512


def write_tiny_model(folder: Path, tokenizer: Tokenizer, context: int = TINY_CONTEXT) -> None:
    """A two-layer Qwen3 of random weights, with `tokenizer`, in Hugging Face's form."""
    config = ModelConfig(
        family="qwen3",
        vocab_size=tokenizer.vocab_size,
        hidden_size=64,
        intermediate_size=128,
        num_layers=2,
        num_heads=4,
        num_kv_heads=2,
        head_dim=16,
        max_positions=context,
        tie_embeddings=True,
        qk_norm=True,
        eos_token_ids=tokenizer.eos_ids,
    )
    decoder = Decoder(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in decoder.named_parameters():
            # unlike a new model's zeros, these make every token depend on all before it
            parameter.fill_(1.0) if "norm" in name else parameter.normal_(std=0.2, generator=generator)
    save_model(decoder, folder, dtype=torch.float32)
    tokenizer.save(folder)


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Tokenizer:
    """A tokenizer of ours with 384 tokens: it knows every byte and some French and English."""
    return train_tokenizer(TEXTS, 384)


@pytest.fixture(scope="session")
def tiny_model_folder(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Tokenizer) -> Path:
    """A model folder called `tiny`; do not change it, copy it."""
    folder = tmp_path_factory.mktemp("models") / "tiny"
    write_tiny_model(folder, tiny_tokenizer)
    return folder
