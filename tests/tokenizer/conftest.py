import pytest
from hypothesis import settings

from tramontane.tokenizer.tokenizer import Tokenizer
from tramontane.tokenizer.train import train_tokenizer

# a busy machine is no failure: pytest's own time limit catches what hangs
settings.register_profile("tramontane", deadline=None)
settings.load_profile("tramontane")

TEXTS = [
    "Le mistral souffle sur la vallée du Rhône. L'été, c'est un vent sec et froid qui chasse les nuages.",
    "The mistral blows down the Rhône valley. It's a dry, cold wind that drives clouds away, they'll say.",
    "En 1854, l'hiver fut rude : -12 °C ! \"Où vas-tu ?\", demanda-t-elle.\n\nIl ne répondit pas…",
    "In 1854 the winter was hard: 10 °F!\n\tdef wind(speed):\n\t\treturn speed * 2\r\n",
] * 5  # fmt: skip


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return train_tokenizer(TEXTS, 512)
