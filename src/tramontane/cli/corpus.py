"""`tramontane corpus build`: sources → packed token shards."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from tramontane.corpus.manifest import Manifest

app = typer.Typer(help="Make corpora.", no_args_is_help=True)


@app.callback()
def corpus() -> None:
    """Make corpora."""


@app.command()
def build(
    sources: Annotated[Path, typer.Option(help="TOML that declares the sources.")],
    root: Annotated[Path, typer.Option(help="Folder that the sources' paths start from.")],
    tokenizer: Annotated[Path, typer.Option(help="Folder of the tokenizer.")],
    out: Annotated[Path, typer.Option(help="Folder for the corpus; it must not exist yet.")],
) -> None:
    """Clean, deduplicate, split and pack the sources; say what was kept and what was dropped, and why."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from tramontane.common.units import format_count
    from tramontane.corpus.build import Progress as Report
    from tramontane.corpus.build import build_corpus
    from tramontane.tokenizer.tokenizer import Tokenizer

    console = Console()
    columns = TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn()
    loaded = Tokenizer.load(tokenizer)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("Reading")

        def show(report: Report) -> None:
            description = f"{report.source}: {format_count(report.documents)} documents"
            bar.update(task, description=description, completed=report.bytes_read, total=report.bytes_total)

        manifest = build_corpus(sources, root, out, loaded, show)
        bar.update(task, description="Packed", total=1, completed=1)
    console.print(_table(manifest))
    if manifest.masked:
        masked = sum(manifest.masked.values())
        console.print(f"{masked} e-mail addresses and phone numbers were masked.")
    console.print(f"The corpus is in {out}.")


def _table(manifest: "Manifest") -> "Table":
    from rich.table import Table

    from tramontane.common.units import format_count

    table = Table("source", "documents", "tokens", "held out", "dropped")
    for column in table.columns[1:4]:
        column.justify = "right"
    tokens: Counter[str] = Counter()
    held_out: Counter[str] = Counter()
    for shard in manifest.shards:
        tokens[shard.source] += shard.tokens
        held_out[shard.source] += shard.documents if shard.split == "validation" else 0
    for source, kept in manifest.kept.items():
        dropped = _reasons(manifest.dropped.get(source, {}))
        table.add_row(source, f"{kept:,}", format_count(tokens[source]), f"{held_out[source]:,}", dropped)
    totals: Counter[str] = Counter()
    for reasons in manifest.dropped.values():
        totals.update(reasons)
    table.add_section()
    documents, validation = sum(manifest.kept.values()), held_out.total()
    table.add_row("all", f"{documents:,}", format_count(tokens.total()), f"{validation:,}", _reasons(totals))
    return table


def _reasons(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: -item[1])
    return ", ".join(f"{count:,} {reason}" for reason, count in ordered) or "-"
