"""`tramontane tokenizer train`: sources → a tokenizer's folder."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Make tokenizers.", no_args_is_help=True)


@app.callback()
def tokenizer() -> None:
    """Make tokenizers."""


@app.command()
def train(
    sources: Annotated[Path, typer.Option(help="TOML that declares the sources.")],
    root: Annotated[Path, typer.Option(help="Folder that the sources' paths start from.")],
    out: Annotated[Path, typer.Option(help="Folder for tokenizer.json and its configs.")],
    vocab_size: Annotated[int, typer.Option(help="Number of tokens, the 11 special ones included.")] = 16_384,
) -> None:
    """Train a byte-level BPE tokenizer on the cleaned texts of the sources."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from tramontane.common.units import format_count
    from tramontane.corpus.texts import iter_training_texts
    from tramontane.tokenizer.train import train_tokenizer

    console = Console()
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Reading", total=None)

        def counted(texts: Iterable[str]) -> Iterator[str]:
            characters = 0
            for documents, text in enumerate(texts):
                characters += len(text)
                if documents % 1000 == 0:
                    progress.update(task, description=f"Reading: {format_count(characters)} characters")
                yield text
            progress.update(task, description=f"Merging {format_count(characters)} characters")

        trained = train_tokenizer(counted(iter_training_texts(sources, root)), vocab_size)
    trained.save(out)
    console.print(f"A tokenizer of {trained.vocab_size} tokens is in {out}.")
