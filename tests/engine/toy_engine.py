"""An engine without a model, which starts at once: token n of an answer is (seed + n) % 90.

A step that holds token 96 kills it. With a file `broken` in its folder it does not start.
"""

import os
import sys
import time
from pathlib import Path

import msgspec

from tramontane.engine.channel import Channel
from tramontane.engine.process import end_with_parent
from tramontane.engine.request import (
    Cancel,
    EngineInfo,
    Generate,
    GenerationRequest,
    Launch,
    Started,
    TokenEvent,
    Tokens,
)


def step(request: GenerationRequest) -> TokenEvent:
    token = ((request.sampling.seed or 0) + len(request.output_ids)) % 90
    request.output_ids.append(token)
    full = len(request.output_ids) == request.sampling.max_tokens
    return TokenEvent(request.id, [token], "length" if full else None)


def main() -> None:
    launch = msgspec.json.decode(sys.argv[1], type=Launch)
    end_with_parent(launch.address)
    if (Path(launch.folder) / "broken").exists():
        sys.exit(1)
    channel = Channel(launch.address)
    channel.send(EngineInfo("toy", 160, 97, 10, 16, "float32", "cpu", 0))
    running: dict[str, GenerationRequest] = {}
    while True:
        new = []
        for message in channel.receive(wait=not running):
            if isinstance(message, Generate):
                running[message.request.id] = message.request
                new.append(message.request.id)
            elif isinstance(message, Cancel):
                running.pop(message.id, None)
        if new:
            channel.send(Started(new))
        time.sleep(0.01)  # a step
        if any(96 in request.prompt_ids for request in running.values()):
            os._exit(9)
        events = [step(request) for request in running.values()]
        channel.send(Tokens(events))
        running = {event.id: running[event.id] for event in events if event.finish is None}


main()
