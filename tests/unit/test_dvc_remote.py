"""Test that a DVC remote that does not respond is asked by its readers alone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from git_datmo.backends.file_backend import Unreachable
from git_datmo.interop import dvc_remote
from git_datmo.interop.dvc_content import MissingData
from git_datmo.interop.dvc_remote import DvcRemote
from git_datmo.interop.dvc_remote_files import READERS
from git_datmo.interop.dvc_settings import DvcSettings
from git_datmo.progress import QUIET


class Gone:
    """Remote whose connection breaks at each request."""

    def __init__(self) -> None:
        self.asked = 0

    def read(self, path: str) -> Generator[bytes, None, None]:
        """Count the request, and break."""
        self.asked += 1
        raise Unreachable("'http://a': Connection refused", "wait")
        yield path.encode()


def test_remote_that_is_gone_is_asked_once_by_each_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Gone()
    monkeypatch.setattr(dvc_remote, "open_remote", lambda _: gone)
    remote = DvcRemote(DvcSettings(tmp_path, "storage", {"url": "http://a"}), tmp_path)
    hashes = [f"{number:032x}" for number in range(200)]
    remote.fetch(dict.fromkeys(hashes, 1), QUIET)
    assert gone.asked <= 2 * READERS
    with pytest.raises(
        MissingData, match="cannot be read: 'http://a': Connection refused"
    ) as error:
        remote.find(hashes[-1], "is not in DVC's cache")
    assert error.value.hint == "wait; then import again"
    assert list(tmp_path.iterdir()) == []
