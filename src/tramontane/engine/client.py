"""The HTTP process's side of the engine: streams of tokens that survive the engine's death. Torch-free."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec

from tramontane.common.errors import EngineDiedError, TramontaneError
from tramontane.engine.link import EngineLink, error_of
from tramontane.engine.recovery import Stream, note_crash, to_send
from tramontane.engine.request import (
    Cancel,
    EngineInfo,
    EngineOptions,
    EngineStats,
    FromEngine,
    Generate,
    GenerationRequest,
    GetStats,
    Rejected,
    Started,
    TokenEvent,
    Tokens,
    check_request,
)

logger = logging.getLogger(__name__)

_RESTART_DELAYS = (0.0, 1.0, 5.0)  # seconds before each try to start a new process


class EngineClient:
    """Starts an engine process and keeps one running.

    >>> client = EngineClient(folder)
    >>> await client.start()
    >>> async with aclosing(client.generate(request)) as events:   # closing cancels
    ...     async for event in events: ...
    """

    def __init__(
        self,
        model_folder: Path,
        *,
        threads: int | None = None,
        max_running: int = 32,
        max_waiting: int = 256,
    ) -> None:
        self.info: EngineInfo | None = None
        self._model_folder = model_folder
        self._options = EngineOptions(max_running=max_running, max_waiting=max_waiting, threads=threads)
        self._link: EngineLink | None = None  # None while there is no engine that is ready
        self._supervisor: asyncio.Task[None] | None = None
        self._streams: dict[str, Stream] = {}  # by request id, in order of arrival
        self._stats: list[asyncio.Future[EngineStats]] = []

    async def start(self) -> None:
        """Returns when the engine is ready, with `info` set.

        Raises ModelFileError, DeviceError or EngineDiedError.
        """
        link = EngineLink(self._model_folder, self._options)
        self.info = await link.start()
        self._link = link
        self._supervisor = asyncio.create_task(self._supervise(link))

    async def stop(self) -> None:
        """End the engine process; open streams end with a "cancelled" event."""
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.inbox.put_nowait(TokenEvent(stream.request.id, [], "cancelled"))
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.wait((self._supervisor,))
        if self._link is not None:
            link, self._link = self._link, None
            await link.stop()

    async def generate(self, request: GenerationRequest) -> AsyncGenerator[TokenEvent, None]:
        """Token events until one has `finish`. Closing the iterator, or cancelling its task, cancels the
        request.

        Raises RequestError, ContextLengthError, QueueFullError, and EngineDiedError if the engine cannot be
        brought back or if this request is what ends it.
        """
        stream = self._open(request)
        try:
            while True:
                event = await stream.inbox.get()
                if isinstance(event, TramontaneError):
                    raise event
                yield event
                if event.finish is not None:
                    return
        finally:
            self._close(stream)

    async def stats(self) -> EngineStats:
        """The engine's numbers, between two of its steps. Raises EngineDiedError while there is no engine."""
        if self._link is None:
            raise EngineDiedError("The engine is not running: try again in a moment.")
        reply: asyncio.Future[EngineStats] = asyncio.get_running_loop().create_future()
        self._stats.append(reply)
        if len(self._stats) == 1:  # one question at a time, whoever asks
            self._link.send(GetStats())
        return await reply

    def _open(self, request: GenerationRequest) -> Stream:
        assert self._supervisor is not None, "start() comes first"
        assert self.info is not None
        if self._supervisor.done():
            raise EngineDiedError("The engine has stopped and could not be brought back: see its log.")
        assert request.id not in self._streams, f"request {request.id} is here already"
        check_request(request, self.info.context_length, self.info.vocab_size)
        sampling = request.sampling
        if sampling.seed is None:  # chosen here, so that a restarted engine goes on with the same
            sampling = msgspec.structs.replace(sampling, seed=secrets.randbits(63))
        stream = Stream(GenerationRequest(request.id, request.prompt_ids, sampling, list(request.output_ids)))
        self._streams[request.id] = stream
        self._send_unsent()
        return stream

    def _close(self, stream: Stream) -> None:
        request_id = stream.request.id
        if self._streams.get(request_id) is stream:
            del self._streams[request_id]
            if stream.sent and self._link is not None:
                self._link.send(Cancel(request_id))
            self._send_unsent()

    def _send_unsent(self) -> None:
        if self._link is not None:
            for stream in to_send(self._streams.values()):
                self._link.send(Generate(stream.request))
                stream.sent = True

    async def _supervise(self, link: EngineLink) -> None:
        try:
            running: EngineLink | None = link
            while running is not None:
                await self._listen(running)
                running = self._link = await self._restart()
                self._send_unsent()
        except Exception:
            logger.exception("the engine's client failed")
        finally:
            self._fail_stats()
            for stream in list(self._streams.values()):
                self._fail(
                    stream, EngineDiedError("The engine died and could not be brought back: see its log.")
                )

    async def _listen(self, link: EngineLink) -> None:
        """Dispatch what the engine says until it dies; then settle who is to blame."""
        while (message := await link.receive()) is not None:
            self._dispatch(message)
        logger.error("the engine process ended (exit code %s): starting another", link.exit_code)
        self._link = None
        await link.stop()
        self._fail_stats()
        for stream in note_crash(self._streams.values()):
            self._fail(stream, EngineDiedError("The engine died twice while it ran this request: change it."))

    async def _restart(self) -> EngineLink | None:
        for delay in _RESTART_DELAYS:
            await asyncio.sleep(delay)
            link = EngineLink(self._model_folder, self._options)
            try:
                self.info = await link.start()
            except TramontaneError as error:
                logger.error("the engine cannot start: %s", error)
            else:
                return link
        return None

    def _dispatch(self, message: FromEngine) -> None:
        match message:
            case Tokens(events):
                for event in events:
                    self._receive(event)
            case Started(ids):
                for request_id in ids:
                    if stream := self._streams.get(request_id):
                        stream.started = True
            case Rejected(request_id, code, text, param):
                if stream := self._streams.get(request_id):
                    self._fail(stream, error_of(code, text, param))
                    self._send_unsent()
            case EngineStats():
                waiters, self._stats = self._stats, []
                for reply in waiters:
                    if not reply.done():  # whoever asked may have gone
                        reply.set_result(message)

    def _receive(self, event: TokenEvent) -> None:
        stream = self._streams.get(event.id)
        if stream is None:  # cancelled while this was on its way
            return
        cleared = stream.receive(event)
        if event.finish is not None:
            del self._streams[event.id]
        if cleared:
            self._send_unsent()

    def _fail(self, stream: Stream, error: TramontaneError) -> None:
        del self._streams[stream.request.id]
        stream.inbox.put_nowait(error)

    def _fail_stats(self) -> None:
        waiters, self._stats = self._stats, []
        for reply in waiters:
            if not reply.done():
                reply.set_exception(EngineDiedError("The engine has stopped: try again in a moment."))
