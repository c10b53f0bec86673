import json
from pathlib import Path

import pytest
import torch

from tramontane.common.errors import SettingsError
from tramontane.model.attention import CausalAttention
from tramontane.model.folder import load_model
from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer
from tramontane.training.export import check_tokenizer, export
from tramontane.training.loop import Trainer

from .conftest import tiny_config


def test_a_finished_run_becomes_a_model_folder(
    corpus: Path, tmp_path: Path, tiny_tokenizer: Tokenizer
) -> None:
    config = tiny_config(
        tiny_tokenizer.vocab_size, 2, export_dtype="float32", generation={"temperature": 0.5}
    )
    trainer = Trainer(config, corpus, tmp_path)
    trained = trainer.run()
    export(trainer, corpus, tiny_tokenizer, tmp_path / "model")

    loaded, ids = load_model(tmp_path / "model"), torch.arange(20)
    positions, attend = torch.arange(20), CausalAttention()
    with torch.no_grad():
        torch.testing.assert_close(
            loaded.logits(loaded(ids, positions, attend)), trained.logits(trained(ids, positions, attend))
        )
    assert Tokenizer.load(tmp_path / "model").sha256 == tiny_tokenizer.sha256
    defaults = json.loads((tmp_path / "model" / "generation_config.json").read_text())
    assert defaults["temperature"] == 0.5
    assert tiny_tokenizer.special_ids["<|im_end|>"] in defaults["eos_token_id"]
    passport = json.loads((tmp_path / "model" / "passport.json").read_text())
    assert passport["tokens"] == 2 * 4 * 32 + 4 * 2 * 64
    assert {shard["licence"] for shard in passport["shards"]} == {"CC0-1.0"}


def test_a_tokenizer_of_another_corpus_is_refused(corpus: Path, tiny_tokenizer: Tokenizer) -> None:
    other = train_tokenizer(["tout autre chose, vraiment tout autre chose"], 300)
    with pytest.raises(SettingsError, match="packed by another tokenizer"):
        check_tokenizer(tiny_config(384), corpus, other)
    with pytest.raises(SettingsError, match="vocab_size"):
        check_tokenizer(tiny_config(100), corpus, tiny_tokenizer)
