import subprocess
import sys
from pathlib import Path

import pytest

import tramontane
from tramontane.cli.doctor import examine

PROGRAM = Path(sys.executable).with_name("tramontane")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, timeout=60)


def test_help_lists_every_verb() -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for verb in ("serve", "chat", "corpus", "tokenizer", "train", "evaluate", "models", "doctor"):
        assert verb in shown.stdout


def test_version() -> None:
    assert run("--version").stdout == f"tramontane {tramontane.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--model", "nowhere"),
        ("train", "--recipe", "storm", "--corpus", "x", "--tokenizer", "y", "--out", "z"),
        ("evaluate", "--model", "nowhere"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(arguments: tuple[str, ...]) -> None:
    failed = run(*arguments)
    assert failed.returncode == 2
    assert failed.stderr.startswith("Error: There is no ")
    assert failed.stderr.count("\n") == 1


def test_debug_shows_where_a_mistake_was_noticed() -> None:
    failed = run("--debug", "serve", "--model", "nowhere")
    assert "Traceback" in failed.stderr
    assert "ModelFileError" in failed.stderr


def test_help_comes_at_once() -> None:
    modules = "import sys, tramontane.cli.main; print([m for m in ('torch', 'fastapi', 'numpy') if m in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", modules], text=True) == "[]\n"


def test_doctor_names_a_remedy_for_whatever_is_not_well(tmp_path: Path) -> None:
    findings = examine(tmp_path / "absent")
    assert {finding.name for finding in findings} >= {"Python", "Memory", "PyTorch", "Models", "Chat page"}
    assert all(finding.remedy for finding in findings if finding.verdict != "ok")
