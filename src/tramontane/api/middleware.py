"""What every request passes before a route sees it. Plain ASGI, so that streams pass through untouched."""

import asyncio
import logging
import re
import secrets
from collections.abc import Collection
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tramontane.api.metrics import Metrics
from tramontane.api.openai.errors import error_response
from tramontane.api.problems import Problem, ProblemError, internal_problem

MAX_BODY_BYTES = 16 * 1024 * 1024
BODY_SECONDS = 30.0
CLOSE = {"Connection": "close"}  # the rest of the body would be taken for the next request
# No script, style, frame or connection from or to anywhere else: text of a model cannot make the page send
# anything away.
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

# RFC 9110, 7.2: uri-host [ ":" port ]
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:/?#@\[\]\s]+)(?::[0-9]*)?")

logger = logging.getLogger(__name__)


class Envelope:
    """Gives each request an id and each response its headers; counts them; answers for our own mistakes."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request_id = f"req_{secrets.token_hex(12)}"
        scope.setdefault("state", {})["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                self._count(scope, message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            logger.exception("request %s (%s %r) failed", request_id, scope["method"], scope["path"])
            if started:
                raise  # the server then closes the connection: the client sees that something is missing
            await error_response(internal_problem(request_id))(scope, receive, send_with_headers)

    def _count(self, scope: Scope, status: int) -> None:
        route = scope.get("route")
        path: Any = getattr(route, "path", "other")
        self._metrics.http_requests.labels(scope["method"], path, status).inc()


class HostCheck:
    """Refuses requests for other names than ours: another site's name may be made to resolve to us."""

    def __init__(self, app: ASGIApp, names: Collection[str] | None) -> None:
        """`names` None: any, for a server that listens on all addresses."""
        self._app = app
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = host_name(Headers(scope=scope).get("host", ""))
        if self._names is None or name in self._names:
            await self._app(scope, receive, send)
            return
        ours = ", ".join(sorted(self._names))
        message = f"The host name {(name or '')[:80]!r} is not this server's: use one of {ours}."
        await error_response(Problem(403, message, code="host_not_allowed"))(scope, receive, send)


def host_name(header: str) -> str | None:
    """The name in a Host header, without port, in lower case, IPv6 in its brackets; None if it is not one."""
    match = HOST.fullmatch(header.lower())
    return match[1] if match else None


class BodyLimit:
    """Refuses a body of more than MAX_BODY_BYTES, or one that takes more than BODY_SECONDS to come."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BODY_BYTES:
            await error_response(_too_large())(scope, receive, send)
            return
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        size, complete = 0, False

        async def bounded_receive() -> Message:
            nonlocal size, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise ProblemError(_too_slow()) from error
            size += len(message.get("body", b""))
            if size > MAX_BODY_BYTES:
                raise ProblemError(_too_large())
            complete = not message.get("more_body", False)
            return message

        await self._app(scope, bounded_receive, send)


def _too_large() -> Problem:
    message = f"The body has more than {MAX_BODY_BYTES} bytes: send less at once."
    return Problem(413, message, code="content_too_large", headers=CLOSE)


def _too_slow() -> Problem:
    message = f"The body took more than {BODY_SECONDS:g} seconds: send it faster."
    return Problem(408, message, code="request_timeout", headers=CLOSE)
