"""The page for everybody: both languages, both themes, keyboard alone, a phone's width, a screen reader."""

import threading
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from stand_in import Answer, StandIn
from steps import OpenPage, ask, last_answer

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
RICH = """# A title

Words with `code`, a [link](https://a.example/), **bold** and a list:

1. one
2. two

- [x] done
- [ ] to do

> quoted

| A | B |
|---|---|
| 1 | 2 |

```python
def answer() -> int:
    return 42  # a comment that is long enough to reach past the edge of every telephone that is sold today
```

```
no language
```

A_word_without_any_break_that_is_far_too_long_for_the_width_of_a_telephone_and_must_be_broken_somewhere.
"""


def background(page: Page) -> str:
    return page.evaluate("getComputedStyle(document.documentElement).backgroundColor")


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, one line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate(
        """async () => (await axe.run()).violations.flatMap(
             rule => rule.nodes.map(node => `${rule.id}: ${node.target} ${node.failureSummary}`))"""
    )
    return list(found)


def test_french_browser_gets_a_french_page(open_page: OpenPage, server: StandIn) -> None:
    with open_page(locale="fr-FR") as page:
        expect(page.locator("html")).to_have_attribute("lang", "fr")
        expect(page.get_by_role("heading", name="Quel bon vent vous amène")).to_be_visible()
        ask(page, "Pourquoi ?")
        expect(last_answer(page).get_by_role("button", name="Copier la réponse")).to_be_visible()
        page.get_by_role("button", name="Réglages").click()
        page.get_by_text("English", exact=True).click()
        page.keyboard.press("Escape")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(last_answer(page).get_by_role("button", name="Copy the answer")).to_be_visible()
        page.reload()
        expect(page.get_by_role("heading", name="What wind brings you here?")).to_be_visible()


def test_theme_follows_the_system_until_one_is_chosen(open_page: OpenPage) -> None:
    with open_page(color_scheme="light") as page:
        light = background(page)
        page.emulate_media(color_scheme="dark")
        dark = background(page)
        assert light != dark
        page.get_by_role("button", name="Settings").click()
        page.get_by_text("Light", exact=True).click()
        page.keyboard.press("Escape")
        assert background(page) == light
        page.reload()
        assert background(page) == light


def test_keyboard_alone(open_page: OpenPage, server: StandIn) -> None:
    gate = threading.Event()
    server.answers = [Answer(["First ", "never"], gate=gate), Answer(["Second."])]
    with open_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        keys, box = page.keyboard, page.get_by_role("textbox")
        expect(box).to_be_focused()
        keys.type("One")
        keys.press("Shift+Enter")
        keys.type("two")
        expect(box).to_have_value("One\ntwo")
        keys.press("Enter")
        expect(last_answer(page)).to_contain_text("First")
        expect(box).to_be_focused()
        keys.press("Escape")
        expect(last_answer(page)).to_contain_text("You stopped this answer.")
        gate.set()

        # backwards from the box: answer again, copy
        keys.press("Shift+Tab")
        expect(page.get_by_role("button", name="Answer again")).to_be_focused()
        keys.press("Shift+Tab")
        expect(page.get_by_role("button", name="Copy the answer")).to_be_focused()
        keys.press("Enter")
        expect(page.get_by_role("button", name="Copied")).to_be_focused()
        keys.press("Tab")
        keys.press("Space")
        expect(last_answer(page)).to_contain_text("Second.")

        # from the top: skip link, new conversation, settings, conversation
        skip = page.get_by_role("link", name="Skip to the message box")
        skip.focus()
        expect(skip).to_be_in_viewport()
        keys.press("Tab")
        expect(page.get_by_role("button", name="New conversation")).to_be_focused()
        keys.press("Tab")
        expect(page.get_by_role("button", name="Settings")).to_be_focused()
        keys.press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        keys.press("Tab")
        keys.press("ArrowRight")
        expect(page.locator("html")).to_have_attribute("data-theme", "light")
        keys.press("Escape")
        expect(page.get_by_role("button", name="Settings")).to_be_focused()
        keys.press("Tab")
        expect(page.get_by_role("region", name="Conversation")).to_be_focused()
        for _ in range(3):
            keys.press("Shift+Tab")
        expect(skip).to_be_focused()
        keys.press("Enter")
        expect(box).to_be_focused()


def test_focus_is_not_lost_when_an_answer_is_asked_again(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["First."]), Answer(["Second."])]
    ask(page)
    page.get_by_role("button", name="Answer again").focus()
    page.keyboard.press("Enter")
    expect(last_answer(page)).to_contain_text("Second.")
    expect(page.get_by_role("textbox")).to_be_focused()


def test_phone_never_scrolls_sideways(open_page: OpenPage, server: StandIn) -> None:
    server.answers = [Answer([RICH])]
    with open_page(**PHONE) as page:
        sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(sideways) == 0
        ask(page, "A_question_without_any_break_" * 6)
        expect(page.get_by_role("button", name="Copy the answer")).to_be_in_viewport()
        assert page.evaluate(sideways) == 0
        region = page.get_by_role("region", name="Conversation")
        assert region.evaluate("element => element.scrollWidth - element.clientWidth") == 0
        page.get_by_role("button", name="Settings").tap()
        expect(page.get_by_role("dialog")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: OpenPage, server: StandIn, scheme: str) -> None:
    server.answers = [
        Answer([RICH]),
        Answer(status=500, error={"message": "The server failed.", "code": "internal_error"}),
    ]
    with open_page(faults=True, color_scheme=scheme, reduced_motion="reduce") as page:
        expect(page.get_by_text("Ask Brise anything.")).to_be_visible()
        assert violations(page) == []
        ask(page)
        expect(page.locator("pre span[style*='--code-token-keyword']").first).to_be_visible()
        page.get_by_role("button", name="Settings").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
        ask(page, "And then?")
        expect(page.get_by_role("alert")).to_be_visible()
        assert violations(page) == []


def test_screen_reader_hears_sentences_not_tokens(page: Page, server: StandIn) -> None:
    gate = threading.Event()
    server.answers = [
        Answer(["The sky ", "is blue. ", "At ", "night", " it", " is not."], gate=gate, pause=0.06)
    ]
    page.evaluate(
        """() => {
            window.heard = [];
            const region = document.querySelector("[aria-live=polite]");
            new MutationObserver(changes => {
                for (const change of changes) {
                    for (const node of change.addedNodes) heard.push(node.textContent);
                }
            }).observe(region, { childList: true, subtree: true });
        }"""
    )
    ask(page)
    expect(last_answer(page)).to_contain_text("The sky")
    gate.set()
    expect(page.locator("[aria-live=polite] p").last).to_have_text("The answer is complete.")
    assert page.evaluate("heard") == [
        "Question sent.",
        "The sky is blue.",
        "At night it is not.",
        "The answer is complete.",
    ]
