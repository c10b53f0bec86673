"""The engine as a process: streams, cancelling, dying, coming back."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from tramontane.common.errors import (
    ContextLengthError,
    EngineDiedError,
    ModelFileError,
    QueueFullError,
    RequestError,
)
from tramontane.engine import client as client_module
from tramontane.engine import link
from tramontane.engine.client import EngineClient
from tramontane.engine.link import error_of
from tramontane.engine.request import GenerationRequest, SamplingParams
from tramontane.model.decoder import Decoder

Naive = Callable[[Decoder, GenerationRequest], list[int]]

TOY = (sys.executable, str(Path(__file__).with_name("toy_engine.py")))


def make_request(number: int, max_tokens: int = 100) -> GenerationRequest:
    prompt = [number, number + 1, number + 2]
    return GenerationRequest(f"r{number}", prompt, SamplingParams(seed=number, max_tokens=max_tokens))


async def collect(client: EngineClient, request: GenerationRequest) -> list[int]:
    ids: list[int] = []
    async with aclosing(client.generate(request)) as events:
        async for event in events:
            ids += event.ids
            last = event
    assert last.finish == "length"
    return ids


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "took too long"
        await asyncio.sleep(0.01)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model_folder: Path) -> AsyncIterator[EngineClient]:
    client = EngineClient(model_folder, threads=1, max_running=8, max_waiting=2)
    await client.start()
    yield client
    await client.stop()


def engine_pid() -> int:
    (child,) = [
        child.pid for child in psutil.Process().children() if "tramontane.engine" in child.cmdline()[2]
    ]
    return child


@pytest.mark.asyncio(loop_scope="module")
async def test_streams_side_by_side(client: EngineClient, decoder: Decoder, naive: Naive) -> None:
    requests = [make_request(number, 20) for number in range(6)]
    answers = await asyncio.gather(*(collect(client, request) for request in requests))
    assert answers == [naive(decoder, request) for request in requests]
    stats = await client.stats()
    assert stats.running == stats.waiting == stats.kv_blocks_used == 0
    assert stats.tokens_generated >= 120
    assert stats.resident_bytes > 10**7


@pytest.mark.asyncio(loop_scope="module")
async def test_closing_and_cancelling_free_the_blocks(client: EngineClient) -> None:
    async with aclosing(client.generate(make_request(1, 150))) as events:
        await anext(events)
    task = asyncio.create_task(collect(client, make_request(2, 150)))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stats = await client.stats()
    assert stats.running == stats.waiting == stats.kv_blocks_used == 0


@pytest.mark.asyncio(loop_scope="module")
async def test_refusals(client: EngineClient) -> None:
    with pytest.raises(ContextLengthError, match="160"):
        await collect(client, GenerationRequest("long", [1] * 161))
    with pytest.raises(RequestError, match="top_p 2"):
        await collect(client, GenerationRequest("odd", [1], SamplingParams(top_p=2)))
    tasks = [asyncio.create_task(collect(client, make_request(number, 120))) for number in range(14)]
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, QueueFullError)]
    assert len(refused) == 4
    assert sum(isinstance(outcome, list) for outcome in outcomes) == 10


@pytest.mark.asyncio(loop_scope="module")
async def test_streams_survive_the_engine(client: EngineClient, decoder: Decoder, naive: Naive) -> None:
    """SIGKILL in mid-stream: every stream ends with the text that it would have had."""
    requests = [make_request(number, 150) for number in range(5)]
    expected = [naive(decoder, request) for request in requests]
    tasks = [asyncio.create_task(collect(client, request)) for request in requests]
    await until(lambda: [len(s.request.output_ids) > 10 for s in client._streams.values()] == [True] * 5)
    os.kill(engine_pid(), signal.SIGKILL)
    await until(lambda: client._link is None)
    with pytest.raises(EngineDiedError):
        await client.stats()
    assert await asyncio.gather(*tasks) == expected
    assert (await client.stats()).kv_blocks_used == 0


@pytest_asyncio.fixture
async def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EngineClient]:
    """A client of toy_engine.py, which needs no torch: for what the client does when engines die."""
    monkeypatch.setattr(link, "ENGINE", TOY)
    monkeypatch.setattr(client_module, "_RESTART_DELAYS", (0.0, 0.0, 0.0))
    client = EngineClient(tmp_path)
    await client.start()
    yield client
    await client.stop()


@pytest.mark.parametrize("company", [0, 1, 16])
async def test_deadly_request_fails_alone(toy: EngineClient, company: int) -> None:
    harmless = [make_request(number, 60) for number in range(company)]
    tasks = [asyncio.create_task(collect(toy, request)) for request in harmless]
    await asyncio.sleep(0.05 if company else 0)
    with pytest.raises(EngineDiedError, match="twice"):
        await collect(toy, GenerationRequest("deadly", [96, 96, 96]))
    late = await collect(toy, make_request(50, 10))
    assert await asyncio.gather(*tasks) == [list(range(n, n + 60)) for n in range(company)]
    assert late == list(range(50, 60))


async def test_two_kills_from_outside_fail_nobody(toy: EngineClient) -> None:
    tasks = [asyncio.create_task(collect(toy, make_request(number, 60))) for number in range(16)]
    for _ in range(2):
        await until(lambda: [s.started for s in toy._streams.values()] == [True] * 16)
        assert toy._link is not None
        assert toy._link._process is not None
        toy._link._process.kill()
        await until(lambda: toy._link is None)
    assert await asyncio.gather(*tasks) == [list(range(n, n + 60)) for n in range(16)]


async def test_engine_that_cannot_come_back(toy: EngineClient, tmp_path: Path) -> None:
    stream = asyncio.create_task(collect(toy, make_request(1, 60)))
    await asyncio.sleep(0.05)
    (tmp_path / "broken").touch()
    assert toy._link is not None
    assert toy._link._process is not None
    toy._link._process.kill()
    with pytest.raises(EngineDiedError, match="brought back"):
        await stream
    with pytest.raises(EngineDiedError):
        await collect(toy, make_request(2, 60))
    with pytest.raises(EngineDiedError):
        await toy.stats()


async def test_stop_ends_open_streams(toy: EngineClient) -> None:
    async with aclosing(toy.generate(make_request(1, 100))) as events:
        await anext(events)
        await toy.stop()
        endings = [event.finish async for event in events]
    assert endings[-1] == "cancelled"
    await toy.stop()  # twice is no error


async def test_unusable_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelFileError):
        await EngineClient(tmp_path).start()


PARENT = """
import asyncio, sys
from pathlib import Path
from tramontane.engine.link import EngineLink
from tramontane.engine.request import EngineOptions
async def main():
    link = EngineLink(Path(sys.argv[1]), EngineOptions(threads=1))
    asyncio.create_task(link.start())
    while link._process is None:
        await asyncio.sleep(0.01)
    print(link._process.pid, link._folder, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_engine_ends_with_its_parent(model_folder: Path) -> None:
    parent = subprocess.Popen(
        (sys.executable, "-c", PARENT, str(model_folder)), stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    with parent, parent.stdout:
        pid, folder = parent.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        parent.kill()
    await until(lambda: not psutil.pid_exists(int(pid)))
    assert not Path(folder).exists()


def test_client_is_torch_free() -> None:
    code = "import sys, tramontane.engine.client; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), check=False).returncode == 0


def test_errors_keep_their_class() -> None:
    error = error_of("context_length_exceeded", "Too long.", "prompt")
    assert type(error) is ContextLengthError
    assert (str(error), error.param) == ("Too long.", "prompt")
    assert type(error_of("invalid_model_file", "Torn.")) is ModelFileError
