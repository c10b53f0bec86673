"""What /metrics tells: names of OpenTelemetry's GenAI conventions where they exist, `tramontane_…` otherwise.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ as Prometheus spells them.
"""

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from tramontane.api.generation import TextDelta, Usage
from tramontane.engine.request import EngineStats

MODEL = ("gen_ai_request_model",)
# the conventions' own bucket boundaries, in seconds
DURATION = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
NEXT_TOKEN = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)


class Metrics:
    """One registry for one server; nothing is global, so that two servers can live in one process."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.http_requests = Counter(
            "tramontane_http_requests_total",
            "HTTP responses.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._requests = Counter(
            "tramontane_requests_total",
            "Generations by how they ended.",
            (*MODEL, "outcome"),
            registry=registry,
        )
        self._tokens = Counter(
            "gen_ai_client_token_usage_total",
            "Tokens of prompts and answers.",
            (*MODEL, "gen_ai_token_type"),
            registry=registry,
        )
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "From the request to its last token.",
            MODEL,
            buckets=DURATION,
            registry=registry,
        )
        self._first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "From the request to its first token.",
            MODEL,
            buckets=FIRST_TOKEN,
            registry=registry,
        )
        self._next_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "From one token to the next.",
            MODEL,
            buckets=NEXT_TOKEN,
            registry=registry,
        )
        self._engine = {
            name: Gauge(f"tramontane_engine_{name}", text, MODEL, registry=registry)
            for name, text in ENGINE_GAUGES.items()
        }

    async def measure(
        self, model: str, deltas: AsyncGenerator[TextDelta, None]
    ) -> AsyncGenerator[TextDelta, None]:
        """Pass `deltas` on and note their times and tokens, however they end."""
        begin = last = time.perf_counter()
        usage, outcome = Usage(), "cancelled"
        try:
            async with aclosing(deltas):
                async for delta in deltas:
                    now = time.perf_counter()
                    if not usage.completion:
                        self._first_token.labels(model).observe(now - begin)
                    elif new := delta.usage.completion - usage.completion:
                        self._next_token.labels(model).observe((now - last) / new)
                    usage, last, outcome = delta.usage, now, delta.finish or outcome
                    yield delta
        except Exception:
            outcome = "error"
            raise
        finally:
            self._requests.labels(model, outcome).inc()
            self._tokens.labels(model, "input").inc(usage.prompt)
            self._tokens.labels(model, "output").inc(usage.completion)
            self._duration.labels(model).observe(time.perf_counter() - begin)

    def text(self, model: str, stats: EngineStats | None) -> bytes:
        """The page for Prometheus, with the engine's numbers of this moment where it answers."""
        for name, gauge in self._engine.items():
            if stats is None:
                gauge.clear()
            else:
                gauge.labels(model).set(getattr(stats, name))
        return generate_latest(self._registry)


# fields of EngineStats
ENGINE_GAUGES = {
    "running": "Requests in the batch.",
    "waiting": "Requests in the queue.",
    "kv_blocks_used": "KV blocks in use.",
    "kv_blocks_total": "KV blocks there are.",
    "tokens_generated": "Tokens generated since the start.",
    "prompt_tokens": "Prompt tokens computed since the start, those computed again included.",
    "preemptions": "Requests put back into the queue for want of KV blocks, since the start.",
    "resident_bytes": "Memory of the engine process.",
}
