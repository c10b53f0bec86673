"""The loop of the engine's process: messages in, steps, messages out."""

import gc
import logging
import time
from pathlib import Path

import msgspec
import torch

from tramontane.common.errors import RequestError, TramontaneError
from tramontane.common.units import format_count
from tramontane.engine.channel import Channel
from tramontane.engine.core import EngineCore
from tramontane.engine.loading import choose_threads, load_core, stored_parameters
from tramontane.engine.machine import available_memory, resident_memory, usable_cores
from tramontane.engine.request import (
    Cancel,
    EngineOptions,
    Generate,
    GenerationRequest,
    GetStats,
    Rejected,
    Started,
    ToEngine,
    Tokens,
)

logger = logging.getLogger(__name__)


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
    """A warm engine, with as many threads as its model is worth."""
    started = time.perf_counter()
    threads = options.threads or choose_threads(stored_parameters(folder), usable_cores())
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
