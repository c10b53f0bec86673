"""The engine's process: `python -m tramontane.engine.process '{"folder": …, "address": …, "options": …}'`.

Started by link.py. What this module imports is light, so that a bad folder or a dead parent is noticed before
torch is there.
"""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import msgspec

from tramontane.common.errors import TramontaneError
from tramontane.common.logging import configure_logging
from tramontane.engine.channel import Channel
from tramontane.engine.request import Failed, Launch
from tramontane.model.hf import read_config


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    launch = msgspec.json.decode(sys.argv[1], type=Launch)
    end_with_parent(launch.address)
    configure_logging()
    channel = Channel(launch.address)
    folder = Path(launch.folder)
    try:
        read_config(folder)
        from tramontane.engine.serving import load, serve

        core = load(folder, launch.options)
    except TramontaneError as error:
        channel.send(Failed(error.code, str(error)))
        channel.close()
        sys.exit(2)
    channel.send(core.info)
    serve(core, channel)


def end_with_parent(address: str) -> None:
    """End this process, and remove the socket's folder, as soon as the parent ends, however it ends."""
    threading.Thread(target=_wait_for_parent, args=(address,), daemon=True).start()


def _wait_for_parent(address: str) -> None:
    while os.read(sys.stdin.fileno(), 1):  # the parent holds the other end and writes nothing
        pass
    shutil.rmtree(Path(address.removeprefix("ipc://")).parent, ignore_errors=True)
    os._exit(0)


if __name__ == "__main__":
    main()
