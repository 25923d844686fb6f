"""Test that a failed checkout leaves no partial file, and can be finished or abandoned."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.support.commands import datmo, picture, refused, states
from tests.support.shell import Done, Shell

LARGE = 6 << 20


@pytest.fixture
def versions(repo: Shell) -> Shell:
    """Return a repository at the commit `small`; the commit `big` has more files, the last one
    large."""
    repo.write("data/kept", "kept")
    repo.write("data/old", "old")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "small")
    repo.git("tag", "small")
    (repo.cwd / "data" / "old").unlink()
    for number in range(150):
        repo.write(f"data/new/{number}", f"{number}")
    repo.write("data/zz/large", os.urandom(LARGE))
    repo.write("more/x", "x")
    datmo(repo, "add-data", "data", "more")
    repo.git("commit", "-q", "--allow-empty", "-m", "big")
    repo.git("tag", "big")
    repo.git("checkout", "-q", "small")
    return repo


def fail(repo: Shell, *words: str) -> Done:
    """Run git-datmo with a limit of 1 MiB for each file."""
    command = shlex.join(["git", "datmo", *words])
    return repo.run("bash", "-c", f"ulimit -f 1024; exec {command}", code=128)


def ways(done: Done) -> tuple[list[str], list[str]]:
    """Return the commands for finishing and for abandoning a checkout that a refusal names."""
    finish = done.stderr.partition("finish it with 'git datmo ")[2].partition("'")[0]
    back = done.stderr.partition("or give it up with 'git datmo ")[2].partition("'")[0]
    return shlex.split(finish), shlex.split(back)


def leftovers(folder: Path) -> list[Path]:
    return list(folder.rglob(".git-datmo-*"))


def test_file_that_does_not_fit_is_named_and_nothing_half_written_stays(versions: Shell) -> None:
    done = fail(versions, "checkout", "big")
    assert "fatal: cannot write 'data/zz/large': File too large" in done.stderr
    assert leftovers(versions.cwd) == []
    finish, _ = ways(done)
    datmo(versions, *finish)
    assert (versions.cwd / "data" / "zz" / "large").stat().st_size == LARGE
    assert states(versions) == {"data": "unchanged", "more": "unchanged"}


def test_failed_checkout_is_abandoned_and_its_files_removed(versions: Shell) -> None:
    before = picture(versions.cwd / "data")
    fail(versions, "checkout", "big")
    assert (versions.cwd / "data" / "new" / "7").exists()
    versions.write("data/new/mine", "my own")
    versions.write("data/new/8", "my own, too")
    # Every other command names both ways, and they are true.
    for words in (["add-data", "data"], ["snapshot"], ["checkout"], ["run", "--", "true"]):
        refusal = datmo(versions, *words, ok=False)
        finish, back = ways(refusal)
        assert (finish[0], back[:2]) == ("checkout", ["checkout", "--force"])
    datmo(versions, *back)
    mine = {
        b"new": ("folder", b""),
        b"new/mine": ("file", b"my own"),
        b"new/8": ("file", b"my own, too"),
    }
    assert picture(versions.cwd / "data") == before | mine
    assert not (versions.cwd / "more").exists()
    (versions.cwd / "data" / "new" / "mine").unlink()
    (versions.cwd / "data" / "new" / "8").unlink()
    (versions.cwd / "data" / "new").rmdir()
    assert states(versions) == {"data": "unchanged"}
    datmo(versions, "add-data", "data")
    datmo(versions, "snapshot")


def test_damaged_version_is_given_up(versions: Shell) -> None:
    before = picture(versions.cwd / "data")
    store = versions.cwd / ".git" / "datmo" / "store.git" / "objects" / "pack"
    pack = max(store.glob("*.pack"), key=lambda path: path.stat().st_size)
    pack.chmod(0o644)
    with open(pack, "r+b") as file:
        file.seek(LARGE // 2)
        file.write(bytes(1 << 20))
    done = datmo(versions, "checkout", "big", ok=False)
    assert "Traceback" not in done.stderr
    assert leftovers(versions.cwd) == []
    if picture(versions.cwd / "data") != before:
        _, back = ways(done)
        datmo(versions, *back)
    assert picture(versions.cwd / "data") == before
    datmo(versions, "snapshot")


def test_restore_that_fails_is_finished_or_given_up(versions: Shell) -> None:
    datmo(versions, "checkout", "big")
    (versions.cwd / "data" / "zz" / "large").unlink()
    (versions.cwd / "data" / "kept").unlink()
    done = fail(versions, "checkout", "--", "data")
    assert "data/zz/large" in done.stderr
    assert leftovers(versions.cwd) == []
    refused(versions, "snapshot", says=("git datmo checkout -- data",))
    datmo(versions, "checkout", "--", "data")
    assert states(versions) == {"data": "unchanged", "more": "unchanged"}
    datmo(versions, "snapshot")


def test_names_that_differ_in_case_alone_are_refused_where_that_makes_one_file(
    versions: Shell,
) -> None:
    versions.write("data/Kept", "another")
    datmo(versions, "snapshot")
    versions.git("config", "core.ignoreCase", "true")
    (versions.cwd / "data" / "Kept").unlink()
    before = picture(versions.cwd / "data")
    refused(
        versions,
        "checkout",
        says=("'data/Kept' and 'data/kept' are one file", "git datmo checkout REV -- PATH"),
    )
    assert picture(versions.cwd / "data") == before
    refused(
        versions,
        "checkout",
        "HEAD",
        "--",
        "data/Kept",
        says=("would be the same file as 'data/kept'", "move that one"),
    )
    (versions.cwd / "data" / "kept").rename(versions.cwd / "kept")
    datmo(versions, "checkout", "HEAD", "--", "data/Kept")
    assert (versions.cwd / "data" / "Kept").read_text() == "another"


@pytest.mark.parametrize("words", [["HEAD", "--", "data/sub"], ["--", "data/sub"]])
def test_names_in_a_part_of_a_payload_that_differ_in_case_alone_are_refused(
    versions: Shell, words: list[str]
) -> None:
    versions.write("data/sub/deep/a", "1")
    versions.write("data/sub/deep/A", "2")
    datmo(versions, "snapshot")
    versions.git("config", "core.ignoreCase", "true")
    (versions.cwd / "data" / "sub" / "deep" / "A").unlink()
    refused(versions, "checkout", *words, says=("are one file", "one by one"))
    assert not (versions.cwd / "data" / "sub" / "deep" / "A").exists()
