"""Test the page on which a person tries a served model, in a headless Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Chromium, Page
from tests.support.served_people import make_people
from tests.support.serving import Served, serving

TOKEN = "open sesame"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Yield a server with a token."""
    with serving(make_people(tmp_path_factory.mktemp("people")), "--token", TOKEN) as server:
        yield server


@pytest.fixture
def page(chromium: Chromium, served: Served) -> Iterator[Page]:
    """Yield the page, opened, and check that its policy stopped nothing."""
    page = Page(chromium)
    page.open(f"http://127.0.0.1:{served.port}/")
    yield page
    page.close()
    # The browser itself writes a line about each answer that is not 2xx.
    assert [line for line in page.console if "status of" not in line] == []


def test_page_predicts_with_the_fields_of_the_contract(page: Page, tmp_path: Path) -> None:
    # The form begins with the contract's examples.
    page.click("button", "Predict")
    page.wait_for_text("401")
    page.type_into("#token", TOKEN)
    page.type_into("#f-age", "40")
    page.type_into("#f-name", "<b>Zoë</b>")
    page.evaluate("document.querySelector('#f-vip').value = 'true'")
    page.click("button", "Predict")
    page.wait_for_text('"score": 143')
    page.wait_for_text("hello <b>Zoë</b>")
    page.wait_for("/^200 [0-9a-f]{10}-/.test(document.querySelector('pre').innerText)")

    page.type_into("#f-age", "-1")
    page.click("button", "Predict")
    page.wait_for_text('"rule": "minimum"')
    page.save_picture(tmp_path / "page.png")
