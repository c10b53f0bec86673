"""A model as the HTTP process knows it: its name, its tokenizer, and the engine that runs it elsewhere."""

import asyncio
import hashlib
from pathlib import Path

from tramontane import __version__
from tramontane.api.defaults import SamplingDefaults, read_sampling_defaults
from tramontane.engine.client import EngineClient
from tramontane.engine.request import EngineInfo
from tramontane.tokenizer.tokenizer import Tokenizer


class ServedModel:
    """One model folder and its engine. Raises TokenizerError or ModelFileError if the folder is unusable."""

    def __init__(self, folder: Path, client: EngineClient, starting: asyncio.Future[None]) -> None:
        """`starting` is over when the engine is ready, or has the error for which it cannot be."""
        self.name = folder.name
        self.created = int((folder / "config.json").stat().st_mtime)
        self.fingerprint = _fingerprint(folder)
        self.defaults: SamplingDefaults = read_sampling_defaults(folder)
        self.tokenizer = Tokenizer.load(folder)
        self.client = client
        self._starting = starting

    @property
    def ready(self) -> bool:
        """Whether the engine has loaded its weights."""
        task = self._starting
        return task.done() and not task.cancelled() and task.exception() is None

    async def info(self) -> EngineInfo:
        """What the engine says of itself, once it is ready."""
        # shielded: a client that hangs up must not stop the engine's start
        await asyncio.shield(self._starting)
        assert self.client.info is not None
        return self.client.info


def _fingerprint(folder: Path) -> str:
    """Changes whenever answers may: with the program's version or any file of the model."""
    digest = hashlib.sha256(__version__.encode())
    for path in sorted(folder.iterdir()):
        if path.is_file():
            status = path.stat()
            digest.update(f"{path.name} {status.st_size} {status.st_mtime_ns}".encode())
    return f"fp_{digest.hexdigest()[:12]}"
