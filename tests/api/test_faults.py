"""Clients that hang up, do not read, dribble or send too much; engines that fail; a server that must end."""

import asyncio
import json
import logging
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from tramontane.api import middleware, protocol, sse
from tramontane.common.errors import EngineDiedError, QueueFullError

LONG = "vent " * 60


def raw_request(**fields: object) -> bytes:
    body = json.dumps({"messages": [{"role": "user", "content": "x"}], **fields}).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest_asyncio.fixture(loop_scope="function")
async def connect(listening):
    """Opens raw connections to the server, and closes them in the end."""
    address = urlsplit(str(listening.client.base_url))
    writers = []

    async def open_one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        client.connect((address.hostname, address.port))
        reader, writer = await asyncio.open_connection(sock=client)
        writers.append(writer)
        return reader, writer

    yield open_one
    for writer in writers:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def eventually(condition, seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


class TestHangingUp:
    @pytest.mark.parametrize("stream", [True, False])
    async def test_frees_the_engine(self, listening, connect, stream: bool) -> None:
        listening.say(LONG, pause=0.05)
        reader, writer = await connect()
        writer.write(raw_request(stream=stream))
        await eventually(lambda: bool(listening.engine.running))
        if stream:
            await reader.readuntil(b"data: ")
        writer.close()
        await eventually(lambda: not listening.engine.running, seconds=1)

    async def test_frees_the_engine_before_the_first_token(self, listening, connect) -> None:
        listening.say(LONG, pause=60)
        _, writer = await connect()
        writer.write(raw_request(stream=True, n=3))
        await eventually(lambda: len(listening.engine.running) == 3)
        writer.close()
        await eventually(lambda: not listening.engine.running, seconds=1)

    async def test_while_the_model_loads(self, listening, connect) -> None:
        model = listening.service.model
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        model._starting = never
        for stream in (True, False):
            _, writer = await connect()
            writer.write(raw_request(stream=stream))
            await asyncio.sleep(0.1)
            writer.close()
        await asyncio.sleep(0.1)
        assert not never.done(), "nobody who leaves may stop the engine's start"
        assert not listening.engine.asked


class TestSlowClients:
    async def test_one_that_never_reads_is_closed(self, listening, connect, monkeypatch) -> None:
        monkeypatch.setattr(sse, "SEND_SECONDS", 0.3)
        ids = listening.tokenizer.encode("mistral " * 1000)

        async def flood(request):
            from tramontane.engine.request import TokenEvent

            listening.engine.running.add(request.id)
            try:
                while True:
                    yield TokenEvent(request.id, ids, None, None, 1)
            finally:
                listening.engine.running.discard(request.id)

        listening.engine.generate = flood
        reader, writer = await connect()
        writer.write(raw_request(stream=True))
        await eventually(lambda: bool(listening.engine.running))
        reader._transport.pause_reading()
        await eventually(lambda: not listening.engine.running, seconds=20)
        reader._transport.resume_reading()
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(10**9)

    async def test_headers_byte_by_byte(self, listening, connect, monkeypatch) -> None:
        monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.3)
        reader, writer = await connect()
        for byte in b"GET /health HT":
            writer.write(bytes([byte]))
            await asyncio.sleep(0.01)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)

    async def test_headers_byte_by_byte_on_a_kept_connection(self, listening, connect, monkeypatch) -> None:
        monkeypatch.setattr(protocol, "HEADER_SECONDS", 0.3)
        reader, writer = await connect()
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        await asyncio.sleep(0.5)  # an idle connection may stay
        writer.write(b"GET /hea")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 2)

    async def test_endless_headers(self, listening, connect) -> None:
        reader, writer = await connect()
        writer.write(b"GET /health HTTP/1.1\r\nX: ")
        for _ in range(9):
            writer.write(b"x" * 2**16)
        assert (await reader.readline()).startswith(b"HTTP/1.1 431 ")

    async def test_body_byte_by_byte(self, listening, connect, monkeypatch) -> None:
        monkeypatch.setattr(middleware, "BODY_SECONDS", 0.3)
        reader, writer = await connect()
        writer.write(raw_request()[:-5])
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 408 ")

    async def test_too_many_connections(self, listening, connect, monkeypatch) -> None:
        monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 1)
        _, first = await connect()
        reader, _ = await connect()
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 503 ")
        first.close()


class TestBodies:
    async def test_announced_too_large(self, listening, connect) -> None:
        reader, writer = await connect()
        writer.write(raw_request().replace(b"Content-Length: ", b"Content-Length: 99999999"))
        assert (await asyncio.wait_for(reader.readline(), 2)).startswith(b"HTTP/1.1 413 ")

    async def test_chunked_too_large(self, running, monkeypatch) -> None:
        monkeypatch.setattr(middleware, "MAX_BODY_BYTES", 10_000)
        taken = 0

        async def pieces():
            nonlocal taken
            for _ in range(1000):
                taken += 1000
                yield b"x" * 1000

        response = await running.client.post(
            "/v1/chat/completions", content=pieces(), headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 413
        assert response.json()["error"]["code"] == "content_too_large"
        assert taken < 20_000

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"null",
            b"[]",
            b'"text"',
            b"{",
            b'{"messages"',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"a":' * 100_000,
            b"NaN",
            b"{}",
            b'{"messages": null}',
            b'\xef\xbb\xbf{"messages": []}',
        ],
        ids=repr,
    )
    async def test_nonsense(self, running, body: bytes) -> None:
        response = await running.client.post(
            "/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
        )
        assert response.status_code == 400
        assert response.json()["error"]["type"] == "invalid_request_error"

    async def test_other_content_types(self, running) -> None:
        """A form or plain text is what a page elsewhere could send without asking first."""
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            response = await running.client.post(
                "/v1/chat/completions", content=raw_request(), headers={"Content-Type": kind}
            )
            assert response.status_code == 400
        assert not running.engine.asked


class TestEngineErrors:
    @pytest.mark.parametrize("stream", [True, False])
    @pytest.mark.parametrize(
        ("error", "status", "kind"),
        [
            (QueueFullError("The queue is full."), 429, "rate_limit_exceeded"),
            (EngineDiedError("It died."), 503, "server_error"),
        ],
    )
    async def test_before_the_first_token(self, running, error, status, kind, stream: bool) -> None:
        running.say("x", error=error)
        response = await running.chat(stream=stream)
        assert response.status_code == status
        assert response.headers["retry-after"] == "1"
        assert response.json()["error"]["type"] == kind
        assert response.json()["error"]["code"] == error.code

    async def test_one_of_several(self, running) -> None:
        running.say("x", error=QueueFullError("The queue is full."))
        assert (await running.chat(n=4)).status_code == 429
        assert not running.engine.running

    async def test_in_mid_stream(self, running) -> None:
        running.say("un deux trois", error=EngineDiedError("It died."), error_after=3)
        lines = (await running.chat(stream=True)).text.strip().split("\n\n")
        assert json.loads(lines[-1][6:]) == {
            "error": {"message": "It died.", "type": "server_error", "param": None, "code": "engine_died"}
        }
        assert "[DONE]" not in lines

    async def test_our_own_mistake(self, running, caplog) -> None:
        """The client gets an id, the log gets the reason."""
        running.say("un deux trois", error=KeyError("secret"))
        for stream, after in ((False, 0), (True, 0), (True, 2)):
            caplog.clear()
            running.engine.error_after = after
            with caplog.at_level(logging.ERROR):
                response = await running.chat(stream=stream)
            request_id = response.headers["x-request-id"]
            assert response.status_code == (200 if after else 500)
            assert request_id in response.text
            assert "secret" not in response.text
            assert request_id in caplog.text
            assert "secret" in caplog.text


class TestWaiting:
    async def test_comments_while_nothing_happens(self, running, monkeypatch) -> None:
        monkeypatch.setattr(sse, "PATIENCE_SECONDS", 0.05)
        monkeypatch.setattr(sse, "KEEP_ALIVE_SECONDS", 0.1)
        running.say("un", pause=0.4)
        lines = (await running.chat(stream=True)).text.split("\n\n")
        assert lines[0] == ": waiting"
        assert lines.count(": keep-alive") >= 2
        assert "[DONE]" in lines[-2]

    async def test_waits_for_the_model(self, running) -> None:
        """A question that comes while the model loads is answered when it is there."""
        loaded = asyncio.Event()
        running.service.model._starting = asyncio.ensure_future(loaded.wait())
        running.say("un")
        asking = asyncio.ensure_future(running.chat())
        health = await running.client.get("/health")
        assert (health.status_code, health.json()["status"]) == (503, "loading")
        assert not asking.done()
        loaded.set()
        assert (await asking).status_code == 200
        assert (await running.client.get("/health")).json() == {"status": "ok", "model": "tiny"}


class TestDraining:
    async def test_new_ones_are_refused_running_ones_finish(self, running) -> None:
        running.say("un deux trois", pause=0.05)
        old = [asyncio.ensure_future(running.chat(stream=stream)) for stream in (True, False)]
        await eventually(lambda: len(running.engine.running) == 2)
        running.service.drain.begin(30)
        for stream in (True, False):
            refused = await running.chat(stream=stream)
            assert refused.status_code == 503
            assert refused.json()["error"]["code"] == "draining"
        assert (await running.client.get("/health")).status_code == 503
        streamed, whole = [await task for task in old]
        assert streamed.text.endswith("data: [DONE]\n\n")
        assert whole.json()["choices"][0]["message"]["content"] == "un deux trois"

    async def test_the_limit_ends_them_with_an_error(self, running) -> None:
        running.say("un deux trois", pause=0.2)
        old = [asyncio.ensure_future(running.chat(stream=stream)) for stream in (True, False)]
        await asyncio.sleep(0.3)
        running.service.drain.begin(0.01)
        streamed, whole = [await task for task in old]
        assert json.loads(streamed.text.strip().split("\n\n")[-1][6:])["error"]["code"] == "draining"
        assert whole.status_code == 503
        assert not running.engine.running

    async def test_one_still_waiting_gets_a_status(self, running) -> None:
        running.say("un", pause=60)
        old = asyncio.ensure_future(running.chat(stream=True))
        await eventually(lambda: bool(running.engine.running))
        running.service.drain.begin(0.01)
        assert (await old).status_code == 503


class TestHosts:
    @pytest.mark.parametrize(
        "host", ["localhost", "localhost:8000", "127.0.0.1:1", "[::1]:8000", "LOCALHOST"]
    )
    async def test_ours(self, running, host: str) -> None:
        assert (await running.client.get("/health", headers={"Host": host})).status_code == 200

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "localhost.evil.example",
            "localhost/skip?",
            "x#",
            "x?a=",
            "",
            "[::1]x",
            "localhost:80@evil",
        ],
    )
    async def test_others(self, running, host: str) -> None:
        response = await running.client.get("/v1/models", headers={"Host": host})
        assert response.status_code == 403
        assert response.json()["error"]["code"] == "host_not_allowed"


class TestAnswers:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/unknown", 404),
            ("POST", "/v1/models/x/y", 404),
            ("GET", "/v1/chat/completions", 405),
            ("DELETE", "/v1/models", 405),
            ("OPTIONS", "/v1/chat/completions", 405),
            ("GET", "/../../etc/passwd", 404),
            ("GET", "/assets/..%2f..%2fapp.py", 404),
        ],
    )
    async def test_errors_have_openais_body(self, running, method: str, path: str, status: int) -> None:
        response = await running.client.request(method, path)
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}

    async def test_headers(self, running) -> None:
        for path in ("/", "/v1/models", "/nowhere"):
            headers = (await running.client.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert headers["x-request-id"].startswith("req_")
            assert "access-control-allow-origin" not in headers

    async def test_metrics(self, running) -> None:
        running.say("un deux")
        await running.chat()
        await running.chat(model="none")
        text = (await running.client.get("/metrics")).text
        tokens = len(running.engine.tokens)
        model = 'gen_ai_request_model="tiny"'
        for line in (
            'tramontane_requests_total{gen_ai_request_model="tiny",outcome="stop"} 1.0',
            f'gen_ai_client_token_usage_total{{{model},gen_ai_token_type="output"}} {tokens}.0',
            'gen_ai_server_time_to_first_token_seconds_count{gen_ai_request_model="tiny"} 1.0',
            f"gen_ai_server_time_per_output_token_seconds_count{{{model}}} {tokens - 1}.0",
            'tramontane_engine_kv_blocks_total{gen_ai_request_model="tiny"} 8.0',
            'tramontane_http_requests_total{method="POST",route="/v1/chat/completions",status="404"} 1.0',
        ):
            assert line in text
        assert "process_resident_memory_bytes" in text

    async def test_every_route_is_known(self, running) -> None:
        """A new one must be thought about, here and above."""
        assert set(running.app.openapi()["paths"]) == {
            "/health",
            "/metrics",
            "/v1/chat/completions",
            "/v1/completions",
            "/v1/models",
            "/v1/models/{name}",
        }


async def test_a_stream_that_never_waits_starves_nobody(listening) -> None:
    """Tokens that are all there at once: a health check still gets its turn in between."""
    listening.say(LONG)
    async with httpx.AsyncClient(base_url=listening.client.base_url, trust_env=False) as other:
        streams = [asyncio.ensure_future(listening.chat(stream=True)) for _ in range(5)]
        assert (await asyncio.wait_for(other.get("/health"), 2)).status_code == 200
        for stream in streams:
            assert (await stream).text.endswith("data: [DONE]\n\n")
