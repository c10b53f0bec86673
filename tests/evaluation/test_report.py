import json
from pathlib import Path

import msgspec
import pytest

from tramontane.common.errors import ContextLengthError, ModelFileError
from tramontane.evaluation import answers
from tramontane.evaluation.answers import Answer, answer_prompts
from tramontane.evaluation.bits_per_byte import Score
from tramontane.evaluation.prompts import Prompt, read_prompts
from tramontane.evaluation.report import Evaluation, to_markdown, write_evaluation

PROMPT = Prompt("fr-x", "fr", "greeting", "Salut | *toi*\n<b>")
SCORE = Score("fr", "prose", documents=3, tokens=100, bytes=400, bits=500.0)


def test_answers_are_the_same_on_every_run(tiny_model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MAX_ANSWER_TOKENS", 12)
    prompts = read_prompts()[:3]
    first, second = answer_prompts(tiny_model_folder, prompts), answer_prompts(tiny_model_folder, prompts)
    assert first == second
    assert [answer.prompt for answer in first] == list(prompts)
    assert all(answer.greedy != answer.sampled for answer in first)


def test_a_prompt_that_fills_the_context_is_refused_by_name(short_model: Path) -> None:
    with pytest.raises(ContextLengthError):
        answer_prompts(short_model, [msgspec.structs.replace(PROMPT, text="mot " * 100)])


def test_files_hold_scores_and_answers(tmp_path: Path) -> None:
    evaluation = Evaluation("tiny", [SCORE], [Answer(PROMPT, "Bonjour", "Salut\n\nà toi")])
    write_evaluation(evaluation, tmp_path, tmp_path / "deep" / "report.md")
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["scores"] == [
        {
            "language": "fr",
            "kind": "prose",
            "bits_per_byte": 1.25,
            "documents": 3,
            "tokens": 100,
            "bytes": 400,
        }
    ]
    assert found["answers"][0]["sampled"] == "Salut\n\nà toi"
    assert (found["answers"][0]["id"], found["sampling"]["seed"]) == ("fr-x", 1)
    text = (tmp_path / "deep" / "report.md").read_text()
    assert "| French | prose | 1.250 | 3 | 100 | 400 |" in text
    assert "| Bonjour | Salut<br>à toi |" in text
    assert r"Salut \| \*toi\*<br>\<b\>" in text


def test_without_a_corpus_there_is_no_score_table() -> None:
    assert "Bits per byte" not in to_markdown(Evaluation("tiny", [], []))


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelFileError, match="cannot be written"):
        write_evaluation(Evaluation("tiny", [], []), tmp_path, tmp_path / "file" / "report.md")
