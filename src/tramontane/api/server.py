"""Serving one model over HTTP: sockets, signals, start and end."""

import asyncio
import contextlib
import ipaddress
import os
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.loops.auto import auto_loop_factory

from tramontane.api.app import create_app
from tramontane.api.drain import DRAIN_SECONDS, Drain
from tramontane.api.protocol import BoundedProtocol
from tramontane.api.served import ServedModel
from tramontane.api.service import Service
from tramontane.api.waiting import cancel_all
from tramontane.common.errors import SettingsError
from tramontane.engine.client import EngineClient

# after the drain's limit: for the last events to leave
FAREWELL_SECONDS = 2.0
# longer than clients keep an idle connection, so that they close it and never write into a closed one
KEEP_ALIVE_SECONDS = 75
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def run_server(
    model_folder: Path, host: str, port: int, open_browser: bool, announce: Callable[[str], None]
) -> None:
    """Serve until SIGTERM or Ctrl-C, then let what runs finish. `announce` gets the address, once ready.

    Raise SettingsError if the address is not free, ModelFileError or TokenizerError if the model is unusable.
    """
    listener = _listen(host, port)
    try:
        with asyncio.Runner(loop_factory=auto_loop_factory(use_subprocess=True)) as runner:
            runner.run(_serve(model_folder, host, listener, open_browser, announce))
    finally:
        listener.close()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _serve(
    folder: Path, host: str, listener: socket.socket, open_browser: bool, announce: Callable[[str], None]
) -> None:
    client = EngineClient(folder)
    service = Service(ServedModel(folder, client))
    server = Server(uvicorn_config(create_app(service, _host_names(host))))
    _handle_signals(server, service.drain)
    starting = service.model.start()
    url = _url(host, listener)
    greeting = asyncio.ensure_future(_greet(server, starting, url, open_browser, announce))
    try:
        await server.serve(sockets=[listener])
    finally:
        await cancel_all(greeting, starting)
        await client.stop()
    if not starting.cancelled():
        starting.result()  # raises why the engine did not start


class Server(uvicorn.Server):
    """uvicorn without its own signal handling, which ends the process by the signal: exit code -15."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def uvicorn_config(app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(DRAIN_SECONDS + FAREWELL_SECONDS),
    )


def _handle_signals(server: Server, drain: Drain) -> None:
    """The first signal drains, the second quits now."""

    def stop() -> None:
        server.force_exit = drain.begun
        server.should_exit = True
        if not drain.begun:
            drain.begin()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


async def _greet(
    server: Server,
    starting: asyncio.Future[None],
    url: str,
    open_browser: bool,
    announce: Callable[[str], None],
) -> None:
    """Say where the server is once it can answer; end it if the engine does not start."""
    await asyncio.wait([starting])
    if starting.cancelled() or starting.exception() is not None:
        server.should_exit = True
        return
    announce(url)
    if open_browser and _has_display():
        # may take seconds, and some browsers stay in the foreground
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that an address that is taken is known before the model is loaded."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise SettingsError(
            f"Cannot listen on {host} port {port} ({error.strerror}): choose another with --host or --port."
        ) from error
    return listener


def _host_names(host: str) -> frozenset[str] | None:
    """Names by which requests may call this server; None, for any, if it listens on every address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return LOOPBACK_NAMES | {host.lower()}
    if address.is_unspecified:
        return None
    return LOOPBACK_NAMES | {_in_url(host)}


def _url(host: str, listener: socket.socket) -> str:
    port: int = listener.getsockname()[1]
    reachable = "127.0.0.1" if _host_names(host) is None else host
    return f"http://{_in_url(reachable)}:{port}"


def _in_url(host: str) -> str:
    return f"[{host.lower()}]" if ":" in host else host.lower()


def _has_display() -> bool:
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True
