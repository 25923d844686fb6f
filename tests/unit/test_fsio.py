"""Locks: who shares one, whom it keeps out, and that it goes with its process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.fsio import locked


def is_free(path: Path, *, shared: bool) -> bool:
    try:
        with locked(path, shared=shared, seconds=0):
            return True
    except DatmoError:
        return False


def test_a_shared_lock_keeps_out_only_who_wants_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path, shared=True):
        assert is_free(path, shared=True)
        assert not is_free(path, shared=False)
    with locked(path):
        assert not is_free(path, shared=True)
        assert not is_free(path, shared=False)
    assert is_free(path, shared=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_where_nothing_can_be_written_a_shared_lock_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o555)
    with locked(tmp_path / "folder" / "lock", shared=True):
        pass
    with pytest.raises(PermissionError), locked(tmp_path / "folder" / "lock"):
        pass


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = os.fork()
    if child == 0:
        with locked(path):
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert is_free(path, shared=False)
