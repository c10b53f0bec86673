"""Records as they were read → clean documents, or the reason why not."""

from dataclasses import dataclass

from tramontane.corpus.clean import mask_personal, normalise
from tramontane.corpus.language import identify
from tramontane.corpus.read import Message, Record, Unreadable
from tramontane.corpus.sources import LANGUAGES, MIXED, Source

UNREADABLE = "unreadable"
EMPTY = "empty"
BAD_CONVERSATION = "not a conversation"
WRONG_LANGUAGE = "wrong language"
UNKNOWN_LANGUAGE = "unknown language"

ROLES = ("user", "assistant")


@dataclass(frozen=True)
class Document:
    """Clean text, in which `masked` details were masked; of a conversation `text` joins the messages."""

    text: str
    language: str
    messages: tuple[Message, ...] | None = None
    masked: int = 0


def clean_record(record: Record | Unreadable, source: Source) -> Document | str:
    """The record as a clean document of its source's kind, or the reason why it is dropped."""
    if isinstance(record, Unreadable):
        return UNREADABLE
    return _clean_prose(record, source) if source.kind == "prose" else _clean_chat(record, source)


def _clean_prose(record: Record, source: Source) -> Document | str:
    text = normalise(record.text or "")
    if not text:
        return EMPTY
    guess = identify(text)
    language = _declared(record, source) or guess
    if language not in LANGUAGES:
        return UNKNOWN_LANGUAGE
    if guess not in (None, language):
        return WRONG_LANGUAGE
    text, masked = mask_personal(text, language)
    return Document(text, language, masked=masked)


def _clean_chat(record: Record, source: Source) -> Document | str:
    """A dialogue may hold both languages (it may ask for a translation), so either passes."""
    contents = [normalise(message.content) for message in record.messages or ()]
    roles = [message.role for message in record.messages or ()]
    if not all(contents) or not _alternate(roles):
        return BAD_CONVERSATION
    guess = identify("\n".join(contents))
    if guess not in (None, *LANGUAGES):
        return WRONG_LANGUAGE
    language = _declared(record, source) or guess
    if language is None:
        return UNKNOWN_LANGUAGE
    masks = [mask_personal(content, language) for content in contents]
    messages = tuple(Message(role, text) for role, (text, _) in zip(roles, masks, strict=True))
    text = "\n".join(message.content for message in messages)
    return Document(text, language, messages, sum(count for _, count in masks))


def _alternate(roles: list[str]) -> bool:
    """An optional system message, then user and assistant in turn, the assistant last."""
    turns = roles[1:] if roles[:1] == ["system"] else roles
    return (
        len(turns) > 1 and len(turns) % 2 == 0 and all(role == ROLES[i % 2] for i, role in enumerate(turns))
    )


def _declared(record: Record, source: Source) -> str | None:
    if source.language != MIXED:
        return source.language
    return record.lang if record.lang in LANGUAGES else None
