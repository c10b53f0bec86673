"""What the browser tests do again and again."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from playwright.sync_api import Locator, Page

OpenPage = Callable[..., AbstractContextManager[Page]]


def ask(page: Page, text: str = "Why is the sky blue?") -> None:
    box = page.get_by_role("textbox")
    box.fill(text)
    box.press("Enter")


def last_answer(page: Page) -> Locator:
    return page.locator("article.answer").last


def alert(page: Page) -> Locator:
    return page.get_by_role("alert")
