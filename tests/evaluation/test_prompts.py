from collections import Counter

from tramontane.evaluation.prompts import read_prompts


def test_there_are_forty_prompts_each_task_once_a_language() -> None:
    prompts = read_prompts()
    assert Counter(prompt.language for prompt in prompts) == {"fr": 20, "en": 20}
    tasks = {language: [p.task for p in prompts if p.language == language] for language in ("fr", "en")}
    assert tasks["fr"] == tasks["en"]
    assert len(set(tasks["fr"])) == 20


def test_prompts_are_distinct_and_named_by_language_and_clean() -> None:
    prompts = read_prompts()
    assert len({prompt.id for prompt in prompts}) == len({prompt.text for prompt in prompts}) == 40
    assert all(prompt.id.startswith(f"{prompt.language}-") for prompt in prompts)
    assert all(prompt.text == prompt.text.strip() for prompt in prompts)
