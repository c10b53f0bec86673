"""`tramontane`: one verb a room."""

import sys
from typing import Annotated

import typer

import tramontane
from tramontane.cli import corpus, tokenizer
from tramontane.cli.chat import chat
from tramontane.cli.doctor import doctor
from tramontane.cli.evaluate import evaluate
from tramontane.cli.models import models
from tramontane.cli.serve import serve
from tramontane.cli.train import train
from tramontane.common.errors import TramontaneError
from tramontane.common.logging import configure_logging

app = typer.Typer(
    help="Make, run, offer, talk to and answer for language models, on your own hardware.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(serve)
app.command()(chat)
app.command()(models)
app.command()(doctor)
app.command()(train)
app.command()(evaluate)
app.add_typer(corpus.app, name="corpus")
app.add_typer(tokenizer.app, name="tokenizer")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tramontane {tramontane.__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Annotated[bool, typer.Option("--debug", help="Log more, and show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    configure_logging("DEBUG" if debug else "INFO")


def main() -> None:
    """Run a verb. A mistake of the caller's is one sentence on standard error and exit code 2."""
    try:
        app()
    except TramontaneError as error:
        if "--debug" in sys.argv:
            raise
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2)
