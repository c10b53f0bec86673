"""`tramontane serve` from outside: its start, its streams, its memory.

    python benchmarks/serve.py [--model brise] [--rounds 3]

`start` counts from the start of the command, with the files in the system's cache: to /health saying 200, and to
the first token of a stream asked for then. `streams` are asked for together, over HTTP, each with a prompt of
about a hundred tokens and an answer of 128. Memory is resident: idle after the start, and the most under load.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from common import Row, save

ANSWER = 128
PROMPT = "Raconte-moi ce que fait le vent dans la vallée, et pourquoi les gens du pays le craignent. " * 4


@dataclass
class Stream:
    """When a stream's tokens came, in seconds after it was asked for."""

    first: float
    last: float
    tokens: int
    prompt_tokens: int


class Server:
    """A `tramontane serve` process of our own."""

    def __init__(self, model: str) -> None:
        program = Path(sys.executable).with_name("tramontane")
        self.began = time.perf_counter()
        self.process = subprocess.Popen(
            [program, "serve", "--model", model, "--port", "0", "--no-browser"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit("the server did not start; its reason is above")
        self.url = line.split()[-1]

    def memory(self) -> tuple[float, float]:
        """MiB of the HTTP process and of the engine process."""
        http = psutil.Process(self.process.pid)
        [engine] = http.children()
        return http.memory_info().rss / 2**20, engine.memory_info().rss / 2**20

    def stop(self) -> None:
        self.process.terminate()
        assert self.process.wait(40) == 0


async def ask(client: httpx.AsyncClient, seed: int) -> Stream:
    body = {
        "messages": [{"role": "user", "content": PROMPT}],
        "max_tokens": ANSWER,
        "ignore_eos": True,
        "seed": seed,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    begin = time.perf_counter()
    first = last = 0.0
    usage: dict[str, int] = {}
    async with client.stream("POST", "/v1/chat/completions", json=body) as response:
        response.raise_for_status()
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line[6:])
            usage = chunk["usage"] or usage
            if chunk["choices"]:
                last = time.perf_counter() - begin
                first = first or last
    return Stream(first, last, usage["completion_tokens"], usage["prompt_tokens"])


async def measure_start(model: str) -> tuple[float, float]:
    """Seconds to /health and to the first token."""
    server = Server(model)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as client:
        assert (await client.get("/health")).status_code == 200
        healthy = time.perf_counter() - server.began
        stream = await ask(client, seed=0)
        asked = time.perf_counter() - server.began - stream.last
    server.stop()
    return healthy, asked + stream.first


async def measure_streams(server: Server, count: int, rounds: int) -> Row:
    rates, firsts, gaps = [], [], []
    peak = (0.0, 0.0)
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=600) as client:
        await ask(client, seed=99)  # warm
        for number in range(rounds):
            begin = time.perf_counter()
            tasks = [asyncio.create_task(ask(client, number * count + seed)) for seed in range(count)]
            while not all(task.done() for task in tasks):
                await asyncio.sleep(0.1)
                peak = max(peak, server.memory(), key=sum)
            streams = [task.result() for task in tasks]
            rates.append(sum(s.tokens for s in streams) / (time.perf_counter() - begin))
            firsts += [s.first for s in streams]
            gaps += [(s.last - s.first) / (s.tokens - 1) for s in streams]
    return {
        "streams": count,
        "tokens/s": round(statistics.median(rates), 1),
        "first token ms": round(statistics.median(firsts) * 1000),
        "ms between tokens": round(statistics.median(gaps) * 1000, 1),
        "HTTP MiB": round(peak[0]),
        "engine MiB": round(peak[1]),
    }


async def run(model: str, rounds: int) -> None:
    starts = [await measure_start(model) for _ in range(rounds)]
    server = Server(model)
    idle = server.memory()
    loads = [await measure_streams(server, count, rounds) for count in (1, 16)]
    server.stop()
    start = {
        "start to /health s": round(statistics.median(health for health, _ in starts), 2),
        "start to first token s": round(statistics.median(first for _, first in starts), 2),
        "idle HTTP MiB": round(idle[0]),
        "idle engine MiB": round(idle[1]),
    }
    save("serve", [{"model": Path(model).name} | start | load for load in loads])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="brise", help="a name or a folder")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asyncio.run(run(options.model, options.rounds))


if __name__ == "__main__":
    main()
