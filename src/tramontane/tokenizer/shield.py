"""Keeps special tokens that people write from being taken for the template's own."""

import secrets
from collections.abc import Iterable
from typing import Any


class Shield:
    """Replaces special tokens' strings by words that nobody can guess, and back."""

    def __init__(self, specials: Iterable[str]) -> None:
        nonce = secrets.token_hex(16)
        # longest first: one special token may begin another
        ordered = sorted(specials, key=len, reverse=True)
        self._words = {special: f"x{nonce}x{index}x" for index, special in enumerate(ordered)}

    def cover(self, value: Any) -> Any:
        """A copy of nested lists and dicts with every string covered, keys too."""
        if isinstance(value, str):
            for special, word in self._words.items():
                value = value.replace(special, word)
            return value
        if isinstance(value, dict):
            return {self.cover(key): self.cover(item) for key, item in value.items()}
        return [self.cover(item) for item in value] if isinstance(value, list | tuple) else value

    def uncover(self, text: str) -> str:
        """`text` with the words turned back into what people wrote."""
        for special, word in self._words.items():
            text = text.replace(word, special)
        return text
