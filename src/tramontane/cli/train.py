"""`tramontane train`: a recipe and a corpus → a model folder."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Option(help="A name in recipes/, or FILE.py[:FUNCTION].")],
    corpus: Annotated[Path, typer.Option(help="Folder made by `corpus build`.")],
    tokenizer: Annotated[Path, typer.Option(help="Folder made by `tokenizer train`.")],
    out: Annotated[Path, typer.Option(help="Run folder: checkpoints, metrics, curves, the model.")],
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int | None, typer.Option(help="CPU threads; by default all cores.")] = None,
) -> None:
    """Train a model; the same command resumes a run that was stopped, bit for bit."""
    import torch
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from tramontane.common.units import format_count, format_duration
    from tramontane.tokenizer.tokenizer import Tokenizer
    from tramontane.training.export import check_tokenizer, count_parameters, export
    from tramontane.training.loop import Trainer
    from tramontane.training.metrics import Report
    from tramontane.training.recipes import load_recipe

    if threads is not None:
        torch.set_num_threads(threads)
    config = load_recipe(recipe)
    loaded = Tokenizer.load(tokenizer)
    check_tokenizer(config, corpus, loaded)
    trainer = Trainer(config, corpus, out, device)
    console = Console()
    console.print(
        f"{config.name}: {format_count(count_parameters(trainer.decoder))} parameters, "
        f"{trainer.total_steps} steps, starts at step {trainer.position.total_step}"
    )
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[line]}")
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=trainer.total_steps, line="")

        def show(report: Report) -> None:
            line = (
                f"step {report.total_step}/{report.total_steps}  loss {report.loss:.3f}  "
                f"{format_count(report.tokens_per_second)} tokens/s  {format_duration(report.seconds_left)} left"
            )
            progress.update(task, completed=report.total_step, description=report.stage, line=line)
            if not console.is_terminal:
                console.print(f"{report.stage}  {line}")

        trainer.run(show)
    export(trainer, corpus, loaded, out / "model")
    console.print(f"The model is in {out / 'model'}; its curves are in {out / 'curves.png'}.")
