"""The engine's process: messages in, steps, messages out.

Started by link.py as `python -m tramontane.engine.process '{"folder": …, "address": …, "options": …}'`.
"""

import gc
import logging
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import torch
import zmq

from tramontane.common.errors import RequestError, TramontaneError
from tramontane.common.logging import configure_logging
from tramontane.common.units import format_count
from tramontane.engine.core import EngineCore
from tramontane.engine.loading import load_core
from tramontane.engine.machine import available_memory, resident_memory, usable_cores
from tramontane.engine.request import (
    Cancel,
    EngineOptions,
    Failed,
    FromEngine,
    Generate,
    GenerationRequest,
    GetStats,
    Launch,
    Rejected,
    Started,
    ToEngine,
    Tokens,
)

logger = logging.getLogger("tramontane.engine")


class Channel:
    """The engine's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.setsockopt(zmq.SNDHWM, 0)  # tokens are few and bounded: never wait for the client
        self._socket.connect(address)
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(ToEngine)

    def send(self, message: FromEngine) -> None:
        self._socket.send(self._encoder.encode(message))

    def receive(self, wait: bool) -> Iterator[ToEngine]:
        """Every message that is there; if `wait`, at least one."""
        if wait:
            yield self._decoder.decode(self._socket.recv())
        while self._socket.poll(0):
            yield self._decoder.decode(self._socket.recv())

    def close(self) -> None:
        """Returns when everything is sent."""
        self._socket.close(linger=1000)
        zmq.Context.instance().term()


def serve(core: EngineCore, channel: Channel) -> None:
    """Answer messages and run steps, for ever. An exception ends the process: the client starts another."""
    while True:
        if not core.busy:
            core.check_integrity()
        for message in channel.receive(wait=not core.busy):
            _handle(core, channel, message)
        if core.busy:
            plan = core.plan()
            if plan.admitted:
                channel.send(Started([sequence.id for sequence in plan.admitted]))
            if events := core.execute(plan):
                channel.send(Tokens(events))


def _handle(core: EngineCore, channel: Channel, message: ToEngine) -> None:
    match message:
        case Generate(request):
            _add(core, channel, request)
        case Cancel(request_id):
            core.cancel(request_id)
        case GetStats():
            channel.send(msgspec.structs.replace(core.stats(), resident_bytes=resident_memory()))


def _add(core: EngineCore, channel: Channel, request: GenerationRequest) -> None:
    try:
        core.add(request)
    except TramontaneError as error:
        param = error.param if isinstance(error, RequestError) else None
        channel.send(Rejected(request.id, error.code, str(error), param))


def load(folder: Path, options: EngineOptions) -> EngineCore:
    """A warm engine that uses the whole machine."""
    started = time.perf_counter()
    threads = options.threads or usable_cores()
    torch.set_num_threads(threads)
    core = load_core(folder, options, available_memory)
    gc.collect()
    gc.freeze()  # the model never becomes garbage: do not search it
    info = core.info
    logger.info(
        "%s is ready after %.1f s: %s parameters, %s on %s, %d threads, cache of %d tokens, context of %d",
        info.model,
        time.perf_counter() - started,
        format_count(info.parameters),
        info.dtype,
        info.device,
        threads,
        info.num_kv_blocks * info.block_size,
        info.context_length,
    )
    return core


def _exit_with_parent(address: str) -> None:
    """The parent holds the other end of standard input: it closes when the parent ends, however it ends."""
    while os.read(sys.stdin.fileno(), 1):
        pass
    shutil.rmtree(Path(address.removeprefix("ipc://")).parent, ignore_errors=True)
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    launch = msgspec.json.decode(sys.argv[1], type=Launch)
    threading.Thread(target=_exit_with_parent, args=(launch.address,), daemon=True).start()
    configure_logging()
    channel = Channel(launch.address)
    try:
        core = load(Path(launch.folder), launch.options)
    except TramontaneError as error:
        channel.send(Failed(error.code, str(error)))
        channel.close()
        sys.exit(2)
    channel.send(core.info)
    serve(core, channel)


if __name__ == "__main__":
    main()
