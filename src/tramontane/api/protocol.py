"""uvicorn's HTTP/1.1 protocol with limits on headers and connections, which it lacks, and a way to abort."""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tramontane.api.openai.errors import error_body
from tramontane.api.problems import Problem
from tramontane.api.sse import ABORT

HEADER_SECONDS = 10.0
MAX_HEADER_BYTES = 512 * 1024
# under the usual limit of 1024 open files, with room for the program's own
MAX_CONNECTIONS = 900


def _raw_response(status_line: str, problem: Problem) -> bytes:
    body = json.dumps(error_body(problem)).encode()
    head = (
        f"HTTP/1.1 {status_line}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body


TOO_MANY = _raw_response(
    "503 Service Unavailable",
    Problem(503, "Too many connections are open: try again in a moment.", code="busy"),
)
TOO_LONG = _raw_response(
    "431 Request Header Fields Too Large",
    Problem(
        431,
        f"The request's headers pass {MAX_HEADER_BYTES} bytes: send shorter ones.",
        code="headers_too_large",
    ),
)


class BoundedProtocol(HttpToolsProtocol):
    """Closes a connection whose request's headers take too long, or are too long."""

    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self._expect_headers()
        if len(self.connections) > MAX_CONNECTIONS:
            self._refuse(TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._headers_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._deadline is not None:
            self._header_bytes += len(data)
            if self._header_bytes > MAX_HEADER_BYTES:
                self._refuse(TOO_LONG)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {ABORT: self.transport.abort}  # type: ignore[dict-item]  # our own extension
        self._expect_headers()

    def on_headers_complete(self) -> None:
        self._headers_came()
        super().on_headers_complete()

    def _refuse(self, response: bytes) -> None:
        self.transport.write(response)
        self.transport.close()

    def _expect_headers(self) -> None:
        self._headers_came()
        self._header_bytes = 0
        self._deadline = self.loop.call_later(HEADER_SECONDS, self.transport.abort)

    def _headers_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
