"""Shutting down without cutting anybody off, up to a limit."""

import asyncio

from tramontane.common.errors import DrainingError

DRAIN_SECONDS = 30.0


class Drain:
    """First `begin`: nothing new is taken. When its time is over, `over` is set: what still runs must end."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.begun = False

    def begin(self, seconds: float = DRAIN_SECONDS) -> None:
        self.begun = True
        asyncio.get_running_loop().call_later(seconds, self.over.set)

    def check(self) -> None:
        """Raise DrainingError if nothing new may begin."""
        if self.begun:
            raise self.error()

    @staticmethod
    def error() -> DrainingError:
        return DrainingError("The server is shutting down: ask again in a moment.")
