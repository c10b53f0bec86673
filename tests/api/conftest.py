"""A stand-in for the engine, and a real HTTP server around it.

Only the engine is replaced: a real one cannot be made to wait, fail or say a given word on demand. The
end-to-end tests (test_serve.py) have a real one.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest_asyncio
from fastapi import FastAPI

from tramontane.api.address import LOOPBACK_NAMES
from tramontane.api.app import create_app
from tramontane.api.http import new_server
from tramontane.api.served import ServedModel
from tramontane.api.service import Service
from tramontane.engine.request import EngineInfo, EngineStats, GenerationRequest, TokenEvent
from tramontane.tokenizer.tokenizer import Tokenizer

CONTEXT = 128


@dataclass
class ScriptedEngine:
    """An EngineClient that says `tokens` to everybody, `pause` seconds apart, and notes who hung up."""

    vocab_size: int
    tokens: list[int] = field(default_factory=list)
    pause: float = 0.0
    finish: str = "stop"
    error: Exception | None = None
    error_after: int = 0
    loading: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[GenerationRequest] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    info: EngineInfo | None = None

    async def start(self) -> None:
        await self.loading.wait()
        self.info = EngineInfo("tiny", CONTEXT, self.vocab_size, 8, 16, "float32", "cpu", 1000)

    async def stop(self) -> None:
        pass

    async def stats(self) -> EngineStats:
        return EngineStats(len(self.running), 0, 1, 8, 0, 0, 0, 0, 4096)

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenEvent, None]:
        self.asked.append(request)
        self.running.add(request.id)
        prompt = len(request.prompt_ids)
        try:
            limit = request.sampling.max_tokens or 0
            for count, token in enumerate(self.tokens[:limit]):
                if self.error and count == self.error_after:
                    raise self.error
                await asyncio.sleep(self.pause)
                yield TokenEvent(request.id, [token], None, None, prompt)
            if self.error:
                raise self.error
            finish = "length" if limit <= len(self.tokens) else self.finish
            yield TokenEvent(request.id, [], finish, None, prompt)
        finally:
            self.running.discard(request.id)


@dataclass
class Running:
    """The application with its scripted engine, and a client of it."""

    engine: ScriptedEngine
    service: Service
    app: FastAPI
    client: httpx.AsyncClient
    tokenizer: Tokenizer

    def say(self, text: str, **script: object) -> None:
        """What the engine answers from now on."""
        self.engine.tokens = self.tokenizer.encode(text)
        for name, value in script.items():
            setattr(self.engine, name, value)

    async def chat(self, **body: object) -> httpx.Response:
        return await self.client.post("/v1/chat/completions", json=question(**body))


def question(**fields: object) -> dict[str, object]:
    """A chat request's body."""
    return {"model": "tiny", "messages": [{"role": "user", "content": "Bonjour"}], **fields}


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `condition` holds, or fail."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture(loop_scope="function")
async def running(tiny_model_folder: Path, tiny_tokenizer: Tokenizer) -> AsyncIterator[Running]:
    """No socket: for what is asked and answered."""
    engine = ScriptedEngine(tiny_tokenizer.vocab_size)
    engine.loading.set()
    starting = asyncio.ensure_future(engine.start())
    service = Service(ServedModel(tiny_model_folder, engine, starting))
    app = create_app(service, LOOPBACK_NAMES)
    await starting
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(base_url="http://localhost", transport=transport) as client:
        yield Running(engine, service, app, client, tiny_tokenizer)


@pytest_asyncio.fixture(loop_scope="function")
async def listening(running: Running) -> AsyncIterator[Running]:
    """The same behind a real socket: for what happens between."""
    listener = socket.create_server(("127.0.0.1", 0))
    # connections inherit it: a client that does not read is felt after kilobytes, not megabytes
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    server = new_server(running.app)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        yield replace(running, client=client)
    server.should_exit = server.force_exit = True
    await serving
