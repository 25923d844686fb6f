"""Test the page of a real repository in a headless Chromium: exported, and served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.repository.workspace import open_workspace
from git_datmo.web.page_files import LIVE, read_page
from tests.support.chromium import Chromium, Page
from tests.support.commands import datmo
from tests.support.live_runs import begin_run, log_values
from tests.support.page_client import TOKEN, serving
from tests.support.page_repository import MARKUP, copy_repository, ids
from tests.support.shell import Shell


@pytest.fixture(scope="module")
def repo(page_template: Shell, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return copy_repository(page_template, tmp_path_factory.mktemp("copy"))


@pytest.fixture
def live(chromium: Chromium) -> Iterator[Page]:
    """Yield a page with network, and check that it wrote no message."""
    page = Page(chromium)
    yield page
    page.close()
    assert page.console == []


def test_exported_repository_is_shown_from_its_folder(
    repo: Shell, page: Page, tmp_path: Path
) -> None:
    datmo(repo, "ui", "--export", tmp_path / "site")
    address = (tmp_path / "site" / "index.html").as_uri()
    page.open(f"{address}#/experiments")
    page.wait_for_text(f"first {MARKUP}")
    first = ids(repo)[-1]
    for part, text in (
        ("", "it may work"),
        ("?tab=curves", "loss"),
        ("?tab=data", "model.bin"),
        ("?tab=log", f"red {MARKUP}"),
    ):
        page.open(f"{address}#/experiment/{first}{part}")
        page.wait_for_text(text)
    for view in ("data", "story", "contracts", "health"):
        page.open(f"{address}#/{view}")
        page.wait_for_text(view.capitalize())


def test_served_page_follows_a_run_and_new_experiments(repo: Shell, live: Page) -> None:
    with serving(repo, page=read_page(LIVE)) as (client, _):
        live.open(f"http://127.0.0.1:{client.port}/?token={TOKEN}")
        live.wait_for_text("use it")
        assert TOKEN not in live.evaluate("location.href")
        with open_workspace(repo.env, repo.cwd) as ws:
            home = begin_run(ws, "python", "train.py")
        log_values(home, "loss", [3.0, 2.0])
        live.wait_for_text("python train.py")
        datmo(repo, "snapshot", "-m", "a new one")
        live.wait_for_text("a new one")
        # The page asks for more at any time, and must not outlive the server.
        live.open("about:blank")
