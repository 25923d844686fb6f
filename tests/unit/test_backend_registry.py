"""Test store backends by scheme: those of this package, and one that another package adds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.backends.backend_registry import open_files
from git_datmo.backends.file_backend import Range, Unreachable
from git_datmo.backends.fsspec_backend import FileSystemFiles
from git_datmo.progress import QUIET
from tests.support.backend_package import install_shelf

PACK = f"pack-{'0' * 40}.pack"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install the package with the backend `shelf`."""

    def install(*points: str) -> None:
        monkeypatch.syspath_prepend(install_shelf(tmp_path / "site", *points))

    yield install
    sys.modules.pop("shelf_backend", None)


def test_backend_of_another_package_stores_and_returns_files(
    install: Callable[..., None], tmp_path: Path
) -> None:
    install()
    (tmp_path / PACK).write_bytes(b"0123456789")
    files = open_files(f"shelf://{tmp_path}", "sha1")
    files.put(tmp_path / PACK, QUIET)
    files.publish()
    assert files.list() == {PACK: 10}
    assert list(files.read([Range(PACK, 2, 4), Range(PACK, 0, 1)])) == [b"23", b"0"]
    assert open_files(f"shelf://{tmp_path}", "sha256").list() == {}


def test_scheme_without_entry_point_is_of_fsspec() -> None:
    assert isinstance(open_files("memory://team", "sha1"), FileSystemFiles)


def test_entry_point_comes_before_fsspec(install: Callable[..., None]) -> None:
    install("memory = shelf_backend:KIND")
    with pytest.raises(Unreachable, match="there is no shelf"):
        open_files("memory://team", "sha1")


def test_entry_point_does_not_replace_a_built_in_scheme(install: Callable[..., None]) -> None:
    install("file = shelf_backend:KIND")
    assert isinstance(open_files("file:///tmp", "sha1"), FileSystemFiles)


@pytest.mark.parametrize("target", ["missing_module:KIND", "shelf_backend:MISSING"])
def test_package_that_cannot_be_imported_is_named(
    install: Callable[..., None], target: str
) -> None:
    install(f"shelf = {target}")
    with pytest.raises(Unreachable, match="backend for 'shelf://' cannot be imported") as refused:
        open_files("shelf:///tmp", "sha1")
    assert target.partition(":")[0] in refused.value.hint
