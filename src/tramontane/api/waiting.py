"""Work that must not outlive the client it is for, nor the server's shutdown."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.types import Receive

from tramontane.api.drain import Drain
from tramontane.api.problems import Problem, ProblemError
from tramontane.api.tasks import cancel_all

# nginx's number for it; nobody reads the answer
CLIENT_GONE = Problem(499, "The client hung up.", code="client_gone")
T = TypeVar("T")


async def disconnected(receive: Receive) -> None:
    """Return when the client has hung up. Only once the request's body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def run_for_client(request: Request, drain: Drain, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`; no server cancels it by itself when the client hangs up.

    Raise ProblemError if the client hangs up, DrainingError if the shutdown's time is over.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(disconnected(request.receive))
    over = asyncio.ensure_future(drain.over.wait())
    try:
        await asyncio.wait({task, gone, over}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ProblemError(CLIENT_GONE) if gone.done() else drain.error()
    finally:
        await cancel_all(task, gone, over)
