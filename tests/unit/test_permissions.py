"""Test modes of new files and folders against those of git, for each setting and umask."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo import permissions
from git_datmo.errors import DatmoError
from git_datmo.fsio import append, write_file
from git_datmo.permissions import READ_ONLY, Sharing, parse_sharing
from tests.support.shell import Shell

VALUES = ["umask", "group", "all", "true", "false", "0640", "0660", "0664", "0666", "0600"]


@pytest.fixture(params=[0o022, 0o077, 0o002], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(permissions, "_shared", {})


def mode(path: Path) -> str:
    return oct(path.stat().st_mode)


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("value", VALUES)
def test_files_and_folders_have_the_modes_that_git_gives(
    tmp_path: Path, sealed: dict[str, str], value: str
) -> None:
    git = Shell(tmp_path, sealed)
    git.git("init", "-q", "--bare", f"--shared={value}", "theirs")
    theirs = git.at("theirs")
    blob = theirs.git("hash-object", "-w", "--stdin", stdin=b"content")
    theirs.git("symbolic-ref", "HEAD", "refs/heads/other")
    permissions.share_folder(tmp_path / "ours", parse_sharing(value))
    permissions.make_folder(tmp_path / "ours")
    write_file(tmp_path / "ours" / "objects" / blob[:2] / blob[2:], b"content", mode=READ_ONLY)
    write_file(tmp_path / "ours" / "HEAD", b"content")
    append(tmp_path / "ours" / "appended", b"content")
    pairs = (
        ("objects", "objects"),
        (f"objects/{blob[:2]}",) * 2,
        (f"objects/{blob[:2]}/{blob[2:]}",) * 2,
    )
    for ours, git_s in (*pairs, ("HEAD", "HEAD"), ("appended", "HEAD")):
        assert mode(tmp_path / "ours" / ours) == mode(theirs.cwd / git_s), ours


@pytest.mark.parametrize("value", ["0400", "nonsense", "0060"])
def test_value_that_git_refuses_is_refused(
    tmp_path: Path, sealed: dict[str, str], value: str
) -> None:
    git = Shell(tmp_path, sealed)
    assert git.run(
        "git", "init", "-q", "--bare", f"--shared={value}", "theirs", ok=False
    ).returncode
    with pytest.raises(DatmoError, match=r"core\.sharedRepository"):
        parse_sharing(value)


def test_folder_that_passes_its_group_on_shares_what_is_put_in_it(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        tmp_path.chmod(0o2770)
        write_file(tmp_path / "sha1" / "pack", b"content", mode=READ_ONLY)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "sha1").stat().st_mode) == 0o2770
    assert stat.S_IMODE((tmp_path / "sha1" / "pack").stat().st_mode) == 0o440


def test_folder_of_one_person_shares_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    before = os.umask(0o077)
    try:
        write_file(tmp_path / "folder" / "file", b"content")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "folder" / "file").stat().st_mode) == 0o600


def test_tree_that_was_made_before_the_setting_is_adjusted(tmp_path: Path) -> None:
    made = tmp_path / "made"
    write_file(made / "folder" / "file", b"content", mode=READ_ONLY)
    (made / "link").symlink_to(tmp_path)
    tmp_path.chmod(0o700)
    permissions.share_folder(made, Sharing(0o660, exact=True))
    permissions.adjust_tree(made)
    assert stat.S_IMODE((made / "folder").stat().st_mode) == 0o2770
    assert stat.S_IMODE((made / "folder" / "file").stat().st_mode) == 0o440
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
