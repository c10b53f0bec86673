"""The terminal chat against a server that says what a test wants, at the level of HTTP."""

import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

import pytest
from rich.console import Console

from tramontane.cli.chat import first_model, open_client, talk
from tramontane.common.errors import SettingsError


class Script(ThreadingHTTPServer):
    """Answers every question with `events`, raw; notes what was asked."""

    daemon_threads = True
    status = 200
    events = b""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[list[dict[str, str]]] = []

    def say(self, *pieces: str, done: bool = True) -> None:
        chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
        data = [json.dumps(chunk, ensure_ascii=False) for chunk in chunks] + ["[DONE]"] * done
        self.events = b": waiting\n\n" + "".join(f"data: {item}\n\n" for item in data).encode()


class Handler(BaseHTTPRequestHandler):
    server: Script

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._send(200, b'{"object": "list", "data": [{"id": "tiny"}]}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body["messages"])
        self._send(self.server.status, self.server.events)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Script]:
    with Script() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def converse(server: Script, *lines: str | type[BaseException]) -> str:
    """What the terminal shows when a person types `lines` and then ends the input."""
    console = Console(file=io.StringIO(), width=80)
    typed = iter([*lines, EOFError])

    def type_line(prompt: str = "") -> str:
        line = next(typed)
        if isinstance(line, str):
            return line
        raise line

    with (
        patch("builtins.input", type_line),
        open_client(f"http://127.0.0.1:{server.server_port}") as client,
    ):
        talk(client, first_model(client), console)
    return console.file.getvalue()


def test_streams_and_keeps_the_history(server: Script) -> None:
    server.say("Le ", "mistral.")
    shown = converse(server, "Quel vent ?", "", "Encore", "/quit", "never read")
    assert shown.count("Le mistral.") == 2
    assert server.asked == [
        [{"role": "user", "content": "Quel vent ?"}],
        [
            {"role": "user", "content": "Quel vent ?"},
            {"role": "assistant", "content": "Le mistral."},
            {"role": "user", "content": "Encore"},
        ],
    ]


def test_new_forgets(server: Script) -> None:
    server.say("ok")
    converse(server, "un", "/new", "deux")
    assert server.asked[-1] == [{"role": "user", "content": "deux"}]


def test_lines_within_json_do_not_end_events(server: Script) -> None:
    server.say("a\u2028b\u0085c")
    assert "a\u2028b" in converse(server, "x")


def test_a_model_cannot_steer_the_terminal(server: Script) -> None:
    server.say("a\x1b]0;owned\x07b\rc\x9bd[bold]")
    assert "a]0;ownedbcd[bold]" in converse(server, "x")


def test_ctrl_c_at_the_prompt_stays(server: Script) -> None:
    server.say("ok")
    assert "ok" in converse(server, KeyboardInterrupt, "x")


def test_ctrl_c_stops_the_answer_alone(server: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object) -> Iterator[str]:
        yield "Le mis"
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("tramontane.cli.chat.stream", interrupted)
        assert "Le mis [stopped]" in converse(server, "x")


@pytest.mark.parametrize("status", [200, 429])
def test_errors_are_the_servers_sentence_and_forget_the_question(server: Script, status: int) -> None:
    error = json.dumps({"error": {"message": "The queue is full.", "code": "queue_full"}})
    server.status, server.events = status, (f"data: {error}\n\n" if status == 200 else error).encode()
    assert "The queue is full." in converse(server, "x", "y")
    assert server.asked[-1] == [{"role": "user", "content": "y"}]


def test_an_answer_cut_off_is_said(server: Script) -> None:
    server.say("Le mis", done=False)
    assert "before the answer was complete" in converse(server, "x")


def test_no_server_is_one_sentence_with_the_remedy() -> None:
    with (
        open_client("http://127.0.0.1:9") as client,
        pytest.raises(SettingsError, match=r"http://127.0.0.1:9.*tramontane serve"),
    ):
        first_model(client)


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "", "http://"])
def test_no_address_is_one_sentence(url: str) -> None:
    with pytest.raises(SettingsError, match="is not an address"):
        open_client(url)
