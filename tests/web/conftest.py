"""A real Chromium on the built page, with a stand-in for the engine (stand_in.py)."""

import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect, sync_playwright

# The modules beside this file, for it and for the tests.
sys.path.insert(0, str(Path(__file__).parent))

from stand_in import StandIn
from steps import OpenPage

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "src/tramontane/api/page"
# No sandbox: continuous integration runs as root, and the pages are our own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
PATIENCE_MS = 15_000
LEFT_OUT = "browser tests left out: "


def missing(what: str) -> None:
    """Skip, or fail where the browser tests must run."""
    if os.environ.get("TRAMONTANE_REQUIRE_BROWSER") == "1":
        pytest.fail(f"browser tests cannot run: {what}")
    pytest.skip(LEFT_OUT + what)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says in one line that, and why, the browser tests were left out: a quiet run shows letters only."""
    reasons = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    left_out = [reason for reason in reasons if LEFT_OUT in reason]
    if left_out:
        what = left_out[0].partition(LEFT_OUT)[2].rstrip("')")
        terminalreporter.write_line(f"{len(left_out)} {LEFT_OUT}{what}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, else the one that Playwright has downloaded."""
    if not (PAGE / "index.html").is_file():
        missing("the page is not built, run scripts/build-page")
    with sync_playwright() as playwright:
        executable = shutil.which("chromium") or playwright.chromium.executable_path
        if not Path(executable).is_file():
            missing("no Chromium, run scripts/install-browser")
        browser = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        expect.set_options(timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn(PAGE)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_page(browser: Browser, server: StandIn) -> OpenPage:
    """Opens the page as somebody with these settings (locale, color_scheme, viewport, …) sees it.

    Fails if the page asks anything of another server, or if the browser reports a fault of ours.
    """

    @contextmanager
    def open_page(url: str = "", faults: bool = False, **settings: Any) -> Iterator[Page]:
        settings = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}, **settings}
        context = browser.new_context(**settings)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        home = url or server.url
        strays: list[str] = []
        complaints: list[str] = []

        def stay_home(route: Route, request: Request) -> None:
            if request.url.startswith(home + "/"):
                route.fallback()
            else:
                strays.append(request.url)
                route.abort()

        def complain(message: ConsoleMessage) -> None:
            if message.type == "error":
                complaints.append(message.text)

        context.route("**/*", stay_home)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", complain)
        page.goto(home)
        yield page
        context.close()
        assert strays == []
        # A browser reports every HTTP error that a test has asked for.
        assert faults or complaints == []

    return open_page


@pytest.fixture
def page(open_page: OpenPage) -> Iterator[Page]:
    """The page on a desktop, in English."""
    with open_page() as page:
        yield page
