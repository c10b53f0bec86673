"""Server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html) that nobody can abuse.

The stream ends, and with it the generation behind it, when the client hangs up, when it does not read for
SEND_SECONDS, or when the server's shutdown has waited long enough. While nothing happens, comments keep the
connection open. An error before the first event still gets its own HTTP status.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tramontane.api.drain import Drain
from tramontane.api.tasks import cancel_all
from tramontane.api.waiting import disconnected

ABORT = "tramontane.abort"  # the ASGI extension of `protocol.py`: closes the connection without flushing it
PATIENCE_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 10.0
SEND_SECONDS = 30.0
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

logger = logging.getLogger(__name__)


class EventStream(Response):
    """Sends each item of `events` as it comes; `on_error` words an error that comes after the first one."""

    media_type = "text/event-stream"

    def __init__(
        self, events: AsyncGenerator[bytes, None], on_error: Callable[[Exception], bytes], drain: Drain
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]  # of the empty body that a plain Response has
        self._events = events
        self._on_error = on_error
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wire = _Wire(send, self.status_code, self.raw_headers)
        pump = asyncio.ensure_future(self._pump(wire))
        gone = asyncio.ensure_future(disconnected(receive))
        over = asyncio.ensure_future(self._drain.over.wait())
        try:
            await asyncio.wait({pump, gone, over}, return_when=asyncio.FIRST_COMPLETED)
            if pump.done():
                pump.result()
            elif over.done():
                await cancel_all(pump)
                await self._fail(wire, self._drain.error())
        except _SlowClientError:
            logger.warning("closed a stream whose client did not read for %g s", SEND_SECONDS)
            _abort(scope)
        finally:
            await cancel_all(pump, gone, over)

    async def _pump(self, wire: "_Wire") -> None:
        keeper = asyncio.ensure_future(_keep_alive(wire))
        failure: Exception | None = None
        try:
            async with aclosing(self._events) as events:
                async for event in events:
                    await wire.send(event)
        except _SlowClientError:
            raise
        except Exception as error:
            failure = error
        finally:
            await cancel_all(keeper)
        if failure is None:
            await wire.send(b"", more=False)
        else:
            await self._fail(wire, failure)

    async def _fail(self, wire: "_Wire", error: Exception) -> None:
        """Before the first byte the error becomes a response of its own, after it the last event."""
        if not wire.started:
            raise error
        await wire.send(self._on_error(error), more=False)


class _SlowClientError(Exception):
    pass


class _Wire:
    """The way to the client; knows whether the headers are sent and when it was last used."""

    def __init__(self, send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._send = send
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._one_at_a_time = asyncio.Lock()
        self.started = False
        self.last_used = asyncio.get_running_loop().time()

    async def send(self, data: bytes, more: bool = True) -> None:
        """Raise _SlowClientError if the client makes no room in its socket for SEND_SECONDS."""
        try:
            async with asyncio.timeout(SEND_SECONDS), self._one_at_a_time:
                if not self.started:
                    await self._send(self._start)
                    self.started = True
                await self._send({"type": "http.response.body", "body": data, "more_body": more})
        except TimeoutError as error:
            raise _SlowClientError from error
        self.last_used = asyncio.get_running_loop().time()


async def _keep_alive(wire: _Wire) -> None:
    """Open the stream if the first event takes long, then speak whenever it has been silent for long."""
    await asyncio.sleep(PATIENCE_SECONDS)
    if not wire.started:
        await wire.send(b": waiting\n\n")
    while True:
        idle = asyncio.get_running_loop().time() - wire.last_used
        if idle < KEEP_ALIVE_SECONDS:
            await asyncio.sleep(KEEP_ALIVE_SECONDS - idle)
        else:
            await wire.send(b": keep-alive\n\n")


def _abort(scope: Scope) -> None:
    abort: Callable[[], None] | None = scope.get("extensions", {}).get(ABORT)
    if abort is not None:
        abort()
