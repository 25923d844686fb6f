"""Give tests a headless Chromium, and pages whose console and requests are checked at the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.chromium import Chromium, Page, find_chromium
from tests.support.page_documents import write_site
from tests.support.page_example import make_example


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Yield a running Chromium."""
    browser = Chromium(find_chromium(), tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the address of an exported example."""
    return write_site(tmp_path_factory.mktemp("site"), *make_example())


@pytest.fixture(scope="session")
def site_folder(site: str) -> Path:
    """Return the folder of the exported example."""
    return Path(site.removeprefix("file://")).parent


@pytest.fixture
def page(chromium: Chromium) -> Iterator[Page]:
    """Yield a page without network. Check that it wrote no message and made no request."""
    page = Page(chromium)
    page.forbid_network()
    yield page
    page.close()
    assert page.console == []
    outside = [
        each for each in page.requests if not each.startswith(("file:", "data:", "blob:", "about:"))
    ]
    assert outside == []
