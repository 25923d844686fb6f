"""Test that the documentation site is built without a warning, and that its links lead
somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"


class Page(HTMLParser):
    """Collect the links of a page, and the anchors that links to it may have."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.names |= {value for key in ("id", "name") if (value := values.get(key))}
        self.links += [value for key in ("href", "src") if (value := values.get(key))]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-n",
        "-W",
        "--keep-going",
        "-d",
        str(folder / "doctrees"),
    ]
    done = subprocess.run(
        [*command, str(DOCS), str(folder / "html")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


def test_links_of_site_have_targets(site: Path) -> None:
    pages = {path: Page(path) for path in site.rglob("*.html")}
    broken = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = pages[target].names if target in pages else set()
            if not target.exists() or (
                parts.fragment and target in pages and unquote(parts.fragment) not in known
            ):
                broken.append(f"{path.name}: {link}")
    assert len(pages) > 15
    assert broken == []


def test_site_asks_no_other_host_for_anything(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|img|iframe)[^>]*src="(\w+:)?//|<link[^>]*href="https?://',
            path.read_text("utf-8"),
        )
        assert loaded == [], path


def test_pages_of_site_are_in_the_navigation(site: Path) -> None:
    links = {
        (site / link).resolve()
        for link in Page(site / "index.html").links
        if not urlsplit(link).scheme
    }
    pages = {
        (site / path.relative_to(DOCS)).with_suffix(".html").resolve()
        for path in DOCS.rglob("*.md")
    }
    assert pages - links == {site.resolve() / "index.html"}


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.stem)
def test_link_of_page_to_file_of_the_repository_leads_to_one(page: Path) -> None:
    for link in re.findall(r"\]\((\.\./[^)#]*)", page.read_text("utf-8")):
        assert (page.parent / link).exists(), link
