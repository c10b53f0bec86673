"""Asking, and what one can do with the answer."""

import threading

import pytest
from playwright.sync_api import Page, expect
from stand_in import Answer, StandIn
from steps import OpenPage, ask, last_answer

pytestmark = pytest.mark.browser

CODE = 'print("hello")'
MARKDOWN = f"Some **bold** code:\n\n```python\n{CODE}\n```\n\nThat is all."


def test_answer_appears_as_it_is_written(page: Page, server: StandIn) -> None:
    gate = threading.Event()
    server.answers = [Answer(["The sky ", "is **blue**."], gate=gate)]
    ask(page)
    expect(page.locator("article.question")).to_contain_text("Why is the sky blue?")
    expect(last_answer(page)).to_contain_text("The sky")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(last_answer(page)).not_to_contain_text("blue")
    gate.set()
    expect(last_answer(page).locator("strong")).to_have_text("blue")
    expect(last_answer(page)).to_contain_text("Brise · 2 tokens")
    expect(page.get_by_role("textbox")).to_be_focused()
    [asked] = server.asked
    assert asked["model"] == "brise"
    assert asked["messages"] == [{"role": "user", "content": "Why is the sky blue?"}]
    assert asked["stream"] is True
    assert asked["stream_options"] == {"include_usage": True}


def test_next_question_carries_the_conversation(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["Because."]), Answer(["Indeed."])]
    ask(page, "Why?")
    expect(last_answer(page)).to_contain_text("Because.")
    ask(page, "Really?")
    expect(last_answer(page)).to_contain_text("Indeed.")
    assert [message["content"] for message in server.asked[1]["messages"]] == ["Why?", "Because.", "Really?"]


def test_example_question_is_asked_at_once(page: Page, server: StandIn) -> None:
    expect(page.get_by_role("list", name="Ideas to start with").get_by_role("button")).to_have_count(4)
    page.get_by_role("button", name="sunset").click()
    expect(last_answer(page)).to_contain_text("Hello.")
    assert "sunset" in server.asked[0]["messages"][0]["content"]


def test_stop_keeps_what_came_and_hangs_up(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["wind "] * 400, pause=0.05)]
    ask(page)
    expect(last_answer(page)).to_contain_text("wind wind")
    page.get_by_role("button", name="Stop").click()
    expect(last_answer(page)).to_contain_text("You stopped this answer.")
    expect(last_answer(page)).to_contain_text("wind wind")
    assert server.hung_up.wait(10)
    expect(page.get_by_role("button", name="Answer again")).to_be_visible()


def test_regenerate_puts_a_new_answer_in_place(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["First try."]), Answer(["Second try."])]
    ask(page)
    expect(last_answer(page)).to_contain_text("First try.")
    page.get_by_role("button", name="Answer again").click()
    expect(last_answer(page)).to_contain_text("Second try.")
    expect(page.locator("article.answer")).to_have_count(1)
    assert server.asked[0]["messages"] == server.asked[1]["messages"]


def test_copy_answer_and_code(open_page: OpenPage, server: StandIn) -> None:
    server.answers = [Answer([MARKDOWN])]
    with open_page(permissions=["clipboard-read", "clipboard-write"]) as page:
        ask(page)
        page.get_by_role("button", name="Copy the answer").click()
        expect(page.get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == MARKDOWN
        page.get_by_role("button", name="Copy the code").click()
        expect(page.locator(".code-block").get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == CODE


def test_code_gets_its_colours(page: Page, server: StandIn) -> None:
    server.answers = [Answer([MARKDOWN])]
    ask(page)
    string = page.locator("pre span[style*='--code-token-string']").first
    expect(string).to_have_text('"hello"')
    plain, coloured = (
        page.evaluate("element => getComputedStyle(element).color", element.element_handle())
        for element in (page.locator("pre code"), string)
    )
    assert plain != coloured


def test_answer_at_its_limit_says_so(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["And so"], finish="length")]
    ask(page)
    expect(last_answer(page)).to_contain_text("reached its length limit")


def test_new_conversation_forgets_the_old_one(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["late "] * 400, pause=0.02), Answer(["Fresh."])]
    ask(page, "Old?")
    expect(last_answer(page)).to_contain_text("late")
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_role("heading", name="What wind brings you here?")).to_be_visible()
    ask(page, "New?")
    expect(last_answer(page)).to_contain_text("Fresh.")
    expect(page.locator("article")).to_have_count(2)
    assert server.asked[1]["messages"] == [{"role": "user", "content": "New?"}]


def test_draft_outlives_a_reload(page: Page) -> None:
    page.get_by_role("textbox").fill("half a thou")
    page.reload()
    expect(page.get_by_role("textbox")).to_have_value("half a thou")


def test_reader_who_scrolls_up_is_left_in_peace(page: Page, server: StandIn) -> None:
    gate = threading.Event()
    lines = [f"Line {number}.\n\n" for number in range(60)]
    server.answers = [Answer(["".join(lines), *lines], gate=gate, pause=0.01)]
    ask(page)
    region = page.get_by_role("region", name="Conversation")
    # exact: neither the announcer nor, until Markdown is loaded, the plain text
    expect(last_answer(page).get_by_text("Line 59.", exact=True)).to_be_in_viewport()
    region.hover()
    page.mouse.wheel(0, -700)
    to_end = page.get_by_role("button", name="Go to the end")
    expect(to_end).to_be_visible()
    page.wait_for_timeout(150)
    before = region.evaluate("element => element.scrollTop")
    gate.set()
    expect(last_answer(page)).to_contain_text("61 tokens")
    assert region.evaluate("element => element.scrollTop") == before
    to_end.click()
    expect(last_answer(page).get_by_text("61 tokens")).to_be_in_viewport()
    expect(to_end).to_be_hidden()
