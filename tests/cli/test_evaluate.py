import json
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from tramontane.cli.evaluate import evaluate
from tramontane.evaluation import answers


def test_evaluate_writes_its_report_into_the_model_folder_and_where_it_is_told(
    tiny_model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MAX_ANSWER_TOKENS", 2)
    folder = shutil.copytree(tiny_model_folder, tmp_path / "tiny")
    app = typer.Typer()
    app.command()(evaluate)
    flags = ["--model", str(folder), "--out", str(tmp_path / "report.md")]
    result = CliRunner().invoke(app, flags, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert len(json.loads((folder / "evaluation.json").read_text())["answers"]) == 40
    assert (tmp_path / "report.md").read_text().startswith("# tiny: evaluation")
    assert not (folder / "evaluation.md").exists()
