"""Text ↔ ids, for our own tokenizers and any `tokenizer.json` of Hugging Face.

Three ways to encode, by whom the text comes from:
- `encode`: text of people. A special token's string in it is spelled out like any other text.
- `encode_rendered`: text that we wrote. Special tokens' strings become their ids.
- `encode_chat`: messages of people inside a template of the model's maker. Only the template's own special
  tokens become ids, so that no message can close its turn and speak as somebody else.
"""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from tokenizers import Tokenizer as Backend

from tramontane.common.errors import TokenizerError
from tramontane.tokenizer.folder import (
    TokenizerFiles,
    read_tokenizer_folder,
    tokenizer_json,
    write_tokenizer_folder,
)
from tramontane.tokenizer.pieces import PieceEncoder, encode_plainly, plain_backend
from tramontane.tokenizer.shield import Shield
from tramontane.tokenizer.specials import END_OF_TEXT, IM_END, IM_START
from tramontane.tokenizer.template import CHATML, ChatTemplate

Message = dict[str, Any]
_ASSISTANT_HEADER = "assistant\n"


class Tokenizer:
    """A tokenizer with its special tokens and its chat template. Immutable; safe to share between threads."""

    def __init__(self, files: TokenizerFiles) -> None:
        self._files = files
        self._rendered = files.backend
        self._plain = plain_backend(files.backend)
        self._pieces = PieceEncoder(files.backend, self._plain)
        self._template = None if files.template is None else ChatTemplate(files.template, files.named_tokens)
        self.vocab_size: int = self._rendered.get_vocab_size()
        self.special_ids: dict[str, int] = self._pieces.special_ids
        self.eos_ids: tuple[int, ...] = files.eos_ids

    @classmethod
    def ours(cls, backend: Backend) -> Self:
        """Wrap a backend that has our special tokens, with our ChatML template."""
        named = {"eos_token": IM_END, "pad_token": END_OF_TEXT}
        vocabulary: dict[str, int] = backend.get_vocab()
        eos_ids = (vocabulary[IM_END], vocabulary[END_OF_TEXT])
        return cls(TokenizerFiles(backend, CHATML, named, eos_ids))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The tokenizer of a model folder; raises TokenizerError if its files are missing or damaged."""
        return cls(read_tokenizer_folder(folder))

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, tokenizer_config.json and the end tokens in generation_config.json."""
        write_tokenizer_folder(folder, self._files)

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the tokenizer.json that `save` writes: what a packed corpus names it by."""
        return hashlib.sha256(tokenizer_json(self._files.backend).encode()).hexdigest()

    def encode(self, text: str) -> list[int]:
        """Ids of plain text; never a special id, whatever the text says."""
        return self.encode_batch([text])[0]

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """`encode` for many texts, on all cores."""
        return encode_plainly(self._plain, texts)

    def encode_prompt(self, text: str) -> list[int]:
        """`encode` for the beginning of a document: with what the model's maker puts first (Llama's <s>)."""
        return encode_plainly(self._plain, [text], whole=True)[0]

    def encode_rendered(self, text: str) -> list[int]:
        """Ids of text in which special tokens are written out. Not for text of people."""
        ids: list[int] = self._rendered.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """The text of `ids`, special tokens written out; bytes that are not UTF-8 become U+FFFD."""
        text: str = self._rendered.decode(list(ids), skip_special_tokens=False)
        return text

    def decode_plain(self, ids: Sequence[int]) -> str:
        """The text of `ids` without special tokens."""
        text: str = self._rendered.decode(list(ids), skip_special_tokens=True)
        return text

    def encode_chat(
        self, messages: Sequence[Message], add_generation_prompt: bool = True, **extra: Any
    ) -> list[int]:
        """Ids of a conversation in the model's template.

        A special token's string anywhere in `messages` or `extra` (tools, documents) stays plain text.
        Raise TokenizerError if the model has no template, or the template refuses the messages.
        """
        if self._template is None:
            raise TokenizerError(
                "This model has no chat template, so it cannot hold a conversation: use plain completion, "
                "or put the maker's chat_template.jinja into its folder."
            )
        shield = Shield(self.special_ids)
        text = self._template.render(
            shield.cover(list(messages)), add_generation_prompt, **shield.cover(extra)
        )
        return self._pieces.encode(text, shield.uncover)

    def encode_conversation(self, messages: Sequence[Message]) -> tuple[list[int], list[bool]]:
        """A conversation's ids, and for each whether the assistant wrote it (its <|im_end|> included)."""
        return self.encode_conversations([messages])[0]

    def encode_conversations(
        self, conversations: Sequence[Sequence[Message]]
    ) -> list[tuple[list[int], list[bool]]]:
        """`encode_conversation` for many at once, on all cores.

        The ids are those of `encode_chat(messages, add_generation_prompt=False)`, without rendering: only for
        tokenizers with our ChatML template, the only ones we train with.
        """
        if self._template is None or self._template.source != CHATML:
            raise TokenizerError("Training conversations need a tokenizer with Tramontane's ChatML template.")
        texts = [_turn_text(message) for messages in conversations for message in messages]
        ids_of_turns = iter(self.encode_batch(texts))
        header, line_feed = self.encode(_ASSISTANT_HEADER), self.encode("\n")
        start, end = self.special_ids[IM_START], self.special_ids[IM_END]
        encoded: list[tuple[list[int], list[bool]]] = []
        for messages in conversations:
            ids: list[int] = []
            mask: list[bool] = []
            for message in messages:
                turn = next(ids_of_turns)
                assistant = message["role"] == "assistant"
                head = [start, *header] if assistant else [start]
                ids += [*head, *turn, end, *line_feed]
                mask += [False] * len(head) + [assistant] * (len(turn) + 1) + [False] * len(line_feed)
            encoded.append((ids, mask))
        return encoded


def _turn_text(message: Message) -> str:
    """What is encoded as one piece: the assistant's header stands apart, because it carries no loss."""
    content: str = message["content"].strip()
    return content if message["role"] == "assistant" else f"{message['role']}\n{content}"
