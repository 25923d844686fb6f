"""Test remotes that refuse, lack data, or are gone: data go before code, and the next try
finishes."""

from __future__ import annotations

import shutil
from random import Random

import pytest

from tests.support.commands import datmo, experiments, objects, refusal, refused
from tests.support.pair import Pair, both_ways
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell


def change(alex: Shell, text: str) -> None:
    """Commit new code and new data; make a snapshot of both."""
    alex.write("data/x", text)
    datmo(alex, "add-data", "data")
    alex.commit("code.py", text)


def hook(hub: Shell, name: str, text: str) -> None:
    hub.write(f"hooks/{name}", f"#!/bin/sh\n{text}\n").chmod(0o755)


@both_ways
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pre-receive", "echo closed for today >&2; exit 1"),
        ("update", 'case "$1" in */keep/*) echo closed for today >&2; exit 1;; esac'),
        ("update", 'case "$1" in refs/datmo/records) echo closed for today >&2; exit 1;; esac'),
    ],
    ids=["everything", "objects", "records"],
)
def test_push_to_refusing_remote_shows_its_reason(pair: Pair, name: str, text: str) -> None:
    change(pair.alex, "one")
    before = pair.hub.git("for-each-ref", "refs/heads", "refs/notes", "refs/datmo/records")
    hook(pair.hub, name, text)
    done = pair.alex.run("git", "push", "origin", "main", code=1)
    refusal(done, "the remote refused 'refs/", "closed for today")
    refused(pair.alex, "push", says=("closed for today",))
    assert pair.hub.git("for-each-ref", "refs/heads", "refs/notes", "refs/datmo/records") == before
    assert len(experiments(pair.alex)) == 1
    (pair.hub.cwd / "hooks" / name).unlink()
    pair.alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data" / "x").read_text() == "one"


@both_ways
def test_code_that_the_remote_refuses(pair: Pair) -> None:
    """Check that data without their code do no harm, and that a later push succeeds."""
    change(pair.alex, "one")
    before = pair.hub.git("for-each-ref")
    for dry in ("-n", "--dry-run"):
        pair.alex.git("push", dry, "origin", "main")
        assert pair.hub.git("for-each-ref") == before
    hook(pair.hub, "update", 'case "$1" in refs/heads/*) exit 1;; esac')
    pair.alex.run("git", "push", "origin", "main", code=1)
    assert pair.hub.git("rev-parse", "refs/datmo/records") == pair.alex.git(
        "rev-parse", "refs/datmo/records"
    )
    (pair.hub.cwd / "hooks" / "update").unlink()
    pair.alex.git("push", "-q", "origin", "main")
    datmo(pair.clone(), "checkout")


def test_remote_without_experiments_is_left_alone(pair: Pair) -> None:
    ignacio = pair.clone()
    assert datmo(ignacio, "log").stdout == ""
    for verb in ("fetch", "pull", "push"):
        datmo(ignacio, verb)
    ignacio.git("pull", "-q")
    refused(ignacio, "checkout", says=("has data", "git datmo fetch"))
    assert "refs/datmo" not in pair.hub.git("for-each-ref")


def test_missing_remote_is_named(pair: Pair) -> None:
    change(pair.alex, "one")
    shutil.move(pair.hub.cwd, pair.top.cwd / "away.git")
    for verb in ("fetch", "pull", "push"):
        refused(pair.alex, verb, says=("git ls-remote failed", "hub.git"))
    assert pair.alex.run("git", "push", ok=False).returncode
    shutil.move(pair.top.cwd / "away.git", pair.hub.cwd)
    pair.alex.git("push", "-q")
    shutil.move(pair.hub.cwd, pair.top.cwd / "away.git")
    # Local data need no remote.
    (pair.alex.cwd / "data" / "x").unlink()
    datmo(pair.alex, "checkout")
    assert (pair.alex.cwd / "data" / "x").read_text() == "one"


@both_ways
def test_interrupted_push_changes_nothing_and_succeeds_again(
    pair: Pair, http_host: HttpHost
) -> None:
    alex = pair.alex
    alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    # More than curl keeps of a request: it would send the rest again by itself.
    alex.write("data/noise", Random(1).randbytes(3 << 20))
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one")
    main = pair.hub.git("rev-parse", "main")
    http_host.largest, http_host.status_of_large = 20_000, 0
    done = alex.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    refusal(done)
    http_host.largest = None
    assert pair.hub.git("rev-parse", "main") == main
    assert "refs/notes" not in pair.hub.git("for-each-ref")
    alex.git("push", "-q", "origin", "main")
    pair.hub.git("fsck", "--strict")
    datmo(pair.clone(), "checkout")


def test_server_error_500_is_reported(pair: Pair, http_host: HttpHost) -> None:
    alex = pair.alex
    alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    change(alex, "one")
    fault = http_host.fail_post(500, path="git-receive-pack")
    done = alex.run("git", "push", "origin", "main", ok=False)
    assert done.returncode
    assert fault.bitten
    alex.git("push", "-q", "origin", "main")
    datmo(pair.clone(), "checkout")


@both_ways
def test_missing_objects_are_named_with_exit_code_2(pair: Pair) -> None:
    """Remove data from the remote: check for exit code 2 and the ids, and that other commands
    work."""
    alex = pair.alex
    change(alex, "one")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    lost = experiments(ignacio)[0]["payloads"][0]["object"]
    pair.hub.git("update-ref", "-d", "refs/datmo/keep/1")
    pair.hub.git("-c", "gc.pruneExpire=now", "gc", "-q", "--prune=now")
    assert lost not in objects(pair.hub)
    done = datmo(ignacio, "checkout", code=2)
    refusal(done)
    assert lost in done.stderr
    as_json = datmo(ignacio, "checkout", "--json", code=2)
    assert lost in as_json.stderr
    assert not (ignacio.cwd / "data").exists()
    assert [each["id"] for each in experiments(ignacio)] == [
        each["id"] for each in experiments(alex)
    ]


def test_fetch_during_push_of_another_user_succeeds(pair: Pair) -> None:
    """Check that records of a later state of the remote do not count as unshared."""
    change(pair.alex, "alex's")
    pair.alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    for name in ("first", "second"):
        ignacio.write("own/x", name)
        datmo(ignacio, "add-data", "own")
        ignacio.commit("other.py", name)
        if name == "first":
            ignacio.git("push", "-q", "origin", "HEAD:refs/heads/ignacio")
    # The first answer that Alex gets is older than what Ignacio pushes as soon as it was given.
    script = pair.top.write(
        "upload-pack",
        f"""#!/bin/sh
git-upload-pack "$@"
if mkdir '{pair.top.cwd}/once' 2>/dev/null; then
  git -C '{ignacio.cwd}' push -q origin HEAD:refs/heads/ignacio >&2
fi
""",
    )
    script.chmod(0o755)
    pair.alex.git("config", "remote.origin.uploadpack", str(script))
    change(pair.alex, "alex's second")
    datmo(pair.alex, "push")
    assert (pair.top.cwd / "once").exists()
    assert len(experiments(pair.clone("third"), "origin/ignacio")) == 3
