"""A small HTTP server that speaks as Tramontane's does, with answers that a test chooses.

It stands in for the engine alone: the page, its security policy and the stream's form are the real ones. A
real engine cannot be made to fail, to wait or to say a given word on demand.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from typing import Any

from tramontane.api.middleware import SECURITY_HEADERS


@dataclass
class Answer:
    """What the stand-in does with one question."""

    pieces: list[str] = field(default_factory=list)
    # Seconds between two pieces.
    pause: float = 0.0
    finish: str = "stop"
    # An HTTP error in place of an answer.
    status: int = 200
    error: dict[str, Any] | None = None
    # The connection closes after the pieces, without an end.
    cut: bool = False
    # When given, the pieces after the first wait for it.
    gate: threading.Event | None = None


class StandIn(ThreadingHTTPServer):
    """Serves the built page and answers questions from `answers`, in order; the last one is repeated."""

    daemon_threads = True

    def __init__(self, page: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page
        self.answers: list[Answer] = [Answer(["Hello."])]
        self.asked: list[dict[str, Any]] = []
        self.hung_up = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_answer(self) -> Answer:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that closes its connection is no error of ours."""


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read what was asked from `asked`."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self._send(
                200, "application/json", json.dumps({"object": "list", "data": [{"id": "brise"}]}).encode()
            )
            return
        file = self.server.page / (self.path.split("?")[0].lstrip("/") or "index.html")
        if not file.is_file():
            self._send(404, "text/plain", b"no such file")
            return
        self._send(200, guess_type(file.name)[0] or "application/octet-stream", file.read_bytes())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(asked)
        answer = self.server.next_answer()
        if answer.error is not None:
            self._send(answer.status, "application/json", json.dumps({"error": answer.error}).encode())
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            for event in events(answer):
                self.wfile.write(f"data: {event}\n\n".encode())
                self.wfile.flush()
        except OSError:
            self.server.hung_up.set()

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in SECURITY_HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def events(answer: Answer) -> Iterator[str]:
    """The data of the answer's stream events, in OpenAI's form."""
    pause = threading.Event()
    for index, piece in enumerate(answer.pieces):
        if index and answer.gate:
            answer.gate.wait(20)
        pause.wait(answer.pause)
        yield json.dumps(chunk({"content": piece}))
    if answer.cut:
        return
    yield json.dumps(chunk({}, answer.finish))
    count = len(answer.pieces)
    usage = {"prompt_tokens": 9, "completion_tokens": count, "total_tokens": 9 + count}
    yield json.dumps({**chunk({}), "choices": [], "usage": usage})
    yield "[DONE]"


def chunk(delta: dict[str, str], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "brise", "choices": [choice]}
