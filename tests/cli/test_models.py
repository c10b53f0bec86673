import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tramontane.cli.models import ModelFacts, examine, models
from tramontane.common import settings
from tramontane.model.folder import load_model


@pytest.fixture
def data(tmp_path: Path, tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with one model, on a machine that has no others."""
    monkeypatch.setattr(settings, "model_shelves", lambda data: [data / "models"])
    monkeypatch.setenv("COLUMNS", "160")
    shutil.copytree(tiny_model_folder, tmp_path / "models" / "tiny")
    return tmp_path


def test_facts_are_those_of_the_loaded_model(data: Path) -> None:
    folder = data / "models" / "tiny"
    decoder = load_model(folder)
    assert examine(folder) == ModelFacts(
        family="qwen3",
        parameters=sum(parameter.numel() for parameter in decoder.parameters()),
        disk_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        context_length=decoder.config.max_positions,
        dtype="F32",
        licence=None,
        passport=False,
    )


def test_a_stored_copy_of_a_tied_table_counts_once(data: Path) -> None:
    folder = data / "models" / "tiny"
    before = examine(folder).parameters
    tensors = load_file(folder / "model.safetensors")
    save_file(
        tensors | {"lm_head.weight": tensors["model.norm.weight"].clone()}, folder / "model.safetensors"
    )
    assert examine(folder).parameters == before


def test_licence_by_passport_then_card_then_file(data: Path) -> None:
    folder = data / "models" / "tiny"
    (folder / "LICENSE.txt").write_text("…")
    assert examine(folder).licence == "LICENSE.txt"
    (folder / "README.md").write_text("---\nlanguage: fr\nlicense: apache-2.0\n---\n# Tiny\nlicense: no\n")
    assert examine(folder).licence == "apache-2.0"
    (folder / "passport.json").write_text('{"licence": "CC-BY-4.0"}')
    assert examine(folder).licence == "CC-BY-4.0"
    assert examine(folder).passport
    (folder / "passport.json").write_text("{")
    assert examine(folder).licence == "unreadable passport"


def test_table_lists_good_models_and_names_what_is_wrong_with_others(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = data / "models" / "broken[red]"
    broken.mkdir()
    (broken / "config.json").write_text('{"model_type": "gpt2"}')
    models(data)
    out = capsys.readouterr().out
    row = next(line for line in out.splitlines() if "tiny" in line)
    assert "qwen3" in row
    assert "512" in row
    assert "broken[red] cannot be served: model_type 'gpt2' is not supported" in out


def test_an_empty_machine_says_where_models_go(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models(data / "elsewhere")
    assert "No model here: put a Hugging Face model folder into" in capsys.readouterr().out


def test_torch_is_not_loaded(data: Path) -> None:
    code = (
        "import sys, pathlib; from tramontane.cli.models import models\n"
        "models(pathlib.Path(sys.argv[1])); sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(data)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "tiny" in done.stdout
