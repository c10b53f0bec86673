"""Encoding a rendered template: its special tokens as ids, everything between them as plain text."""

import json
import re
from collections.abc import Callable, Sequence
from typing import Any

from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from tramontane.common.errors import TokenizerError


def plain_backend(backend: Backend) -> Backend:
    """A copy that spells special tokens out instead of recognising them."""
    copy = Backend.from_str(backend.to_str())
    copy.encode_special_tokens = True
    return copy


def encode_plainly(backend: Backend, texts: Sequence[str], whole: bool = False) -> list[list[int]]:
    """Ids of each text, on all cores; those of `whole` documents with the special tokens around them.

    Raises TokenizerError if one is not valid Unicode.
    """
    try:
        encodings = backend.encode_batch_fast(list(texts), add_special_tokens=whole)
    except TypeError as error:  # what the library says to half a surrogate pair, which JSON can carry
        for text in texts:
            _check_unicode(text, error)
        raise
    return [encoding.ids for encoding in encodings]


def _check_unicode(text: str, cause: TypeError) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TokenizerError(
            f"The text is not valid Unicode: character {error.start} is {text[error.start]!a}, half of a "
            "surrogate pair; send the other half with it, or neither."
        ) from cause


class PieceEncoder:
    """Splits text at special tokens and encodes the pieces between them by `plain`, the backend's plain copy."""

    def __init__(self, backend: Backend, plain: Backend) -> None:
        added = backend.get_added_tokens_decoder()
        specials = {index: token for index, token in sorted(added.items()) if token.special}
        self.special_ids: dict[str, int] = {token.content: index for index, token in specials.items()}
        longest_first = sorted(specials.values(), key=lambda token: -len(token.content))
        self._split = re.compile("(" + "|".join(map(_pattern, longest_first)) + ")" if specials else "((?!))")
        self._first = plain
        self._later = _without_first_space(plain)

    def encode(self, text: str, restore: Callable[[str], str]) -> list[int]:
        """Ids of `text`; `restore` is applied to each plain piece before it is encoded."""
        ids: list[int] = []
        for index, piece in enumerate(self._split.split(text)):
            if index % 2:
                ids.append(self.special_ids[piece if piece in self.special_ids else piece.strip()])
            elif piece:
                backend = self._later if index else self._first
                ids += encode_plainly(backend, [restore(piece)])[0]
        return ids


def _pattern(token: AddedToken) -> str:
    # some makers let a special token swallow the white space around it
    return (r"\s*" if token.lstrip else "") + re.escape(token.content) + (r"\s*" if token.rstrip else "")


def _without_first_space(plain: Backend) -> Backend:
    """With "prepend_scheme": "first", SentencePiece's space belongs to the text's very first piece alone.

    A tokenizer without that is returned as it is: a copy of a large vocabulary takes tens of megabytes.
    """

    def visit(value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: "never" if key == "prepend_scheme" and item == "first" else visit(item)
                for key, item in value.items()
            }
        return [visit(item) for item in value] if isinstance(value, list) else value

    source: dict[str, Any] = json.loads(plain.to_str())
    changed = source | {"pre_tokenizer": visit(source["pre_tokenizer"])}
    return plain if changed == source else plain_backend(Backend.from_str(json.dumps(changed)))
