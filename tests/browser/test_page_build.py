"""Test that the page that is shipped is the page that its sources build, and that it is small."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from tools.build_page import DIST, PAGE, NoPackages, build, differing_files

LARGEST = 150_000
LONGEST_MODULE = 299


def test_shipped_page_equals_page_that_sources_build(tmp_path: Path) -> None:
    try:
        build(tmp_path)
    except NoPackages as error:
        pytest.skip(str(error))
    assert differing_files(tmp_path) == []


def test_shipped_page_is_small_when_compressed() -> None:
    assert sum(len(gzip.compress(path.read_bytes())) for path in DIST.iterdir()) < LARGEST


def test_shipped_html_has_no_inline_script_or_style() -> None:
    html = (DIST / "index.html").read_text("utf-8")
    assert re.findall(r"<script[^>]*>([^<]*)", html) == [""]
    assert "<style" not in html
    assert " style=" not in html
    assert " on" not in html.split("<body>")[0]
    assert 'data-mode="live"' in html


def test_modules_of_page_are_short_and_say_their_purpose() -> None:
    modules = sorted((PAGE / "src").rglob("*.ts*"))
    texts = {path.name: path.read_text("utf-8") for path in modules}
    assert [name for name, text in texts.items() if not text.startswith("/**")] == []
    assert [n for n, text in texts.items() if len(text.splitlines()) > LONGEST_MODULE] == []
