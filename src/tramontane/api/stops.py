"""Stop strings on text that arrives in pieces."""

from collections.abc import Sequence


class StopMatcher:
    """Passes text through until a stop string is complete; no part of that one is ever passed on.

    The result does not depend on where the pieces are cut: the stop string that is complete first wins, and
    of two that are complete at the same character the longer one.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.stopped = False

    def push(self, text: str) -> str:
        """What may be passed on now. Sets `stopped` once a stop string is complete."""
        assert not self.stopped
        if not self._stops:
            return text
        text = self._held + text
        matches = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if matches:
            self.stopped, self._held = True, ""
            return text[: min(matches)[1]]
        cut = len(text) - self._open_length(text)
        self._held = text[cut:]
        return text[:cut]

    def finish(self) -> str:
        """What was held back in case it began a stop string."""
        held, self._held = self._held, ""
        return held

    def _open_length(self, text: str) -> int:
        """Length of the longest end of `text` that begins a stop string."""
        longest = min(len(text), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
