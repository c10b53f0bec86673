"""A set of 64-bit keys in 8 bytes each, with a bound."""

import numpy as np
from numpy.typing import NDArray

from tramontane.corpus.fingerprint import Keys


class KeySet:
    """Sorted runs that double in size as they are merged, as in a log-structured merge tree.

    At most `capacity` keys are held: beyond it the oldest run is forgotten, and `forgotten` counts its keys.
    """

    def __init__(self, capacity: int) -> None:
        self._runs: list[Keys] = []
        self._capacity = capacity
        self._largest_run = max(1, capacity // 8)
        self.forgotten = 0

    def __len__(self) -> int:
        return sum(len(run) for run in self._runs)

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """For each key whether it was added."""
        flat = keys.ravel()
        found = np.empty(keys.shape, dtype=np.bool_)
        order = np.argsort(flat)  # neighbouring look-ups then share cache lines
        queries = flat[order]
        found_sorted = np.zeros(len(flat), dtype=np.bool_)
        for run in self._runs:
            places = np.searchsorted(run, queries)
            places[places == len(run)] = 0
            found_sorted |= run[places] == queries
        found.reshape(-1)[order] = found_sorted
        return found

    def add(self, keys: Keys) -> None:
        if not keys.size:
            return
        self._runs.append(np.unique(keys))
        while len(self._runs) > 1 and self._may_merge(self._runs[-2], self._runs[-1]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs[-1], last])
            merged.sort(kind="stable")
            self._runs[-1] = merged
        while len(self) > self._capacity:
            self.forgotten += len(self._runs.pop(0))

    def _may_merge(self, older: Keys, newer: Keys) -> bool:
        return len(older) <= 2 * len(newer) and len(older) + len(newer) <= self._largest_run
