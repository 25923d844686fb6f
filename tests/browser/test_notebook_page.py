"""Test the page in the frame of a notebook: as HTML that stays there, and live."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from git_datmo.repository.workspace import open_workspace
from git_datmo.web.live_pages import open_pages
from git_datmo.web.notebook_page import open_notebook_page
from git_datmo.web.page_messages import PageMessages
from tests.support.chromium import Chromium, Page
from tests.support.live_runs import begin_run, log_values
from tests.support.notebook_host import serve_notebook
from tests.support.page_repository import MARKUP, TOKEN, copy_repository
from tests.support.shell import Shell


@pytest.fixture(scope="module")
def repo(page_template: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return copy_repository(page_template, tmp_path_factory.mktemp("copy"))


def follow_link(frame: Page, text: str) -> None:
    """Click a link. Places on the screen are those of the page around the frame."""
    found = f"[...document.querySelectorAll('a')].find((each) => each.innerText.includes({text!r}))"
    frame.wait_for(found)
    frame.evaluate(f"{found}.click()")


def test_page_that_stays_in_a_notebook_shows_experiments_without_a_kernel(
    repo: Shell, page: Page, tmp_path: Path
) -> None:
    found = open_notebook_page(repo.env, repo.cwd, ["HEAD"], live=False, height=500)
    kept = found._repr_html_()
    assert 'sandbox="allow-scripts allow-' in kept
    assert "allow-same-origin" not in kept
    assert MARKUP not in kept
    assert TOKEN not in html.unescape(kept)
    (tmp_path / "notebook.html").write_text(f"<!doctype html><h1>Notebook</h1>{kept}")
    page.open((tmp_path / "notebook.html").as_uri())
    frame = page.frame()
    frame.wait_for_text(f"first {MARKUP}")
    follow_link(frame, f"first {MARKUP}")
    frame.wait_for_text(f"it may work {MARKUP}")
    follow_link(frame, "Story")
    frame.wait_for("document.querySelector('h1').innerText === 'Story'")
    assert frame.console == []
    assert page.evaluate("location.hash") == ""


def test_page_in_a_notebook_follows_runs_and_shows_files(repo: Shell, chromium: Chromium) -> None:
    pages = open_pages(repo.env, repo.cwd)
    page = Page(chromium)
    with serve_notebook(lambda text, send: PageMessages(pages, text, send)) as address:
        page.open(address)
        frame = page.frame()
        frame.wait_for_text(f"first {MARKUP}")
        frame.wait_for_text("live")
        with open_workspace(repo.env, repo.cwd) as ws:
            log_values(begin_run(ws, "python", "train.py"), "loss", [3.0, 2.0])
        frame.wait_for_text("python train.py")
        follow_link(frame, f"first {MARKUP}")
        frame.wait_for_text("it may work")
        follow_link(frame, "Media")
        frame.wait_for("document.querySelector('img')?.scrollIntoView() || true")
        frame.wait_for("document.querySelector('img').naturalWidth > 0")
        page.evaluate("window.leave()")
    assert frame.console == []
    assert page.console == []
    page.close()
