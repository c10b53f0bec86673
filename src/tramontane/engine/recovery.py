"""Whom to blame when the engine process dies, and what to send to the next one. Pure: no socket, no clock.

Every stream that was running is resumed, from its prompt and its tokens so far. A stream is suspect when it
was running at two crashes in a row, without progress between. A suspect that was running alone is the
culprit. Where there are several, they are resumed one after the other, each when the one before has
settled, so that the next crash names the culprit: the other streams only wait.
"""

import asyncio
from collections.abc import Collection

from tramontane.common.errors import TramontaneError
from tramontane.engine.request import GenerationRequest, TokenEvent

# tokens after which a resumed stream has passed the point where the engine died: it had at most a step
# under way
_SETTLED = 4


class Stream:
    """An unfinished request on the client's side."""

    def __init__(self, request: GenerationRequest) -> None:
        self.request = request  # `output_ids` grow with what arrives
        self.inbox: asyncio.Queue[TokenEvent | TramontaneError] = asyncio.Queue()
        self.sent = False  # to the engine process of the moment
        self.started = False  # in a step of that process
        self.crashes = 0  # in a row, at which it was running
        self._progress = 0  # tokens from that process

    @property
    def suspect(self) -> bool:
        return self.crashes >= 2

    def receive(self, event: TokenEvent) -> bool:
        """Take an event; returns whether this has cleared the stream of suspicion."""
        self.request.output_ids.extend(event.ids)
        self._progress += len(event.ids)
        self.inbox.put_nowait(event)
        cleared = self.suspect and (self._progress >= _SETTLED or event.finish is not None)
        if self._progress >= _SETTLED:
            self.crashes = 0
        return cleared

    def forget_engine(self) -> None:
        """The process that it was sent to is gone."""
        self.sent = self.started = False
        self._progress = 0


def note_crash(streams: Collection[Stream]) -> list[Stream]:
    """Count a crash of the engine; returns the streams to give up: the culprit, if there can be no other."""
    # a crash before the first step was told: then any that was sent may have caused it
    running = [stream for stream in streams if stream.started] or [
        stream for stream in streams if stream.sent
    ]
    for stream in running:
        stream.crashes += 1
    for stream in streams:
        stream.forget_engine()
    suspects = [stream for stream in running if stream.suspect]
    return suspects if len(suspects) == 1 else []


def to_send(streams: Collection[Stream]) -> list[Stream]:
    """What may be sent now: everything unsent or, while there are suspects, one of these at a time."""
    suspects = [stream for stream in streams if stream.suspect]
    if not suspects:
        return [stream for stream in streams if not stream.sent]
    if any(stream.sent for stream in suspects):
        return []
    return suspects[:1]
