"""uvicorn, set up for streams that may be long and clients that may be hostile."""

import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from tramontane.api.drain import DRAIN_SECONDS
from tramontane.api.protocol import BoundedProtocol

# after the drain's limit: for the last events to leave
FAREWELL_SECONDS = 2.0
# longer than clients keep an idle connection, so that none writes into one that has just been closed
KEEP_ALIVE_SECONDS = 75


class Server(uvicorn.Server):
    """uvicorn without its own signal handling, which ends the process by the signal: exit code -15."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def new_server(app: FastAPI) -> Server:
    """A server for `app`; it is given its socket by `serve(sockets=…)`."""
    config = uvicorn.Config(
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
    return Server(config)
