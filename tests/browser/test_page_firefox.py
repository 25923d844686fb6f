"""Test an exported page in a headless Firefox, from `file://` and without network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.firefox import Firefox, find_firefox
from tests.support.page_views import FIRST, VIEWS


@pytest.fixture
def firefox(tmp_path: Path) -> Iterator[Firefox]:
    browser = Firefox(find_firefox(), tmp_path)
    yield browser
    browser.close()


def test_exported_views_work_in_firefox(firefox: Firefox, site: str) -> None:
    firefox.open(site)
    firefox.wait_for_text("Try number 24")
    for address, texts in VIEWS:
        firefox.evaluate(f"location.hash = {address!r}")
        for text in texts:
            firefox.wait_for_text(text)
    firefox.evaluate(f"location.hash = '#/experiment/{FIRST}?tab=curves'")
    firefox.wait_for("document.querySelector('canvas')?.width > 100")
    firefox.evaluate("location.hash = '#/experiments?sort=-metrics.accuracy'")
    firefox.wait_for("document.querySelector('[aria-sort=descending]')")
    assert firefox.console() == []
    loaded = firefox.evaluate("performance.getEntriesByType('resource').map((e) => e.name)")
    assert [each for each in loaded if not each.startswith(("file:", "data:", "blob:"))] == []
