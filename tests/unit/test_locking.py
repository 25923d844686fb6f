"""Test shared and exclusive locks, with and without those of the kernel, and that they end with
their process."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.locking import locked


def is_free(path: Path, *, shared: bool) -> bool:
    try:
        with locked(path, shared=shared, seconds=0):
            return True
    except DatmoError:
        return False


def test_shared_lock_excludes_only_exclusive_locks(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    with locked(path, shared=True):
        assert is_free(path, shared=True)
        assert not is_free(path, shared=False)
    with locked(path):
        assert not is_free(path, shared=True)
        assert not is_free(path, shared=False)
    assert is_free(path, shared=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_shared_lock_in_read_only_folder_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir(mode=0o555)
    with locked(tmp_path / "folder" / "lock", shared=True):
        pass
    with pytest.raises(PermissionError), locked(tmp_path / "folder" / "lock"):
        pass


def test_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = os.fork()
    if child == 0:
        with locked(path):
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert is_free(path, shared=False)


@pytest.fixture
def without_locks(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the kernel refuse every lock, as Lustre, NFS and sshfs can."""

    def refusing(_fd: int, _operation: int) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", refusing)


refused = pytest.mark.parametrize(
    "without_locks",
    [errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS],
    indirect=True,
    ids=errno.errorcode.get,
)


@refused
@pytest.mark.usefixtures("without_locks")
def test_lock_without_kernel_locks_excludes_others(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        assert not is_free(tmp_path / "lock", shared=False)
    assert is_free(tmp_path / "lock", shared=False)


@refused
@pytest.mark.usefixtures("without_locks")
def test_lock_of_ended_process_without_kernel_locks_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    child = os.fork()
    if child == 0:
        with locked(path):
            os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (tmp_path / "lock.held").exists()
    assert is_free(path, shared=False)
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


@refused
@pytest.mark.usefixtures("without_locks")
def test_lock_of_another_machine_without_kernel_locks_is_kept(tmp_path: Path) -> None:
    (tmp_path / "lock.held").write_text("elsewhere 1")
    with pytest.raises(DatmoError) as caught, locked(tmp_path / "lock", seconds=0):
        pass
    assert "remove that file" in caught.value.hint


@refused
@pytest.mark.usefixtures("without_locks")
def test_freeing_without_kernel_locks_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", shared=True):
        pass
    with pytest.raises(DatmoError, match="has no locks"), locked(tmp_path / "lock", strict=True):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
def test_lock_that_can_only_be_read_is_locked(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch(0o444)
    with locked(path):
        assert not is_free(path, shared=True)
