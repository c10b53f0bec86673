import pytest

from tramontane.corpus import language
from tramontane.corpus.language import identify

SPANISH = (
    "El viento del norte sopla sobre el valle y empuja las nubes hacia el mar. Los barcos se quedan en el "
    "puerto y los pescadores arreglan sus redes en las calles. Dicen que este viento vuelve loca a la gente, "
    "pero los niños corren con él hasta que cae la noche y todos pueden dormir."
)


def test_identifies(french: str, english: str) -> None:
    assert [identify(text) for text in (french, english, SPANISH)] == ["fr", "en", "es"]
    assert identify("Oui, bien sûr.") is None


def test_counting_words_agrees_with_the_classifier(
    french: str, english: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(language, "_MIN_FUNCTION_WORDS", 10_000)
    assert [identify(text) for text in (french, english)] == ["fr", "en"]


def test_numbers_are_no_language() -> None:
    assert identify("12 345, " * 100) is None
