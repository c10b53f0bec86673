"""Is a text in the language that its source declares?"""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# The corpus's languages and those that stand beside them in its sources; guesses among all 140 are often odd.
PLAUSIBLE = ("fr", "en", "de", "es", "it", "pt", "nl", "ca", "la", "pl", "ru", "ar", "zh", "ja")
MIN_CHARACTERS = 200  # less is too little to judge by
PREFIX_CHARACTERS = 500
CERTAIN = 0.95


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(PLAUSIBLE))
    return identifier


def identify(text: str) -> str | None:
    """The language of the text's beginning, or None where the text is short or the guess is not certain."""
    if len(text) < MIN_CHARACTERS:
        return None
    language, probability = _identifier().classify(text[:PREFIX_CHARACTERS])
    return str(language) if probability >= CERTAIN else None
