"""The page on `tramontane serve` itself, with a tiny model of random weights: no stand-in anywhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from steps import OpenPage, alert, ask, last_answer

pytestmark = pytest.mark.browser

PROGRAM = Path(sys.executable).with_name("tramontane")
# The tiny model takes 512 tokens, and has one for each "z": this leaves it a few for its answer.
NEARLY_FULL = "z" * 450
LONG = "Le mistral souffle sur la vallée. " * 200


@pytest.fixture
def address(browser: Browser, tiny_model_folder: Path) -> Iterator[str]:
    command = [str(PROGRAM), "serve", "--model", str(tiny_model_folder), "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
        process.terminate()
        assert process.wait(30) == 0


def test_page_talks_with_a_real_model(open_page: OpenPage, address: str) -> None:
    with open_page(url=address, faults=True) as page:
        expect(page.get_by_text("Ask Tiny anything.")).to_be_visible()
        ask(page, NEARLY_FULL)
        expect(last_answer(page)).to_contain_text(re.compile(r"Tiny · [\d,]+ tokens?"), timeout=60_000)
        expect(alert(page)).to_have_count(0)
        page.get_by_role("button", name="New conversation").click()
        ask(page, LONG)
        expect(alert(page)).to_contain_text("This conversation is too long for the model")
        page.get_by_role("button", name="Edit my message").click()
        expect(page.get_by_role("textbox")).to_have_value(LONG.strip())
