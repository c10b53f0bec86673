from collections.abc import Callable

import pytest

from tramontane.corpus.clean import EMAIL_MASK
from tramontane.corpus.documents import (
    BAD_CONVERSATION,
    EMPTY,
    UNKNOWN_LANGUAGE,
    UNREADABLE,
    WRONG_LANGUAGE,
    Document,
    clean_record,
)
from tramontane.corpus.read import Message, Record, Unreadable
from tramontane.corpus.sources import Source

MakeSource = Callable[..., Source]


def talk(*roles_and_contents: str) -> Record:
    pairs = zip(roles_and_contents[::2], roles_and_contents[1::2], strict=True)
    return Record(messages=tuple(Message(role, content) for role, content in pairs))


def test_prose(source: MakeSource, french: str, english: str) -> None:
    prose = source()
    assert clean_record(Record(text=" Bonjour a@b.org \n"), prose) == Document(
        f"Bonjour {EMAIL_MASK}", "fr", masked=1
    )
    assert clean_record(Unreadable(), prose) == UNREADABLE
    assert clean_record(Record(text=" \n"), prose) == EMPTY
    assert clean_record(Record(), prose) == EMPTY
    assert clean_record(Record(text=english), prose) == WRONG_LANGUAGE
    assert clean_record(Record(text=french, lang="en"), prose) == Document(french, "fr")


def test_mixed_prose_follows_the_record_then_the_text(source: MakeSource, french: str, english: str) -> None:
    mixed = source(language="mixed")
    assert clean_record(Record(text="Hello", lang="en"), mixed) == Document("Hello", "en")
    assert clean_record(Record(text=french, lang="en"), mixed) == WRONG_LANGUAGE
    assert clean_record(Record(text=english), mixed) == Document(english, "en")
    assert clean_record(Record(text="Hello"), mixed) == UNKNOWN_LANGUAGE
    assert clean_record(Record(text="Hallo", lang="de"), mixed) == UNKNOWN_LANGUAGE


def test_chat_is_cleaned_message_by_message(source: MakeSource) -> None:
    record = talk("system", " Sois bref. ", "user", "a@b.org\u0301 ?", "assistant", "L'Ã©tÃ©.")
    document = clean_record(record, source(kind="chat"))
    assert isinstance(document, Document)
    assert [message.content for message in document.messages or ()] == ["Sois bref.", "a@b.orǵ ?", "L'été."]
    assert document.text == "Sois bref.\na@b.orǵ ?\nL'été."


@pytest.mark.parametrize(
    "turns",
    [
        (),
        ("user", "a"),
        ("assistant", "a"),
        ("user", "a", "assistant", " "),
        ("user", "a", "user", "b"),
        ("user", "a", "assistant", "b", "user", "c"),
        ("user", "a", "system", "s", "assistant", "b"),
        ("system", "s"),
        ("human", "a", "assistant", "b"),
    ],
)
def test_what_is_no_conversation(source: MakeSource, turns: tuple[str, ...]) -> None:
    assert clean_record(talk(*turns), source(kind="chat")) == BAD_CONVERSATION


def test_a_dialogue_may_hold_both_languages_but_no_third(
    source: MakeSource, french: str, english: str
) -> None:
    chat = source(kind="chat", language="fr")
    translation = clean_record(talk("user", english, "assistant", french), chat)
    assert isinstance(translation, Document) and translation.language == "fr"
    german = (
        "Der Nordwind weht durch das Tal und treibt die Wolken zum Meer. Die Boote bleiben im Hafen, und die "
        "Fischer flicken ihre Netze in den Gassen. Man sagt, dieser Wind mache die Menschen verrückt, aber die "
        "Kinder laufen mit ihm um die Wette, bis es dunkel wird."
    )
    assert clean_record(talk("user", german, "assistant", "Ja."), chat) == WRONG_LANGUAGE
    assert (
        clean_record(talk("user", "Hi", "assistant", "Yes"), source(kind="chat", language="mixed"))
        == UNKNOWN_LANGUAGE
    )
