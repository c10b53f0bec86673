"""`tramontane evaluate`: a model folder → its scores and its answers to the fixed prompts."""

import os
from pathlib import Path
from typing import Annotated

import typer

from tramontane.common.settings import DEFAULT_MODEL


def evaluate(
    model: Annotated[
        str, typer.Option(help="A model folder, or a name that `models` lists.")
    ] = DEFAULT_MODEL,
    corpus: Annotated[
        Path | None, typer.Option(help="Folder made by `corpus build`, for bits per byte.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Markdown to write; by default evaluation.md in the model folder.")
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="Held-out tokens to score, for each language and kind.")
    ] = 100_000,
    data: Annotated[Path | None, typer.Option(help="Folder for everything that Tramontane keeps.")] = None,
) -> None:
    """Measure bits per byte on a corpus' held-out documents, and answer 40 fixed prompts."""
    from rich.console import Console
    from rich.progress import Progress

    from tramontane.common.settings import data_folder, find_model

    folder = find_model(model, data_folder(data))
    # read when torch loads: threads that spin while they wait starve each other where other work shares the cores
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from tramontane.evaluation.answers import answer_prompts
    from tramontane.evaluation.bits_per_byte import score_corpus
    from tramontane.evaluation.prompts import read_prompts
    from tramontane.evaluation.report import Evaluation, write_evaluation

    console = Console()
    scores = []
    if corpus is not None:
        with Progress(console=console) as progress:
            task = progress.add_task("", total=1.0)
            scores = score_corpus(
                folder,
                corpus,
                max_tokens,
                lambda group, share: progress.update(task, description=group, completed=share),
            )
        for score in scores:
            console.print(f"{score.language} {score.kind}: {score.bits_per_byte:.3f} bits per byte")
    with console.status("Answering the prompts"):
        answers = answer_prompts(folder, read_prompts())
    markdown = out or folder / "evaluation.md"
    write_evaluation(Evaluation(folder.name, scores, answers), folder, markdown)
    console.print(f"The answers are in {markdown}, the scores also in {folder / 'evaluation.json'}.")
