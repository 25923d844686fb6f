"""Test that folders and repositories that a user may not read give git's message, in one line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import datmo, refusal
from tests.support.pair import Pair
from tests.support.shell import Done, Shell

VERBS = ("status", "log", "snapshot", "init", "add-data x", "run -- true", "fsck")
# Root may read everything, unless it gives up these capabilities.
BOUNDED = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def run_bounded(shell: Shell, *words: str) -> Done:
    """Run a command as a user who may not read everything."""
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything, and 'setpriv' is missing")
        words = (*BOUNDED, *words)
    return shell.run(*words, ok=False)


@contextmanager
def shut(folder: Path) -> Iterator[None]:
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(0o755)


@pytest.mark.parametrize("verb", VERBS)
def test_repository_of_another_user_gives_the_hint_of_git(repo: Shell, verb: str) -> None:
    repo.write("x", "x")
    done = repo.having(GIT_TEST_ASSUME_DIFFERENT_OWNER="1").run(
        "git", "datmo", *verb.split(), ok=False
    )
    assert done.returncode == (125 if verb.startswith("run") else 128)
    refusal(done, "dubious ownership", f"git config --global --add safe.directory {repo.cwd}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
@pytest.mark.parametrize("verb", ["push", "fetch", "pull", "push --dry-run"])
def test_remote_of_another_user_gives_the_hint_of_git(pair: Pair, verb: str) -> None:
    for path in (pair.hub.cwd, *pair.hub.cwd.rglob("*")):
        os.chown(path, 12345, -1)
    done = datmo(pair.alex, *verb.split(), ok=False)
    assert done.returncode == 128
    refusal(done, "dubious ownership", f"git config --global --add safe.directory {pair.hub.cwd}")


def test_reading_in_a_folder_that_cannot_be_entered_works_as_in_git(repo: Shell) -> None:
    folder = repo.cwd / "folder"
    folder.mkdir()
    script = 'chmod 0 "$PWD" && {}; code=$?; chmod 755 "$PWD"; exit $code'
    for verb in ("status", "log"):
        done = run_bounded(repo.at("folder"), "sh", "-c", script.format(f"git datmo {verb}"))
        assert done.returncode == 0, str(done)
    done = run_bounded(repo.at("folder"), "sh", "-c", script.format("git datmo run -- true"))
    assert done.returncode == 125
    refusal(done, f"cannot run 'true' in '{folder}': Permission denied", "folder that you may")


@pytest.mark.parametrize(
    ("path", "says", "verbs"),
    [
        (".git", "not a git repository", ("status", "log", "snapshot", "run -- true")),
        (".git/datmo", "Permission denied", ("status", "snapshot", "run -- true")),
        (".git/datmo/store.git", "Permission denied", ("status", "snapshot", "run -- true")),
    ],
)
def test_repository_that_cannot_be_read_is_one_line(
    repo: Shell, path: str, says: str, verbs: tuple[str, ...]
) -> None:
    repo.write("x", "x")
    datmo(repo, "add-data", "x")
    datmo(repo, "snapshot")
    with shut(repo.cwd / path):
        for verb in verbs:
            done = run_bounded(repo, "git", "datmo", *verb.split())
            assert done.returncode in (125, 128), str(done)
            refusal(done, says)


@pytest.mark.parametrize("verb", [*VERBS, "status --json"])
def test_removed_folder_gives_the_message_of_git(repo: Shell, verb: str) -> None:
    (repo.cwd / "gone").mkdir()
    script = f"rmdir ../gone && git datmo {verb}"
    done = repo.at("gone").run("sh", "-c", script, ok=False)
    assert done.returncode == 128
    assert "Traceback" not in done.stderr
    assert "BUG" not in done.stderr
    assert "Unable to read current working directory: No such file or directory" in done.stderr
    assert "change to a folder that exists" in done.stderr
