"""Ids → text as they come, never half a character."""

from collections.abc import Iterable

from tramontane.tokenizer.tokenizer import Tokenizer

# what a decoder writes for bytes that are no character, or not one yet
_REPLACEMENT = "\ufffd"


class Detokenizer:
    """The text of one growing answer, special tokens skipped.

    All that `push` and `finish` return, joined, is `tokenizer.decode_plain` of all ids pushed. Text is held
    back while it ends in the middle of a character.

    Decoding only the newest ids would lose what a decoder does between tokens (SentencePiece drops the space
    in front of a text's first word), so they are decoded together with the ids of the piece before, and the
    part that is known already is cut off.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._special = frozenset(tokenizer.special_ids.values())
        self._ids: list[int] = []  # of the piece before, then those whose text is held back
        self._told = 0  # how many of them are of the piece before
        self._told_text = ""

    def push(self, ids: Iterable[int]) -> str:
        """The text that is certain with these ids; often "", for it may be held back."""
        self._ids += [token for token in ids if token not in self._special]
        text = self._tokenizer.decode_plain(self._ids)
        if text.endswith(_REPLACEMENT) or len(text) == len(self._told_text):
            return ""
        new = text[len(self._told_text) :]
        self._ids = self._ids[self._told :]
        self._told = len(self._ids)
        self._told_text = self._tokenizer.decode_plain(self._ids)
        return new

    def finish(self) -> str:
        """What is still held back; no more ids may follow."""
        return self._tokenizer.decode_plain(self._ids)[len(self._told_text) :]
