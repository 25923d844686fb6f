"""Test curves with many points, and that each chart and table can be saved."""

from __future__ import annotations

import csv
import io

import pytest

from tests.support.chromium import Page
from tests.support.page_documents import SPIKE
from tests.support.page_example import COUNT, LONG, id_of

FIRST, SECOND = id_of(0), id_of(1)
# Saved files are kept in a list of the page instead of a folder.
CATCH = """
  window.saved = [];
  URL.createObjectURL = (blob) => (blob.text().then((text) => window.saved.push([blob.type, text])), 'blob:none');
  HTMLAnchorElement.prototype.click = function () {};
"""
RIPPLE = (
    "[...document.querySelectorAll('.chart')].find((each) => each.textContent.includes('ripple'))"
)


def save(page: Page, name: str, form: str) -> str:
    """Save a chart or table in a form; return the text of the file."""
    page.evaluate(CATCH)
    page.click(f"summary[aria-label='Save {name}']")
    find = f"document.querySelector(\"summary[aria-label='Save {name}']\").nextElementSibling"
    page.evaluate(f"[...{find}.children].find((each) => each.textContent === '{form}').click()")
    page.wait_for("window.saved.length > 0")
    kind, text = page.evaluate("window.saved[0]")
    expected = {"PNG": "image/png", "SVG": "image/svg+xml", "CSV": "text/csv"}[form]
    assert kind.startswith(expected)
    return text


def saved_values(page: Page) -> list[tuple[float, float]]:
    """Return the points that the long curve shows."""
    rows = list(csv.reader(io.StringIO(save(page, "ripple", "CSV"))))
    assert rows[0] == ["curve", "step", "value"]
    return [(float(x), float(y.lstrip("'"))) for _, x, y in rows[1:]]


def test_spike_of_one_sample_is_visible_at_every_zoom(page: Page, site: str) -> None:
    page.open(f"{site}#/experiment/{FIRST}?tab=curves")
    page.wait_for(f"{RIPPLE}?.querySelector('canvas')")
    sizes = []
    for keys in ("", "+", "", "+", "+", "+", "+", "+"):
        if keys:
            page.evaluate(f"{RIPPLE}.querySelector('.plot').focus()")
            before = page.evaluate(f"{RIPPLE}.querySelector('canvas').toDataURL()")
            # The spike is at a third: to the left of the middle until it is in the middle.
            for key in ("ArrowLeft", keys) if len(sizes) == 1 else (keys,):
                page.press(key)
            page.wait_for(f"{RIPPLE}.querySelector('canvas').toDataURL() !== {before!r}")
        points = saved_values(page)
        sizes.append(len(points))
        low, high = min(x for x, _ in points), max(x for x, _ in points)
        if low <= LONG // 3 <= high:
            assert max(y for _, y in points) == SPIKE
        assert len(points) <= 10_000
    assert len({*sizes}) > 1
    page.evaluate(f"{RIPPLE}.querySelector('.plot').focus()")
    page.press("0")
    page.wait_for(f"!{RIPPLE}.querySelector('.text-button')")


def test_values_that_are_not_finite_are_counted_and_left_out(page: Page, site: str) -> None:
    page.open(f"{site}#/experiment/{FIRST}?tab=curves&x=relative&log=1&smooth=0.6")
    page.wait_for_text("2 NaN or infinite")
    rows = list(csv.reader(io.StringIO(save(page, "loss", "CSV"))))
    assert rows[0] == ["curve", "relative", "value"]
    assert {row[0] for row in rows[1:]} == {"rank 0", "rank 1"}
    assert [row[2] for row in rows if row[2] == "NaN"] == ["NaN", "NaN"]


@pytest.mark.parametrize(
    ("address", "name", "forms"),
    [
        ("#/experiments", "experiments", ["CSV"]),
        ("#/experiments?group=same", "Groups of experiments", ["CSV"]),
        ("#/experiments?chart=scatter", "accuracy by rate", ["PNG", "SVG", "CSV"]),
        ("#/experiments?chart=parallel", "parallel coordinates", ["PNG", "SVG", "CSV"]),
        (f"#/experiment/{FIRST}?tab=curves", "ripple", ["PNG", "SVG"]),
        (f"#/compare/{FIRST},{SECOND}?part=curves", "loss", ["PNG", "SVG", "CSV"]),
        ("#/story", "Best accuracy so far", ["PNG", "SVG", "CSV"]),
        ("#/data", "Data", ["CSV"]),
    ],
)
def test_chart_or_table_is_saved_in_each_form(
    page: Page, site: str, address: str, name: str, forms: list[str]
) -> None:
    page.open(site + address)
    page.wait_for(f"document.querySelector(\"summary[aria-label='Save {name}']\")")
    page.wait_for(
        "![...document.querySelectorAll('.chart')].some((each) => !each.querySelector('canvas'))"
    )
    for form in forms:
        text = save(page, name, form)
        assert len(text) > 30
        if form == "SVG":
            page.evaluate(
                "(text => { const svg = new DOMParser().parseFromString(text, 'image/svg+xml');"
                " if (svg.querySelector('parsererror')) throw new Error(text); })"
                f"({text!r})"
            )
    assert page.evaluate("document.querySelectorAll('.menu[open]').length") == 0


def test_table_that_is_saved_has_all_rows(page: Page, site: str) -> None:
    page.open(f"{site}#/experiments?sort=-metrics.accuracy")
    page.wait_for("document.querySelector('.grid[aria-busy=false] .grid-row')")
    rows = list(csv.DictReader(io.StringIO(save(page, "experiments", "CSV"))))
    assert len(rows) == COUNT
    values = [float(row["metrics.accuracy"]) for row in rows[:-1]]
    assert values == sorted(values, reverse=True)


def test_chart_that_leaves_the_view_is_unmounted(page: Page, site: str) -> None:
    page.resize(390, 200)
    page.open(f"{site}#/compare/{FIRST},{SECOND}?part=curves")
    last = "document.querySelector('.charts .panel:last-child')"
    page.wait_for(last)
    page.wait_for(f"!{last}.querySelector('.plot')")
    page.evaluate("window.scrollTo(0, 1e6)")
    page.wait_for(f"{last}.querySelector('.plot canvas')")
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for(f"!{last}.querySelector('.plot')")
