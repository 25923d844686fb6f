"""Test that lists are read while the file that they depend on stays the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from git_datmo import fsio
from git_datmo.runs.written_files import ATTEMPTS, read_while_unchanged


def reader(path: Path, changes: int) -> Callable[[], tuple[bytes, bytes]]:
    """Return a reader of `path` whose first `changes` calls replace the file between two looks."""
    left = iter(range(changes))

    def read() -> tuple[bytes, bytes]:
        one = path.read_bytes()
        if next(left, None) is not None:
            fsio.write_file(path, one + b"!")
        return one, path.read_bytes()

    return read


def test_file_that_changes_between_two_looks_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "exclude"
    path.write_bytes(b"/a")
    one, other = read_while_unchanged(path, reader(path, 3))
    assert one == other == b"/a!!!"


def test_file_that_always_changes_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "exclude"
    path.write_bytes(b"")
    one, _ = read_while_unchanged(path, reader(path, 1000))
    assert len(one) == ATTEMPTS - 1


def test_missing_file_is_read_once(tmp_path: Path) -> None:
    calls = []
    read_while_unchanged(tmp_path / "none", lambda: calls.append(1))
    assert len(calls) == 1
