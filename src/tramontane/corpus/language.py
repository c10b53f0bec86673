"""Which language is a text in?"""

from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

# The corpus's languages and those that stand beside them in its sources; guesses among all 140 are often odd.
PLAUSIBLE = ("fr", "en", "de", "es", "it", "pt", "nl", "ca", "la", "pl", "ru", "ar", "zh", "ja")
MIN_CHARACTERS = 200  # less is too little to judge by
PREFIX_CHARACTERS = 500
CERTAIN = 0.95

# A tenth of any French or English text is these words, which the other plausible languages do not share:
# most texts are settled by counting them, a hundred times quicker than by the classifier.
_FRENCH_WORDS = "et des les du une dans pour est qui pas vous avec sur il je elle cette mais ce nous"
_ENGLISH_WORDS = "the and of to is you that with was for his are this not have it they what which"
_FUNCTION_WORDS = {"fr": frozenset(_FRENCH_WORDS.split()), "en": frozenset(_ENGLISH_WORDS.split())}
_MIN_FUNCTION_WORDS = 8


@cache
def _identifier() -> LanguageIdentifier:
    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(list(PLAUSIBLE))
    return identifier


def identify(text: str) -> str | None:
    """The language of the text's beginning, or None where the text is short or the guess is not certain."""
    if len(text) < MIN_CHARACTERS:
        return None
    prefix = text[:PREFIX_CHARACTERS]
    words = prefix.lower().split()
    hits = {language: sum(word in known for word in words) for language, known in _FUNCTION_WORDS.items()}
    best = max(hits, key=lambda language: hits[language])
    if hits[best] >= max(_MIN_FUNCTION_WORDS, len(words) / 8) and hits[best] == sum(hits.values()):
        return best
    language, probability = _identifier().classify(prefix)
    return str(language) if probability >= CERTAIN else None
