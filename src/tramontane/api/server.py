"""Serving one model over HTTP, from its start to its end.

Modules that take long to import are imported while the engine process starts.
"""

import asyncio
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from uvicorn.loops.auto import auto_loop_factory

from tramontane.api.address import host_names, listen, url_of
from tramontane.api.drain import Drain
from tramontane.api.tasks import cancel_all
from tramontane.engine.client import EngineClient

if TYPE_CHECKING:
    from tramontane.api.http import Server
    from tramontane.api.service import Service


def run_server(
    model_folder: Path, host: str, port: int, open_browser: bool, announce: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or Ctrl-C, then let what runs finish. `announce` gets the address, once ready.

    Raise SettingsError if the address is not free, ModelFileError or TokenizerError if the model is unusable.
    """
    loop_factory = auto_loop_factory(use_subprocess=True)
    with listen(host, port) as listener, asyncio.Runner(loop_factory=loop_factory) as runner:
        url = url_of(host, listener)

        def greet() -> None:
            announce(url)
            if open_browser and _has_display():
                # may take seconds, and some browsers stay in the foreground
                threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

        runner.run(_serve(model_folder, host, listener, greet))


async def _serve(folder: Path, host: str, listener: socket.socket, greet: Callable[[], None]) -> None:
    client = EngineClient(folder)
    starting = asyncio.ensure_future(client.start())
    try:
        await asyncio.sleep(0)  # the engine's process begins its work beside ours
        service = _service(folder, client, starting)
        server = _server(service, host)
        _handle_signals(server, service.drain)
        greeting = asyncio.ensure_future(_greet(server, starting, greet))
        await server.serve(sockets=[listener])
        await cancel_all(greeting, starting)
    finally:
        await client.stop()
    if not starting.cancelled():
        starting.result()  # raises why the engine did not start


def _service(folder: Path, client: EngineClient, starting: asyncio.Future[None]) -> "Service":
    from tramontane.api.served import ServedModel
    from tramontane.api.service import Service

    return Service(ServedModel(folder, client, starting))


def _server(service: "Service", host: str) -> "Server":
    from tramontane.api.app import create_app
    from tramontane.api.http import new_server

    return new_server(create_app(service, host_names(host)))


def _handle_signals(server: "Server", drain: Drain) -> None:
    """The first signal drains, the second quits now."""

    def stop() -> None:
        server.should_exit = True
        server.force_exit = drain.begun
        if not drain.begun:
            drain.begin()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _greet(server: "Server", starting: asyncio.Future[None], greet: Callable[[], None]) -> None:
    """Say where the server is once it can answer; end it if the engine does not start."""
    await asyncio.wait([starting])
    if starting.cancelled() or starting.exception() is not None:
        server.should_exit = True
    else:
        greet()


def _has_display() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
