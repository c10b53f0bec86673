import json
from pathlib import Path

from typer.testing import CliRunner

from tramontane.cli.tokenizer import app
from tramontane.tokenizer.tokenizer import Tokenizer

SOURCES = """
[[source]]
name = "vents"
path = "*.jsonl"
licence = "CC0-1.0"
language = "fr"
kind = "prose"
"""
TEXT = "Le mistral souffle fort sur la vallée du Rhône, et les gens du pays ferment leurs volets en hiver. "


def test_train_writes_a_tokenizer_of_the_size_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(SOURCES)
    records = [json.dumps({"text": f"{TEXT}C'était le jour numéro {day}. {TEXT}"}) for day in range(30)]
    (tmp_path / "vents.jsonl").write_text("\n".join(records))
    flags = {"--sources": tmp_path / "sources.toml", "--root": tmp_path, "--out": tmp_path / "tok"}
    words = [str(word) for pair in flags.items() for word in pair]
    result = CliRunner().invoke(app, ["train", *words, "--vocab-size", "300"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    loaded = Tokenizer.load(tmp_path / "tok")
    assert loaded.vocab_size == 300
    assert len(loaded.encode("mistral souffle")) < 12
