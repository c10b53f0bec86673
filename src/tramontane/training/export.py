"""A finished run → a model folder with its passport."""

import json
import platform
from dataclasses import asdict
from pathlib import Path

import torch

import tramontane
from tramontane.common.errors import SettingsError
from tramontane.common.files import write_text_atomic
from tramontane.corpus.manifest import Manifest, read_manifest
from tramontane.model.decoder import Decoder
from tramontane.model.folder import save_model
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.training.config import TrainConfig
from tramontane.training.loop import Trainer


def check_tokenizer(config: TrainConfig, corpus: Path, tokenizer: Tokenizer) -> None:
    """Refuse, before the first step, a tokenizer that the corpus or the model was not made for."""
    manifest = read_manifest(corpus)
    if manifest.tokenizer_sha256 != tokenizer.sha256:
        raise SettingsError(
            f"The corpus {corpus} was packed by another tokenizer: give that one as --tokenizer."
        )
    if tokenizer.vocab_size > config.model.vocab_size:
        raise SettingsError(
            f"The tokenizer has {tokenizer.vocab_size} ids, but recipe {config.name!r} has room for "
            f"{config.model.vocab_size}: raise its vocab_size."
        )


def export(trainer: Trainer, corpus: Path, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model folder: weights, config, tokenizer, generation defaults and passport."""
    folder.mkdir(parents=True, exist_ok=True)
    config = trainer.config
    save_model(trainer.decoder, folder, dtype=getattr(torch, config.export_dtype))
    write_text_atomic(folder / "generation_config.json", json.dumps(config.generation))
    tokenizer.save(folder)  # adds the end tokens to the generation defaults
    passport = make_passport(trainer, read_manifest(corpus))
    write_text_atomic(folder / "passport.json", json.dumps(passport, indent=2, ensure_ascii=False) + "\n")


def make_passport(trainer: Trainer, manifest: Manifest) -> dict[str, object]:
    """Who made the model, from which shards, with how much work."""
    config, position = trainer.config, trainer.position
    return {
        "format": 1,
        "name": config.name,
        "maker": f"tramontane {tramontane.__version__}",
        "recipe": asdict(config),
        "parameters": count_parameters(trainer.decoder),
        "tokens": position.tokens,
        "flops": flops_per_token(trainer.decoder) * position.tokens,
        "hours": round(position.seconds / 3600, 3),
        "machine": f"{platform.machine()}, torch {torch.__version__}, {torch.get_num_threads()} threads",
        "epochs": {stage.stage.name: stage.rows.epochs() for stage in trainer.stages},
        "shards": [
            {"file": s.file, "source": s.source, "licence": s.licence, "sha256": s.sha256, "tokens": s.tokens}
            for s in manifest.shards
            if s.split == "train"
        ],
    }


def count_parameters(decoder: Decoder) -> int:
    return sum(parameter.numel() for parameter in decoder.parameters())


def flops_per_token(decoder: Decoder) -> int:
    """6 × the parameters that are multiplied: all but an untied embedding table (Kaplan et al., 2020)."""
    table = 0 if decoder.config.tie_embeddings else decoder.model.embed_tokens.weight.numel()
    return 6 * (count_parameters(decoder) - table)
