"""A corpus small enough to train on in a second, built by the corpus room itself."""

import json
from pathlib import Path

import pytest

from tramontane.corpus.build import build_corpus
from tramontane.model.config import ModelConfig
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.training.config import OptimiserConfig, Schedule, Stage, TrainConfig

PLACES = ("la ville", "le port", "la colline", "un jardin", "la plage", "une forêt", "le marché", "la gare")
WINDS = ("mistral", "tramontane", "brise", "sirocco", "alizé", "autan", "marin", "cers")


def sentences() -> list[str]:
    """Different enough from one another not to be near duplicates."""
    return [
        f"{place.capitalize()} numéro {number} attend : {wind} {number * 7}, {number * 13} vagues, {place} {number}."
        for number, (place, wind) in enumerate((p, w) for p in PLACES for w in WINDS)
    ]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Tokenizer) -> Path:
    """A packed corpus with one prose and one chat source."""
    root = tmp_path_factory.mktemp("corpus")
    prose = [{"text": text} for text in sentences()]
    chat = [
        {
            "messages": [
                {
                    "role": "user",
                    "content": f"Dis-moi le vent numéro {number}, s'il te plaît : {text[:20]} ?",
                },
                {"role": "assistant", "content": text},
            ]
        }
        for number, text in enumerate(sentences())
    ]
    for name, records in (("prose", prose), ("chat", chat)):
        lines = (json.dumps(record, ensure_ascii=False) for record in records)
        (root / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (root / "sources.toml").write_text(
        "".join(
            f'[[source]]\nname = "{name}"\npath = "{name}.jsonl"\nlicence = "CC0-1.0"\n'
            f'language = "fr"\nkind = "{name}"\n'
            for name in ("prose", "chat")
        )
    )
    build_corpus(root / "sources.toml", root, root / "packed", tiny_tokenizer)
    return root / "packed"


def tiny_config(vocab_size: int, pretrain_steps: int = 6, **changes: object) -> TrainConfig:
    """A recipe of both kinds of stage for a model of one layer."""
    model = ModelConfig(
        family="qwen3",
        vocab_size=vocab_size,
        hidden_size=32,
        intermediate_size=64,
        num_layers=1,
        num_heads=2,
        num_kv_heads=1,
        head_dim=16,
        max_positions=64,
        qk_norm=True,
        eos_token_ids=(2, 0),
    )
    schedule = Schedule(warmup_steps=2, decay=0.5, final=0.1)
    stages = (
        Stage(
            "pretrain", "pretrain", {"prose": 0.7, "ch*": 0.3}, pretrain_steps, 4, 32, schedule, micro_rows=2
        ),
        Stage("instruct", "instruct", {"chat": 1.0}, 4, 2, 64, schedule),
    )
    settings = {
        "name": "tiny",
        "model": model,
        "stages": stages,
        "optimiser": OptimiserConfig(matrix_lr=0.02, embedding_lr=0.05, head_lr=0.01),
        "checkpoint_every_s": 0.0,
        **changes,
    }
    return TrainConfig(**settings)  # type: ignore[arg-type]
