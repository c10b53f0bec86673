"""One engine process, from its start to its end, and the socket to it. Torch-free."""

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec
import zmq
import zmq.asyncio

from tramontane.common.errors import EngineDiedError, RequestError, TramontaneError
from tramontane.engine.request import EngineInfo, EngineOptions, Failed, FromEngine, Launch, ToEngine

ENGINE = (sys.executable, "-m", "tramontane.engine.process")
# Threads that wait for one another spin for some 20 µs, then sleep. OpenMP's default is milliseconds: on a machine
# that also does other work, two threads then wait in turn for a core that the other burns.
ENVIRONMENT = {"GOMP_SPINCOUNT": "1000"}
_STOP_SECONDS = 5.0


class EngineLink:
    """Starts a process, talks to it, ends it. It is used once: after a crash there is a new one."""

    def __init__(self, model_folder: Path, options: EngineOptions, command: tuple[str, ...] = ENGINE) -> None:
        self._model_folder = model_folder
        self._options = options
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(FromEngine)
        self._folder = Path(tempfile.mkdtemp(prefix="tramontane-"))  # private: mode 0700
        self._context = zmq.asyncio.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.SNDHWM, 0)
        self._socket.setsockopt(zmq.RCVHWM, 0)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> EngineInfo:
        """Returns when the engine is ready; raises what it failed with, or EngineDiedError."""
        address = f"ipc://{self._folder / 'engine'}"
        try:
            self._socket.bind(address)
            launch = Launch(str(self._model_folder), address, self._options)
            self._process = await asyncio.create_subprocess_exec(
                *ENGINE,
                msgspec.json.encode(launch).decode(),
                stdin=asyncio.subprocess.PIPE,  # closes when we end: the engine then ends too
                stdout=2,
                env=ENVIRONMENT | os.environ,
                start_new_session=True,
            )
            self._exit = asyncio.create_task(self._process.wait())
            return await self._handshake()
        except BaseException:
            await self.stop()
            raise

    async def _handshake(self) -> EngineInfo:
        message = await self.receive()
        if isinstance(message, Failed):
            raise error_of(message.code, message.message)
        if message is None:
            raise EngineDiedError(
                f"The engine ended before it was ready (exit code {self.exit_code}): see its log."
            )
        assert isinstance(message, EngineInfo)
        return message

    @property
    def exit_code(self) -> int | None:
        """None while the process runs; negative: the signal that ended it."""
        return None if self._process is None else self._process.returncode

    def send(self, message: ToEngine) -> None:
        """Never waits. To an engine that has just died it is lost: `receive` tells of that."""
        sent = asyncio.ensure_future(self._socket.send(self._encoder.encode(message), zmq.NOBLOCK))
        assert sent.done(), "a send that may not wait is over at once"
        with contextlib.suppress(zmq.Again):  # nobody at the other end
            sent.result()

    async def receive(self) -> FromEngine | None:
        """The next message; None once the process has ended."""
        message = asyncio.ensure_future(self._socket.recv())
        await asyncio.wait((message, self._exit), return_when=asyncio.FIRST_COMPLETED)
        if message.done():
            decoded: FromEngine = self._decoder.decode(message.result())
            return decoded
        message.cancel()
        return None

    async def stop(self) -> None:
        """End the process, by force if it does not end when asked, and remove every trace."""
        if self._process is not None:
            if self._process.returncode is None:
                self._process.terminate()
            await asyncio.wait((self._exit,), timeout=_STOP_SECONDS)
            if self._process.returncode is None:
                self._process.kill()
            await self._exit
        self._context.destroy(linger=0)
        shutil.rmtree(self._folder, ignore_errors=True)


def error_of(code: str, message: str, param: str | None = None) -> TramontaneError:
    """The error that the engine reported, of the class that it had there."""
    classes = [TramontaneError]
    for known in classes:
        classes.extend(known.__subclasses__())
    kind = next(known for known in classes if known.code == code)
    return kind(message, param) if issubclass(kind, RequestError) else kind(message)
