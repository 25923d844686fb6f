"""Test that the commands in the documentation work, and print what the pages say."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.pages import read_steps, run_page
from tests.support.shell import Shell

DOCS = Path(__file__).parents[2] / "docs"
# Stands for DVC in a working tree, because DVC is too large for the tests.
DVC = """\
#!/bin/sh
verb=$1
shift
for path; do :; done
case $verb in
init) mkdir .dvc ;;
add) echo "outs: [{path: ${path##*/}}]" >"$path.dvc"; echo "/${path##*/}" >"${path%/*}/.gitignore" ;;
remove) rm -f "$path" "${path%/*}/.gitignore" ;;
checkout | unprotect) ;;
*) exit 255 ;;
esac
"""
GUIDES = ("tutorial.md", "TRACKING.md", "AUTOLOG.md", "EXPERIMENTS.md")
PAGES = [*(DOCS / name for name in GUIDES), *sorted((DOCS / "howto").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_page_print_its_output(
    page: Path, shell: Callable[..., Shell], tmp_path: Path
) -> None:
    assert read_steps(page)
    programs = tmp_path / "programs"
    programs.mkdir()
    if page.stem == "move-from-dvc" and shutil.which("dvc") is None:
        (programs / "dvc").write_text(DVC)
        (programs / "dvc").chmod(0o755)
    if page.stem == "move-from-lfs":
        assert shutil.which("git-lfs"), "install git-lfs"
    sandbox = shell("sandbox")
    (sandbox.cwd / "examples").symlink_to(DOCS.parent / "examples")
    run_page(page, sandbox.having(PATH=f"{sandbox.env['PATH']}:{programs}"))
