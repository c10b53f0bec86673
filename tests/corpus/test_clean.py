import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tramontane.corpus.clean import EMAIL_MASK, PHONE_MASKS, mask_personal, normalise


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("e\u0301te\u0301", "été"),
        ("L'Ã©tÃ© dernier", "L'été dernier"),
        ("lâ€™Ã©cole", "l’école"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("\ufb01n\x00 de\x1b[0m texte\r\nlu", "fin de texte\nlu"),
        ("a  \nb\t\n\n\n\nc\n", "a\nb\n\nc"),
        ("« Où ? » dit-il — “non” !", "« Où ? » dit-il — “non” !"),
        ("x\ud800y", "x\ufffdy"),
    ],
)
def test_normalise(given_text: str, expected: str) -> None:
    assert normalise(given_text) == expected


@given(st.text(max_size=300))
def test_clean_text_is_composed_and_can_be_written(text: str) -> None:
    clean = normalise(text)
    clean.encode()
    assert unicodedata.is_normalized("NFC", clean)
    assert clean == clean.strip()
    assert "\x00" not in clean and "\r" not in clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Écrivez à jean.dupont+x@mairie-lyon.fr.", f"Écrivez à {EMAIL_MASK}."),
        ("<a@b.org>, c@d.co.uk", f"<{EMAIL_MASK}>, {EMAIL_MASK}"),
        ("Tél. : 01 42 68 53 00.", f"Tél. : {PHONE_MASKS['fr']}."),
        ("06.12.34.56.78", PHONE_MASKS["fr"]),
        ("+33 (0)1 42 68 53 00", PHONE_MASKS["fr"]),
        ("appelez le 0142685300 ou +49 30 901820", f"appelez le {PHONE_MASKS['fr']} ou {PHONE_MASKS['fr']}"),
        ("(212) 736-5000", PHONE_MASKS["fr"]),
    ],
)
def test_masks(text: str, expected: str) -> None:
    assert mask_personal(text, "fr")[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "De 1914 à 1918, puis 1939-1945.",
        "ISBN 978-2-07-036822-8, 12 345 678 habitants, 3,141592653589",
        "a @ b, @property, x@y, user@localhost",
        "Le 01/02/2003 à 10:20:30, article L. 123-45-67.",
        "12 + 345 = 357 ; 0123456789012 ; 2024-01-15",
        "1 000 000 000 euros, 555-1234, 192.168.100.200",
    ],
)
def test_leaves_other_numbers_alone(text: str) -> None:
    assert mask_personal(text, "fr") == (text, 0)


def test_counts_what_it_masked_and_writes_the_language_s_number() -> None:
    text, count = mask_personal("a@b.org, 202-456-1111 and c@d.org", "en")
    assert text == f"{EMAIL_MASK}, {PHONE_MASKS['en']} and {EMAIL_MASK}"
    assert count == 3


def test_takes_linear_time_on_hostile_text() -> None:
    """Each of these would take minutes if a pattern looked at every place twice over."""
    for text in (
        " " * 400_000 + "x \n",
        "a." * 200_000 + "@",
        "+1 (" * 100_000,
        "12 " * 150_000,
        "Ã" * 100_000,
    ):
        mask_personal(normalise(text), "en")
