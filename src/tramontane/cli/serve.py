"""`tramontane serve`: a model folder → an API and a chat page."""

from pathlib import Path
from typing import Annotated

import typer

from tramontane.common.settings import DEFAULT_MODEL

OPEN_TO_ALL = "can be reached from other machines, and no key is asked for: use it in a trusted network only."


def serve(
    model: Annotated[
        str, typer.Option(help="A model folder, or a name that `models` lists.")
    ] = DEFAULT_MODEL,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8000,
    data: Annotated[Path | None, typer.Option(help="Folder for everything that Tramontane keeps.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser.")] = False,
) -> None:
    """Serve a model and print its address when it is ready. Ctrl-C or SIGTERM lets answers finish first."""
    from tramontane.common.settings import data_folder, find_model

    folder = find_model(model, data_folder(data))

    from tramontane.api.address import is_loopback
    from tramontane.api.server import run_server

    if not is_loopback(host):
        typer.echo(f"Warning: {host} {OPEN_TO_ALL}", err=True)
    run_server(folder, host, port, not no_browser, lambda url: typer.echo(f"Tramontane is ready: {url}"))
