"""Test that foreign commands run only after a user confirmed it."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Callable

from tests.support.commands import datmo, refused
from tests.support.shell import Shell


def answer(shell: Shell, text: bytes, *words: str) -> tuple[int, bytes]:
    """Run `git datmo WORDS` on a terminal and type `text`; return the exit code and the output."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["git", "datmo", *words],
        cwd=shell.cwd,
        env=shell.env,
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as child:
        os.close(theirs)
        os.write(ours, text)
        said = b""
        try:
            while part := os.read(ours, 65536):
                said += part
        except OSError:
            # The terminal is gone with its last user.
            pass
    os.close(ours)
    return child.returncode, said


def test_foreign_snapshot_is_asked_about_once(make_repo: Callable[..., Shell]) -> None:
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    alex.git("remote", "add", "origin", str(hub.cwd))
    datmo(alex, "init")
    alex.commit("fit.py", "open('out', 'w').write('x')\n")
    datmo(alex, "run", "--", "python", "fit.py")
    alex.git("push", "-q", "origin", "main")
    # A command that was recorded in this clone runs.
    datmo(alex, "reproduce", "HEAD", "--engine", "host")

    hub.at("..").git("clone", "-q", f"datmo::{hub.cwd}", "other")
    # The same name is no proof: any person can write it.
    other = hub.at("../other")
    fatal = refused(other, "reproduce", "HEAD", "--engine", "host", code=128, says=("--trust",))
    assert "was not made here" in fatal
    told = datmo(other, "reproduce", "HEAD", "--engine", "host", code=128).stderr
    assert "A U Thor <author@example.com>" in told
    assert "  $ python fit.py\n" in told
    # Said for one time, or for all of them.
    datmo(other, "reproduce", "HEAD", "--engine", "host", "--trust")
    other.run("git", "-c", "datmo.trust", "datmo", "reproduce", "HEAD", "--engine", "host")

    code, said = answer(other, b"n\n", "reproduce", "HEAD", "--engine", "host")
    assert code == 128
    assert b"[y/N]" in said
    code, said = answer(other, b"y\n", "reproduce", "HEAD", "--engine", "host")
    assert code == 0, said
    # Asked once; now it is known.
    datmo(other, "reproduce", "HEAD", "--engine", "host")
