"""What a person sees when something fails, and what they can do then."""

import pytest
from playwright.sync_api import Page, Route, expect
from stand_in import Answer, StandIn
from steps import OpenPage, alert, ask, last_answer

pytestmark = pytest.mark.browser

FULL = Answer(status=429, error={"message": "The queue is full.", "code": "queue_full"})
TOO_LONG = Answer(
    status=400, error={"message": "The prompt has 700 tokens of 512.", "code": "context_length_exceeded"}
)


def test_full_queue_keeps_the_question(open_page: OpenPage, server: StandIn) -> None:
    server.answers = [FULL, Answer(["Now then."])]
    with open_page(faults=True) as page:
        ask(page)
        expect(alert(page)).to_contain_text("Many people are asking right now")
        expect(alert(page)).to_contain_text("The queue is full.")
        page.get_by_role("button", name="Try again").click()
        expect(last_answer(page)).to_contain_text("Now then.")
        expect(alert(page)).to_have_count(0)
    assert server.asked[0]["messages"] == server.asked[1]["messages"]


def test_too_long_a_question_comes_back_to_be_shortened(open_page: OpenPage, server: StandIn) -> None:
    server.answers = [TOO_LONG]
    with open_page(faults=True) as page:
        ask(page, "A very long question")
        expect(alert(page)).to_contain_text("700 tokens of 512")
        expect(page.get_by_role("button", name="Ask in a new conversation")).to_have_count(0)
        page.get_by_role("button", name="Edit my message").click()
        expect(page.get_by_role("textbox")).to_have_value("A very long question")
        expect(page.get_by_role("textbox")).to_be_focused()
        expect(page.locator("article")).to_have_count(0)


def test_too_long_a_conversation_goes_on_in_a_new_one(open_page: OpenPage, server: StandIn) -> None:
    server.answers = [Answer(["Because."]), TOO_LONG, Answer(["Fresh."])]
    with open_page(faults=True) as page:
        ask(page, "Why?")
        expect(last_answer(page)).to_contain_text("Because.")
        ask(page, "And then?")
        page.get_by_role("button", name="Ask in a new conversation").click()
        expect(last_answer(page)).to_contain_text("Fresh.")
    assert server.asked[2]["messages"] == [{"role": "user", "content": "And then?"}]


def test_cut_answer_is_kept_and_called_cut(page: Page, server: StandIn) -> None:
    server.answers = [Answer(["Half of "], cut=True), Answer(["The whole."])]
    ask(page)
    expect(alert(page)).to_contain_text("The answer was cut off")
    expect(last_answer(page)).to_contain_text("Half of")
    page.get_by_role("button", name="Try again").click()
    expect(last_answer(page)).to_contain_text("The whole.")


def test_server_that_is_gone(open_page: OpenPage, server: StandIn) -> None:
    with open_page(faults=True) as page:
        expect(page.get_by_text("Ask Brise anything.")).to_be_visible()
        page.route("**/v1/**", lambda route: route.abort())
        ask(page)
        expect(alert(page)).to_contain_text("Tramontane does not answer")
        page.unroute("**/v1/**")
        page.get_by_role("button", name="Try again").click()
        expect(last_answer(page)).to_contain_text("Hello.")


def test_page_finds_a_server_that_comes_back(open_page: OpenPage, server: StandIn) -> None:
    with open_page(faults=True) as page:
        page.route("**/v1/models", lambda route: route.abort())
        page.reload()
        expect(alert(page)).to_contain_text("Tramontane does not answer")
        page.unroute("**/v1/models")
        expect(page.get_by_text("Ask Brise anything.")).to_be_visible()
        expect(alert(page)).to_have_count(0)


def test_nothing_in_an_answer_runs_or_is_fetched(page: Page, server: StandIn) -> None:
    elsewhere = "http://elsewhere.example"
    server.answers = [
        Answer(
            [
                f"![a map]({elsewhere}/m.png?q=secret) ",
                f"<img src='{elsewhere}/x.png' onerror='window.ran = 1'> <script>window.ran = 1</script> ",
                f"<iframe src='{elsewhere}'></iframe> [bad](javascript:window.ran=1) ",
                f"<style>body {{ display: none }}</style> [good]({elsewhere}/page) done",
            ]
        )
    ]
    asked: list[str] = []

    def note(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.context.route(f"{elsewhere}/**", note)
    ask(page)
    expect(last_answer(page)).to_contain_text("done")
    expect(last_answer(page)).to_contain_text("Image not loaded: a map")
    assert page.evaluate("window.ran") is None
    assert asked == []
    assert last_answer(page).locator("img, script, iframe, style").count() == 0
    links = [link.get_attribute("href") or "" for link in last_answer(page).locator("a").all()]
    assert not any(link.startswith("javascript") for link in links)
    good = page.get_by_role("link", name="good")
    assert good.get_attribute("target") == "_blank"
    assert set((good.get_attribute("rel") or "").split()) >= {"noopener", "noreferrer"}
