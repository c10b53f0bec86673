import random

import pytest

from tramontane.corpus.duplicates import EXACT, HELD_OUT, NEAR, Deduplicator
from tramontane.corpus.fingerprint import fingerprint

BASE = " ".join(f"word{i}" for i in range(200))
NEARLY = BASE.replace("word100 ", "changed ")
OTHER = " ".join(f"other{i}" for i in range(200))


@pytest.mark.parametrize("one_batch", [True, False])
def test_drops_exact_and_near_duplicates_within_and_between_batches(one_batch: bool) -> None:
    deduplicator = Deduplicator(validation=0)
    texts = [BASE, OTHER, BASE, NEARLY, "short", "short", "Short"]
    dropped, kept = {EXACT: 0, NEAR: 0}, 0
    for batch in [texts] if one_batch else [[text] for text in texts]:
        judgement = deduplicator.judge("prose", ["fr"] * len(batch), fingerprint(batch))
        kept += len(judgement.kept)
        for reason, count in judgement.dropped.items():
            dropped[reason] += count
    assert (kept, dropped) == (4, {EXACT: 2, NEAR: 1})


def test_a_dropped_document_does_not_stand_for_others() -> None:
    """The third is like the dropped second, not like the kept first: it is new."""
    words = [f"w{i}" for i in range(120)]
    first, second, third = (" ".join(words[start : start + 100]) for start in (0, 4, 8))
    deduplicator = Deduplicator(validation=0)
    keys = fingerprint([first, second, third])
    alone = deduplicator.judge("prose", ["fr"], keys[:1])
    assert alone.kept == {0: "train"}
    judged = deduplicator.judge("prose", ["fr"] * 2, keys[1:])
    first_and_third_meet = bool((keys[0] == keys[2]).any())
    assert judged.dropped[NEAR] == 1 + first_and_third_meet


def test_kinds_are_compared_apart() -> None:
    deduplicator = Deduplicator(validation=0)
    assert deduplicator.judge("prose", ["fr"], fingerprint([BASE])).kept
    assert deduplicator.judge("chat", ["fr"], fingerprint([NEARLY])).kept


def test_train_never_resembles_a_held_out_document_of_the_other_kind() -> None:
    deduplicator = Deduplicator(validation=0.5)
    deduplicator.judge("prose", ["fr"], fingerprint(["the first of its language is always held out"]))
    assert deduplicator.judge("prose", ["fr"], fingerprint([OTHER])).kept == {0: "train"}
    # the first French dialogue would be held out, but train has its text
    assert deduplicator.judge("chat", ["fr"], fingerprint([OTHER])).kept == {0: "train"}
    assert deduplicator.judge("chat", ["fr"], fingerprint([BASE])).kept == {0: "validation"}
    assert deduplicator.judge("prose", ["fr"], fingerprint([NEARLY])).dropped == {HELD_OUT: 1}


def test_each_kind_and_language_has_a_held_out_document() -> None:
    deduplicator = Deduplicator(validation=1e-9)
    texts = [f"{i} ".join(f"x{j}" for j in range(60)) for i in range(4)]
    judgement = deduplicator.judge("prose", ["fr", "fr", "en", "en"], fingerprint(texts))
    assert judgement.kept == {0: "validation", 1: "train", 2: "validation", 3: "train"}


def test_the_split_is_by_hash_and_near_its_share() -> None:
    texts = [" ".join(f"{i}x{j}" for j in range(20)) for i in range(2000)]
    first = Deduplicator(validation=0.1).judge("prose", ["fr"] * 2000, fingerprint(texts)).kept
    held_out = {texts[i] for i, split in first.items() if split == "validation"}
    assert 150 < len(held_out) < 250
    reversed_kept = Deduplicator(validation=0.1).judge("prose", ["fr"] * 2000, fingerprint(texts[::-1])).kept
    again = {texts[::-1][i] for i, split in reversed_kept.items() if split == "validation"}
    assert len(held_out ^ again) <= 2  # but for each order's very first document


def test_keeps_no_more_than_there_is_room_for() -> None:
    deduplicator = Deduplicator(validation=0)
    keys = fingerprint([BASE, OTHER])
    assert deduplicator.judge("prose", ["fr"] * 2, keys, room=1).kept == {0: "train"}
    assert deduplicator.judge("prose", ["fr"], keys[1:]).kept == {0: "train"}


def jaccard(first: str, second: str) -> float:
    """Of the sets of five-word shingles, from the definition."""
    sets = []
    for text in (first, second):
        words = text.split()
        sets.append({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


def test_nothing_held_out_has_a_near_duplicate_in_train() -> None:
    """Texts in families that differ by few words, in both kinds and in many batches, against all pairs' Jaccard."""
    rng = random.Random(0)
    families = [[f"f{family}w{i}" for i in range(200)] for family in range(25)]
    texts = []
    for _ in range(300):
        words = list(rng.choice(families))
        for _ in range(rng.choice((0, 1, 2, 8))):
            words[rng.randrange(200)] = f"x{rng.random()}"
        texts.append(" ".join(words))
    deduplicator = Deduplicator(validation=0.5)
    splits: dict[str, list[str]] = {"train": [], "validation": []}
    for start in range(0, 300, 20):
        batch = texts[start : start + 20]
        judgement = deduplicator.judge(rng.choice(("prose", "chat")), ["fr"] * 20, fingerprint(batch))
        for i, split in judgement.kept.items():
            splits[split].append(batch[i])
    assert len(splits["validation"]) > 10 and len(splits["train"]) > 10
    pairs = [jaccard(held_out, train) for held_out in splits["validation"] for train in splits["train"]]
    assert max(pairs) < 0.9
