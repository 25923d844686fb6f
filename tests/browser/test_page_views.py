"""Test each view of an exported page in a headless Chromium, from `file://` and without network."""

from __future__ import annotations

import pytest

from tests.support.chromium import Page
from tests.support.page_example import COUNT
from tests.support.page_views import VIEWS


@pytest.mark.parametrize(("address", "texts"), VIEWS, ids=[address[:40] for address, _ in VIEWS])
def test_view_at_its_address_shows_its_content(
    page: Page, site: str, address: str, texts: list[str]
) -> None:
    page.open(site + address)
    for text in texts:
        page.wait_for_text(text)
    assert page.evaluate("document.querySelector('.command code').textContent").startswith("git ")


def shown(page: Page) -> list[str]:
    """Return the names of the rows, from top to bottom."""
    return page.evaluate(
        "[...document.querySelectorAll('.grid-row')]"
        ".sort((a, b) => a.getAttribute('aria-rowindex') - b.getAttribute('aria-rowindex'))"
        ".map((row) => row.querySelector('.name a').textContent)"
    )


def count(page: Page) -> int:
    """Return the number of rows that the table has."""
    return page.evaluate(
        "Number(document.querySelector('.grid').getAttribute('aria-rowcount')) - 1"
    )


def test_heading_when_clicked_sorts_and_back_undoes(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("accuracy")
    page.click(".head-name", "accuracy")
    page.wait_for("document.querySelector('[aria-sort=descending]')")
    assert "sort=-metrics.accuracy" in page.evaluate("location.hash")
    best = shown(page)[0]
    page.click(".head-name", "accuracy")
    page.wait_for("document.querySelector('[aria-sort=ascending]')")
    assert shown(page)[0] != best
    page.evaluate("history.back()")
    page.wait_for("document.querySelector('[aria-sort=descending]')")
    assert shown(page)[0] == best


def test_filter_when_entered_limits_rows_and_tells_errors(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("Try number 24")
    page.type_into("#where", "accuracy > 0.85 and depth = 2")
    page.press("Enter")
    page.wait_for("location.hash.includes('where=')")
    page.wait_for("document.querySelector('.grid[aria-busy=false] .grid-row')")
    page.wait_for(f"document.querySelector('.grid').getAttribute('aria-rowcount') <= {COUNT}")
    assert 0 < count(page) < COUNT
    assert "git datmo log" in page.evaluate(
        "document.querySelector('.view > .command code').textContent"
    )
    page.type_into("#where", "accuracy >")
    page.press("Enter")
    page.wait_for_text("'accuracy >' ends, and a value is missing")


def test_search_while_typed_limits_rows(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("Try number 24")
    page.type_into(".toolbar input[type=search]", "paper")
    page.wait_for("document.querySelectorAll('.grid-row').length === 1")
    assert shown(page) == ["Try number 21"]


def test_rows_chosen_by_keys_are_compared(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("Try number 24")
    page.evaluate("document.querySelector('.grid').focus()")
    for key in (" ", "ArrowDown", " "):
        page.press(key)
    page.click(".chosen a", "Compare")
    page.wait_for_text("Compare 2 experiments")
    page.evaluate("history.back()")
    page.wait_for_text("2 experiments chosen")


def test_rows_hidden_pinned_and_opened_by_keys_follow(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("Try number 24")
    page.evaluate("document.querySelector('.grid').focus()")
    page.press("h")
    page.wait_for(f"document.querySelector('.grid').getAttribute('aria-rowcount') == {COUNT}")
    page.press("End")
    page.press("p")
    page.evaluate("document.querySelector('.grid').scrollTop = 0")
    page.wait_for("document.querySelector('.grid-row[aria-rowindex=\"2\"] .kept')")
    page.press("c")
    page.press("Enter")
    page.wait_for("location.hash.startsWith('#/experiment/')")


def test_columns_chosen_pinned_and_resized_are_in_address(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for_text("Try number 24")
    page.click("summary", "Columns")
    page.click(".columns-panel label", "Commit")
    page.wait_for("location.hash.includes('commit')")
    page.click(".columns-panel button[aria-label='Pin Author']")
    page.wait_for("document.querySelector('.grid-head .pinned')")
    page.evaluate("document.querySelector('.resize').focus()")
    page.press("ArrowRight")
    page.wait_for("location.hash.includes('widths=')")
    assert "commit" in page.evaluate("location.hash")
    assert "pinned=author" in page.evaluate("location.hash")
