"""`tramontane serve` as a process, with its real engine, through the official `openai` package."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import openai
import psutil
import pytest

PROGRAM = Path(sys.executable).with_name("tramontane")
PROMPT = [{"role": "user", "content": "Le mistral souffle"}]
# noise seldom ends by itself, but it may: a test that needs time must not depend on it
ENDLESS = {"ignore_eos": True}


@dataclass
class Served:
    """A running `tramontane serve`."""

    process: subprocess.Popen[str]
    url: str

    def sdk(self) -> openai.OpenAI:
        return openai.OpenAI(
            base_url=f"{self.url}/v1",
            api_key="none",
            max_retries=0,
            http_client=httpx.Client(trust_env=False),
        )

    def metric(self, name: str) -> float:
        text = httpx.get(f"{self.url}/metrics", trust_env=False).text
        found = re.search(rf"^{name}{{.*}} (\S+)$", text, re.MULTILINE)
        assert found, f"{name} is not in /metrics"
        return float(found[1])

    def engine(self) -> psutil.Process:
        [child] = psutil.Process(self.process.pid).children()
        return child

    def until(self, condition: Callable[[], bool], seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """A server until the end of the block, where it may have ended by itself; it has said nothing but its address."""
    command = [str(PROGRAM), "serve", "--model", str(folder), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline()
            assert line.startswith("Tramontane is ready: http://127.0.0.1:"), line
            yield Served(process, line.split()[-1])
            if process.poll() is None:
                process.terminate()
            assert process.wait(40) == 0
            assert process.stdout.read() == "", "one line and nothing more"
        finally:
            process.kill()


@pytest.fixture(scope="module")
def served(tiny_model_folder: Path) -> Iterator[Served]:
    with serving(tiny_model_folder) as served:
        yield served


@pytest.fixture
def sdk(served: Served) -> Iterator[openai.OpenAI]:
    with served.sdk() as sdk:
        yield sdk


def say(sdk: openai.OpenAI, **fields: object) -> str:
    answer = sdk.chat.completions.create(model="tiny", messages=PROMPT, **fields)
    return answer.choices[0].message.content


def stream(sdk: openai.OpenAI, **fields: object) -> str:
    with sdk.chat.completions.create(model="tiny", messages=PROMPT, stream=True, **fields) as chunks:
        return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def test_whole_answer(sdk) -> None:
    answer = sdk.chat.completions.create(model="tiny", messages=PROMPT, max_tokens=12, extra_body=ENDLESS)
    assert answer.model == "tiny"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage.completion_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_stream_with_usage(sdk) -> None:
    chunks = list(
        sdk.chat.completions.create(
            model="tiny",
            messages=PROMPT,
            max_tokens=12,
            stream=True,
            stream_options={"include_usage": True},
            extra_body=ENDLESS,
        )
    )
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == 12
    assert chunks[-2].choices[0].finish_reason == "length"


def test_completions_and_models(sdk) -> None:
    answer = sdk.completions.create(
        model="tiny", prompt=["Le", [10, 11, 12]], max_tokens=4, extra_body=ENDLESS
    )
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert answer.usage.completion_tokens == 8
    [model] = sdk.models.list().data
    assert model.id == sdk.models.retrieve("tiny").id == "tiny"


def test_a_seed_repeats_the_answer(sdk) -> None:
    """Whole or streamed, alone or beside others."""
    first = say(sdk, seed=7, max_tokens=40)
    assert say(sdk, seed=8, max_tokens=40) != first
    with ThreadPoolExecutor(6) as pool:
        tasks = [pool.submit(stream, sdk, seed=7, max_tokens=40) for _ in range(3)]
        tasks += [pool.submit(say, sdk, seed=seed, max_tokens=40) for seed in (9, 7, 10)]
        texts = [task.result() for task in tasks]
    assert texts[:3] + texts[4:5] == [first] * 4


def test_stop_strings_are_never_sent(sdk) -> None:
    whole = say(sdk, temperature=0, max_tokens=60, extra_body=ENDLESS)
    stop_string = whole[20:26]
    expected = whole[: whole.index(stop_string)]
    assert say(sdk, temperature=0, max_tokens=60, stop=[stop_string], extra_body=ENDLESS) == expected
    assert stream(sdk, temperature=0, max_tokens=60, stop=stop_string, extra_body=ENDLESS) == expected


def test_errors_are_the_sdks_own_classes(sdk) -> None:
    with pytest.raises(openai.BadRequestError) as too_long:
        say(sdk, max_tokens=100_000)
    assert too_long.value.code == "context_length_exceeded"
    with pytest.raises(openai.BadRequestError) as refused:
        say(sdk, logprobs=True)
    assert refused.value.param == "logprobs"
    with pytest.raises(openai.NotFoundError) as missing:
        sdk.models.retrieve("other")
    assert missing.value.code == "model_not_found"


@pytest.mark.parametrize("streamed", [True, False])
def test_hanging_up_frees_the_blocks(served, streamed: bool) -> None:
    before = served.metric("tramontane_engine_kv_blocks_used")
    body = {"messages": PROMPT, "max_tokens": 450, "stream": streamed, **ENDLESS}
    with httpx.Client(base_url=served.url, trust_env=False) as client:
        if streamed:
            with client.stream("POST", "/v1/chat/completions", json=body) as response:
                next(response.iter_bytes())
        else:
            with pytest.raises(httpx.ReadTimeout):
                client.post("/v1/chat/completions", json=body, timeout=0.2)
    generated = served.metric("tramontane_engine_tokens_generated")
    served.until(lambda: served.metric("tramontane_engine_running") == 0, seconds=2)
    assert served.metric("tramontane_engine_kv_blocks_used") == before
    assert served.metric("tramontane_engine_tokens_generated") < generated + 50


def test_seventeen_streams_at_once(served) -> None:
    with served.sdk() as sdk, ThreadPoolExecutor(17) as pool:
        tasks = [pool.submit(stream, sdk, seed=seed, max_tokens=60, extra_body=ENDLESS) for seed in range(17)]
        assert all(task.result() for task in tasks)
    assert served.metric("tramontane_engine_running") == 0


def test_a_full_queue_is_a_rate_limit_error(served) -> None:
    """32 run and 256 wait; what comes then is refused at once, and nothing is left behind."""
    flood = {"model": "tiny", "prompt": ["x"] * 8, "n": 16, "max_tokens": 400, "stream": True}
    with served.sdk() as sdk:
        streams = [sdk.completions.create(**flood, extra_body=ENDLESS) for _ in range(2)]
        with pytest.raises(openai.RateLimitError) as full:
            sdk.completions.create(**{**flood, "stream": False}, extra_body=ENDLESS)
        assert full.value.code == "queue_full"
        assert full.value.response.headers["retry-after"]
        for chunks in streams:
            chunks.close()
        served.until(lambda: served.metric("tramontane_engine_running") == 0)
        assert served.metric("tramontane_engine_waiting") == 0
        assert say(sdk, max_tokens=2, extra_body=ENDLESS)


def test_an_engine_that_dies_is_replaced_in_mid_stream(served, sdk) -> None:
    expected = say(sdk, seed=5, max_tokens=300, extra_body=ENDLESS)
    chunks = iter(
        sdk.chat.completions.create(
            model="tiny", messages=PROMPT, seed=5, max_tokens=300, stream=True, extra_body=ENDLESS
        )
    )
    text = next(chunks).choices[0].delta.content
    served.engine().kill()
    text += "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == expected


def test_http_process_is_small_and_knows_no_torch(served) -> None:
    maps = Path(f"/proc/{served.process.pid}/maps").read_text()
    assert "torch" not in maps
    assert "numpy" not in maps
    assert psutil.Process(served.process.pid).memory_info().rss < 120 * 2**20


def test_terminating_lets_a_stream_finish(tiny_model_folder: Path) -> None:
    with serving(tiny_model_folder) as served, served.sdk() as sdk:
        chunks = iter(
            sdk.chat.completions.create(
                model="tiny", messages=PROMPT, max_tokens=400, stream=True, extra_body=ENDLESS
            )
        )
        next(chunks)
        engine = served.engine()
        served.process.send_signal(signal.SIGTERM)
        *_, last = chunks
        assert last.usage.completion_tokens == 400
        assert served.process.wait(10) == 0
        assert not engine.is_running()


def test_a_second_interrupt_quits_now(tiny_model_folder: Path) -> None:
    with serving(tiny_model_folder) as served, served.sdk() as sdk:
        flood = sdk.completions.create(
            model="tiny", prompt=["x"] * 8, n=16, max_tokens=450, stream=True, extra_body=ENDLESS
        )
        next(iter(flood))
        engine = served.engine()
        served.process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        assert served.process.poll() is None
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(10) == 0
        assert not engine.is_running()


def fails(*flags: str) -> str:
    done = subprocess.run(
        [PROGRAM, "serve", "--no-browser", *flags], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.strip().split("\n")
    return line


def test_a_port_in_use_is_one_sentence(tiny_model_folder: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        assert f"port {port}" in fails("--model", str(tiny_model_folder), "--port", str(port))


def test_a_missing_model_is_one_sentence() -> None:
    assert "'nowhere'" in fails("--model", "nowhere")


def test_a_damaged_model_is_one_sentence(tiny_model_folder: Path, tmp_path: Path) -> None:
    for path in tiny_model_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    assert "model.safetensors" in fails("--model", str(tmp_path), "--port", "0")
