"""Test that redacted text leaves the histories of records, and that no clone brings it back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, refused, states
from tests.support.disk_space import check_store, keep_refs, told
from tests.support.pair import Pair, both_ways
from tests.support.shell import Shell

SECRET = "hunter-two"
RECORDS, NOTES = "refs/datmo/records", "refs/notes/datmo"


def add_version(shell: Shell, text: str, message: str = "") -> str:
    """Commit a version of the data and describe it; return the id of its newest snapshot."""
    shell.write("data/x", text)
    datmo(shell, "add-data", "data")
    shell.commit("code.py", f"# {text}\n", text)
    if message:
        datmo(shell, "snapshot", "-m", message, "--metric", "loss=1")
    newest: str = experiments(shell)[0]["id"]
    return newest


def reached_text(shell: Shell) -> str:
    """Return everything that any ref of a repository leads to."""
    listed = shell.git("rev-list", "--objects", "--all").splitlines()
    ids = "".join(f"{line.split()[0]}\n" for line in listed)
    return shell.run("git", "cat-file", "--batch", stdin=ids.encode()).stdout


def log_of(shell: Shell) -> list[str]:
    return [found["id"] for found in experiments(shell)]


def is_there(shell: Shell, oid: str) -> bool:
    return shell.run("git", "cat-file", "-e", oid, ok=False).returncode == 0


@pytest.fixture
def shared(pair: Pair) -> str:
    """Return the id of a snapshot with a secret between two others; Alex has shared all."""
    add_version(pair.alex, "one")
    secret = add_version(pair.alex, "two", SECRET)
    add_version(pair.alex, "three")
    pair.alex.git("push", "-q")
    return secret


@both_ways
def test_redacted_text_leaves_every_ref_of_the_remote(pair: Pair, shared: str) -> None:
    assert SECRET in reached_text(pair.hub)
    before = log_of(pair.alex)
    done = datmo(pair.alex, "drop", "--redact", shared[:10], "--why", "a password")
    assert f"redacted: {shared}" in done.stdout
    assert "'origin' has no redacted text in its records any more" in done.stdout
    assert "in forks" in done.stderr
    for where in (pair.hub, pair.alex):
        assert SECRET not in reached_text(where)
        assert shared not in where.git("ls-tree", "-r", RECORDS).replace(f"redacted/{shared}", "")
    assert log_of(pair.alex) == [each for each in before if each != shared]
    assert SECRET not in pair.hub.git("log", "--all", "--format=%B%N", "--notes=datmo")
    assert '"redaction"' in pair.hub.git("cat-file", "blob", f"{RECORDS}:format")
    check_store(pair.alex)


def test_redacted_text_leaves_the_clone_with_its_garbage(pair: Pair, shared: str) -> None:
    datmo(pair.alex, "log")
    datmo(pair.alex, "drop", "--redact", shared)
    pair.alex.git("gc", "-q", "--prune=now")
    datmo(pair.alex, "gc")
    assert not is_there(pair.alex, shared)
    pair.hub.git("gc", "-q", "--prune=now")
    assert not is_there(pair.hub, shared)
    told_texts = [path.read_text() for path in pair.alex.cwd.glob(".git/datmo/told/*")]
    assert not any(SECRET in text for text in told_texts)
    # Everything goes on without the record.
    assert states(pair.alex) == {"data": "unchanged"}
    datmo(pair.alex, "checkout", "HEAD~1")
    add_version(pair.alex, "four")
    datmo(pair.alex, "fsck")
    datmo(pair.alex, "verify", "--complete")


def test_redaction_releases_the_content_of_the_record(pair: Pair, shared: str) -> None:
    document = json.loads(pair.hub.git("cat-file", "blob", shared))
    (payload,) = document["payloads"]
    own = [each for each in log_of(pair.alex) if shows(pair.hub, each, payload["object"])]
    assert shared in own
    done = told(pair.alex, "drop", "--redact", *own)
    assert done["redacted"] == done["dropped"]
    assert set(done["redacted"]) == set(own)
    assert done["remotes_with_text"] == []
    assert [each["name"] for each in done["remotes"]] == ["origin"]
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    pair.hub.git("gc", "-q", "--prune=now")
    assert not is_there(pair.hub, payload["object"])


def shows(shell: Shell, record: str, oid: str) -> bool:
    return oid in shell.git("cat-file", "blob", record)


@both_ways
@pytest.mark.parametrize("pulls", [False, True], ids=["push", "pull"])
def test_clone_that_still_has_the_text_does_not_bring_it_back(
    pair: Pair, shared: str, pulls: bool
) -> None:
    """Give the clone records of its own on top of the text."""
    ben, cleo = pair.clone("ben"), pair.clone("cleo")
    for clone in (ben, cleo):
        assert shared in log_of(clone)
        datmo(clone, "checkout")
    mine = add_version(ben, "of ben")
    datmo(pair.alex, "drop", "--redact", shared)
    if pulls:
        ben.git("pull", "-q", "--no-rebase")
    ben.git("push", "-q", "origin", "main")
    assert SECRET not in reached_text(pair.hub)
    assert SECRET not in reached_text(ben)
    assert mine in log_of(ben)
    cleo.git("pull", "-q")
    assert shared not in log_of(cleo)
    add_version(cleo, "of cleo")
    cleo.git("push", "-q", "origin", "main")
    pair.alex.git("pull", "-q")
    for where in (pair.hub, pair.alex, cleo):
        assert SECRET not in reached_text(where)
    assert log_of(pair.alex) == log_of(cleo)
    ben.git("gc", "-q", "--prune=now")
    assert not is_there(ben, shared)
    check_store(ben)


def test_two_redactions_at_once_both_hold(pair: Pair, shared: str) -> None:
    ben = pair.clone("ben")
    other = next(each for each in log_of(ben) if each != shared)
    pair.alex.git("remote", "set-url", "origin", str(pair.hub.cwd / "away"))
    datmo(pair.alex, "drop", "--redact", shared, ok=False)
    datmo(ben, "drop", "--redact", other)
    pair.alex.git("remote", "set-url", "origin", str(pair.hub.cwd))
    pair.alex.git("push", "-q")
    ben.git("fetch", "-q")
    ben.git("push", "-q")
    for where in (pair.hub, pair.alex, ben):
        tombstones = where.git("ls-tree", "--name-only", RECORDS, "redacted/").split()
        assert set(tombstones) == {f"redacted/{shared}", f"redacted/{other}"}
        assert SECRET not in reached_text(where)
        assert where.git("rev-parse", RECORDS, NOTES) == pair.hub.git("rev-parse", RECORDS, NOTES)


def test_redaction_without_its_remote_is_finished_by_the_next_push(pair: Pair, shared: str) -> None:
    pair.alex.git("remote", "set-url", "origin", str(pair.hub.cwd / "away"))
    failed = datmo(pair.alex, "drop", "--redact", shared, ok=False)
    assert failed.returncode == 128
    assert f"redacted: {shared}" in failed.stdout
    pair.alex.git("remote", "set-url", "origin", str(pair.hub.cwd))
    assert SECRET in reached_text(pair.hub)
    pair.alex.git("push", "-q")
    assert SECRET not in reached_text(pair.hub)


def test_each_remote_with_the_text_is_redacted_and_the_other_named(pair: Pair, shared: str) -> None:
    pair.top.git("init", "-q", "--bare", "second.git")
    pair.alex.git("remote", "add", "second", str(pair.top.cwd / "second.git"))
    pair.alex.git("push", "-q", "second", "main")
    second = pair.top.at("second.git")
    done = datmo(pair.alex, "drop", "--redact", "--remote", "origin", shared)
    assert SECRET not in reached_text(pair.hub)
    assert SECRET in reached_text(second)
    assert "'git datmo drop --remote second' removes it" in done.stderr
    datmo(pair.alex, "drop", "--remote", "second")
    assert SECRET not in reached_text(second)
    # Records of the second remote do not come back to the first.
    pair.alex.git("push", "-q", "origin", "main")
    assert SECRET not in reached_text(pair.hub)


def test_record_that_was_not_shared_is_redacted_without_a_push(pair: Pair) -> None:
    add_version(pair.alex, "one")
    pair.alex.git("push", "-q")
    before = pair.hub.git("for-each-ref")
    secret = add_version(pair.alex, "two", SECRET)
    datmo(pair.alex, "drop", "--redact", secret)
    assert pair.hub.git("for-each-ref") == before
    pair.alex.git("push", "-q")
    assert SECRET not in reached_text(pair.hub)


def test_receipts_and_annotations_go_and_dropped_records_can_be_redacted(
    pair: Pair, shared: str
) -> None:
    datmo(pair.alex, "drop", shared, "--remote")
    assert SECRET in reached_text(pair.hub)
    refused(pair.alex, "drop", shared, says=("dropped already",))
    datmo(pair.alex, "drop", "--redact", shared)
    assert SECRET not in reached_text(pair.hub)
    again = datmo(pair.alex, "drop", "--redact", shared)
    assert "was redacted before" in again.stderr
    refused(pair.alex, "drop", "--redact", "ffffffffff", says=("ffffffffff",))
    datmo(pair.alex, "drop", "--redact", code=129)


@pytest.mark.parametrize("namespace", ["refs/datmo", "refs/heads/git-datmo"])
def test_host_that_refuses_to_replace_history_is_named(pair: Pair, namespace: str) -> None:
    pair.alex.git("config", "datmo.origin.namespace", namespace)
    secret = add_version(pair.alex, "two", SECRET)
    pair.alex.git("push", "-q")
    pair.hub.git("config", "receive.denyNonFastForwards", "true")
    pair.hub.write("hooks/update", FORWARD_ONLY).chmod(0o755)
    said = refused(
        pair.alex, "drop", "--redact", secret, says=(f"refuses to replace '{namespace}/records'",)
    )
    assert "whose history has the text of redacted records" in said
    pair.hub.git("config", "receive.denyNonFastForwards", "false")
    (pair.hub.cwd / "hooks" / "update").unlink()
    datmo(pair.alex, "drop", "--redact", secret)
    assert SECRET not in reached_text(pair.hub)


# An update hook that takes no forced pushes.
FORWARD_ONLY = """#!/bin/sh
case $2 in *[!0]*) ;; *) exit 0 ;; esac
git merge-base --is-ancestor "$2" "$3" || { echo "no forced pushes" >&2; exit 1; }
"""


def test_remote_that_moved_meanwhile_is_replaced_with_what_came(pair: Pair, shared: str) -> None:
    """Push Ben's records to the hub between Alex's look and Alex's push."""
    ben = pair.clone("ben")
    mine = add_version(ben, "of ben")
    hook = pair.hub.write("hooks/pre-receive", LATE)
    hook.chmod(0o755)
    (pair.hub.cwd / "late").mkdir()
    ben_push = f"cd '{ben.cwd}' && git push -q origin main"
    pair.hub.write("late/push", ben_push)
    datmo(pair.alex, "drop", "--redact", shared)
    assert (pair.hub.cwd / "late" / "done").exists()
    assert SECRET not in reached_text(pair.hub)
    assert mine in pair.hub.git("ls-tree", "-r", RECORDS)


# Before the first push that moves the records, another clone pushes.
LATE = """#!/bin/sh
unset GIT_DIR GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
if grep -q refs/datmo/records && mkdir late/done 2> /dev/null; then
    PATH=$PATH; sh late/push
fi
exit 0
"""


# Runs in each Python of a clone whose git-datmo is older than redaction.
OLDER = """
import git_datmo.records.format_marker as marker
marker.KNOWN = frozenset()
"""


def test_older_git_datmo_adds_nothing_to_redacted_records(
    pair: Pair, shared: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OLDER)
    old = pair.clone("old")
    datmo(pair.alex, "drop", "--redact", shared)
    before = pair.hub.git("for-each-ref", "refs/datmo", "refs/notes")
    add_version(old, "of an older version")
    older = old.having(PYTHONPATH=str(tmp_path))
    done = older.run("git", "push", "-q", "origin", "main", ok=False)
    assert "made by a newer git-datmo, which requires 'redaction'" in done.stderr
    assert pair.hub.git("for-each-ref", "refs/datmo", "refs/notes") == before
    assert SECRET not in reached_text(pair.hub)


def test_unsigned_redaction_is_not_taken_where_signatures_are_required(
    pair: Pair, shared: str
) -> None:
    careful = pair.clone("careful")
    careful.git("config", "datmo.requireSigned", "true")
    datmo(pair.alex, "drop", "--redact", shared)
    careful.git("fetch", "-q")
    add_version(careful, "of the careful")
    assert shared in log_of(careful)
    done = careful.run("git", "push", "origin", "main", ok=False)
    assert "is redacted without a signature by a trusted key" in done.stderr
    assert SECRET not in reached_text(pair.hub)
    careful.git("-c", "datmo.requireSigned=false", "datmo", "pull")
    careful.git("push", "-q", "origin", "main")
    assert SECRET not in reached_text(careful)
