import json
from pathlib import Path

from typer.testing import CliRunner

from tramontane.cli.corpus import app
from tramontane.corpus.manifest import read_manifest
from tramontane.tokenizer.train import train_tokenizer

WINDS = ["mistral", "tramontane", "autan", "bise", "cers", "foehn"]
SOURCES = """
[[source]]
name = "vents"
path = "*.jsonl"
licence = "CC0-1.0"
language = "fr"
kind = "prose"
"""


def test_build_writes_a_corpus_and_tells_what_was_dropped(tmp_path: Path) -> None:
    (tmp_path / "sources.toml").write_text(SOURCES)
    texts = [f"Le {wind} est un vent, dit {wind}@exemple.fr, et le {wind} souffle fort." for wind in WINDS]
    records = [json.dumps({"text": text}) for text in [*texts, texts[0], ""]]
    (tmp_path / "vents.jsonl").write_text("\n".join(records))
    train_tokenizer(texts * 3, 300).save(tmp_path / "tok")
    flags = {"--sources": "sources.toml", "--root": "", "--tokenizer": "tok", "--out": "out"}
    words = [word for flag, name in flags.items() for word in (flag, str(tmp_path / name))]
    result = CliRunner().invoke(app, ["build", *words], catch_exceptions=False, env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    kept = read_manifest(tmp_path / "out").kept["vents"]
    assert kept == len(WINDS)
    assert "1 exact duplicate" in result.output and "1 empty" in result.output
    assert f"{len(WINDS)} e-mail addresses and phone numbers were masked" in result.output
