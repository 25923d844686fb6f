"""Test file systems without locks, hard links, or durable folders."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

# Loaded by every Python that a command starts: calls of the system fail as they do on a file system
# that has them not.
REFUSING = """
import errno, fcntl, os, stat
REFUSED, CODE = {refused!r}, errno.{code}
def refuse(*_, **__):
    raise OSError(CODE, os.strerror(CODE))
if "locks" in REFUSED:
    fcntl.flock = refuse
if "links" in REFUSED:
    os.link = refuse
if "folders" in REFUSED:
    fsync = os.fsync
    os.fsync = lambda fd: refuse() if stat.S_ISDIR(os.fstat(fd).st_mode) else fsync(fd)
"""


def story(top: Shell) -> Shell:
    """Add, snapshot, push to a folder, clone, change, share back, and free; return the clone."""
    top.git("init", "-q", "--bare", "hub.git")
    top.git("init", "-q", "one")
    one = top.at("one")
    one.commit("code.py", "pass\n")
    one.git("remote", "add", "origin", str(top.cwd / "hub.git"))
    one.run("git", "datmo", "init")
    one.write("data/large", os.urandom(3 << 20))
    one.write("data/small", "one")
    one.run("git", "datmo", "add-data", "data")
    one.run("git", "datmo", "snapshot", "-m", "one")
    one.git("push", "-q", "-u", "origin", "main")
    top.git("clone", "-q", f"datmo::{top.cwd / 'hub.git'}", "two")
    two = top.at("two")
    two.run("git", "datmo", "checkout")
    two.write("data/small", "two")
    two.commit("code.py", "2\n")
    two.git("push", "-q")
    one.git("pull", "-q")
    assert (one.cwd / "data" / "small").read_text() == "two"
    assert (one.cwd / "data" / "large").read_bytes() == (two.cwd / "data" / "large").read_bytes()
    return two


@pytest.mark.parametrize(
    ("refused", "code"),
    [
        ("locks", "ENOLCK"),
        ("locks", "ENOSYS"),
        ("links", "EPERM"),
        ("links", "ENOTSUP"),
        ("folders", "EINVAL"),
        ("folders", "ENOTSUP"),
        ("locks links folders", "EOPNOTSUPP"),
    ],
)
def test_story_works_where_the_file_system_refuses_calls(
    shell: Callable[..., Shell], tmp_path: Path, refused: str, code: str
) -> None:
    poor = tmp_path / "poor"
    poor.mkdir()
    (poor / "sitecustomize.py").write_text(REFUSING.format(refused=refused, code=code))
    top = shell("top", PYTHONPATH=str(poor))
    two = story(top)
    two.run("git", "datmo", "drop", experiments(two)[-1]["id"])
    if "locks" not in refused:
        assert two.run("git", "datmo", "gc").stdout.startswith("freed ")
        return
    said = two.run("git", "datmo", "gc", code=128).stderr
    assert said.splitlines()[0].endswith("has no locks, so other commands cannot be kept out")
    assert not list(top.cwd.rglob("*.held"))


@pytest.fixture
def mounted(tmp_path: Path, shell: Callable[..., Shell]) -> Iterator[Shell]:
    """Mount a folder by sshfs without hard links; no network connection takes part."""
    server = next(
        (
            p
            for p in ("/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server")
            if os.path.exists(p)
        ),
        "",
    )
    if not (
        server
        and shutil.which("sshfs")
        and shutil.which("fusermount3")
        and os.access("/dev/fuse", os.W_OK)
    ):
        pytest.skip("needs sshfs, an sftp-server and /dev/fuse")
    for name in ("far", "near"):
        (tmp_path / name).mkdir()
    connect = tmp_path / "connect"
    connect.write_text(f"#!/bin/sh\nexec {server}\n")
    connect.chmod(0o755)
    options = f"ssh_command={connect},disable_hardlink"
    argv = ["sshfs", "-o", options, f"machine:{tmp_path / 'far'}", str(tmp_path / "near")]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let sshfs mount")
    yield shell("near")
    subprocess.run(["fusermount3", "-u", "-z", str(tmp_path / "near")], check=True)


def test_story_works_on_sshfs(mounted: Shell) -> None:
    two = story(mounted)
    datmo(two, "drop", experiments(two)[-1]["id"])
    assert datmo(two, "gc").stdout.startswith("freed ")
