"""An evaluation as files: evaluation.json for programs, Markdown for people."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tramontane.common.errors import ModelFileError
from tramontane.common.files import write_text_atomic
from tramontane.evaluation.answers import GREEDY, MAX_ANSWER_TOKENS, SAMPLED, Answer
from tramontane.evaluation.bits_per_byte import Score

LANGUAGES = {"fr": "French", "en": "English"}


@dataclass(frozen=True)
class Evaluation:
    """A model's scores (none if no corpus was given) and its answers to the fixed prompts."""

    model: str
    scores: Sequence[Score]
    answers: Sequence[Answer]


def write_evaluation(evaluation: Evaluation, folder: Path, markdown: Path) -> None:
    """Write evaluation.json into the model's folder, and the Markdown; ModelFileError where none may."""
    try:
        markdown.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(
            folder / "evaluation.json", json.dumps(to_json(evaluation), indent=2, ensure_ascii=False) + "\n"
        )
        write_text_atomic(markdown, to_markdown(evaluation))
    except OSError as error:
        raise ModelFileError(
            f"The evaluation cannot be written ({error}): copy the model folder to where you may write, and "
            "give --out such a place."
        ) from error


def to_json(evaluation: Evaluation) -> dict[str, Any]:
    """What evaluation.json holds."""
    return {
        "format": 1,
        "model": evaluation.model,
        "scores": [
            {
                "language": score.language,
                "kind": score.kind,
                "bits_per_byte": round(score.bits_per_byte, 5),
                "documents": score.documents,
                "tokens": score.tokens,
                "bytes": score.bytes,
            }
            for score in evaluation.scores
        ],
        "sampling": {
            "max_tokens": MAX_ANSWER_TOKENS,
            "temperature": SAMPLED.temperature,
            "top_p": SAMPLED.top_p,
            "seed": SAMPLED.seed,
        },
        "answers": [
            {**msgspec.to_builtins(answer.prompt), "greedy": answer.greedy, "sampled": answer.sampled}
            for answer in evaluation.answers
        ],
    }


def to_markdown(evaluation: Evaluation) -> str:
    """Scores, then every prompt with its two answers side by side."""
    return (
        "\n\n".join(
            [
                f"# {escape(evaluation.model)}: evaluation",
                *_scores(evaluation.scores),
                *_answers(evaluation.answers),
            ]
        )
        + "\n"
    )


def _scores(scores: Sequence[Score]) -> list[str]:
    if not scores:
        return []
    rows = [
        f"| {LANGUAGES.get(score.language, score.language)} | {score.kind} | {score.bits_per_byte:.3f} "
        f"| {score.documents} | {score.tokens} | {score.bytes} |"
        for score in scores
    ]
    return [
        "## Bits per byte",
        "On held-out documents; lower is better. Special tokens do not count; of conversations (chat), the "
        "assistant's words alone do.",
        "\n".join(
            [
                "| language | kind | bits per byte | documents | tokens | bytes |",
                "|---|---|---:|---:|---:|---:|",
                *rows,
            ]
        ),
    ]


def _answers(answers: Sequence[Answer]) -> list[str]:
    parts = [
        f"## Answers to the {len(answers)} fixed prompts",
        f"At most {MAX_ANSWER_TOKENS} tokens each, as they came. Greedy: temperature {GREEDY.temperature:g}. "
        f"Sampled: temperature {SAMPLED.temperature:g}, top-p {SAMPLED.top_p:g}, seed {SAMPLED.seed}.",
    ]
    for language, name in LANGUAGES.items():
        parts.append(f"### {name}")
        for answer in answers:
            if answer.prompt.language == language:
                parts.append(f"**{answer.prompt.task}** — {escape(answer.prompt.text)}")
                parts.append(
                    f"| greedy | sampled |\n|---|---|\n| {escape(answer.greedy)} | {escape(answer.sampled)} |"
                )
    return parts


def escape(text: str) -> str:
    """Text that Markdown shows as it is, in one table cell."""
    visible = re.sub(r"([\\`*_\[\]<>|#~&])", r"\\\1", text)
    return re.sub(r"\s*\n\s*", "<br>", visible.strip())
