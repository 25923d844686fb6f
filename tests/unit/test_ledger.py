"""Test records and notes: attached by many processes at once, united both ways, read by stock
git."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.refs import read_ref
from git_datmo.model import FORMATS, Oid
from git_datmo.records.ledger import Tips, record_path
from git_datmo.records.namespaces import NOTES_REF, RECORDS_REF
from git_datmo.records.notes import make_line
from tests.support.ledgers import annotation, git_of, open_ledger
from tests.support.shell import Shell


@pytest.fixture(params=sorted(FORMATS))
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def repo(make_repo: Callable[..., Shell], form: str) -> Shell:
    made = make_repo(object_format=form)
    made.commit("a", "1")
    return made


def head(repo: Shell) -> str:
    return repo.git("rev-parse", "HEAD")


def note(repo: Shell, commit: str) -> list[str]:
    return repo.git("notes", "--ref=datmo", "show", commit).splitlines()


def ids(repo: Shell) -> set[Oid]:
    with open_ledger(repo) as ledger:
        return ledger.records(ledger.tips().records)


def attach(repo: Shell, *texts: str, commit: str = "") -> list[Oid]:
    with open_ledger(repo) as ledger:
        return [*ledger.attach(*(annotation(commit or head(repo), text) for text in texts))]


def test_attached_record_is_read_back(repo: Shell) -> None:
    record = annotation(head(repo), "text \u00e4")
    with open_ledger(repo) as ledger:
        (oid,) = ledger.attach(record)
        assert ledger.record(oid) == record
        notes = ledger.notes(ledger.tips().notes)
        assert list(notes) == [record.commit]
        assert list(ledger.each_note([notes[record.commit]])) == [
            (notes[record.commit], (make_line(oid, record),))
        ]


def test_stock_git_reads_records_and_notes(repo: Shell) -> None:
    (oid,) = attach(repo, "in a line")
    assert note(repo, "HEAD") == [f"{oid} annotation in a line"]
    path = record_path(oid).decode()
    assert repo.git("rev-parse", f"{RECORDS_REF}:{path}") == str(oid)
    assert '"message": "in a line"' in repo.git("cat-file", "blob", str(oid))
    assert repo.git("fsck", "--full", "--strict", "--no-dangling") == ""


def test_record_attached_twice_changes_nothing(repo: Shell) -> None:
    attach(repo, "one")
    with open_ledger(repo) as ledger:
        before = ledger.tips()
    attach(repo, "one")
    with open_ledger(repo) as ledger:
        assert ledger.tips() == before


def test_several_records_on_several_commits_come_in_one_step(repo: Shell) -> None:
    first, second = head(repo), repo.commit("a", "2")
    with open_ledger(repo) as ledger:
        oids = ledger.attach(
            annotation(first, "one"), annotation(second, "two"), annotation(first, "three")
        )
    assert ids(repo) == set(oids)
    assert note(repo, first) == sorted([f"{oids[0]} annotation one", f"{oids[2]} annotation three"])
    assert note(repo, second) == [f"{oids[1]} annotation two"]
    assert repo.git("rev-list", "--count", NOTES_REF) == "1"


def test_lines_written_by_hand_are_kept(repo: Shell) -> None:
    repo.git("notes", "--ref=datmo", "add", "-m", "looks good to me")
    attach(repo, "one")
    assert "looks good to me" in note(repo, "HEAD")
    assert len(note(repo, "HEAD")) == 2


@pytest.mark.parametrize("folders", [0, 1, 2])
def test_notes_are_found_however_git_spreads_them_over_folders(repo: Shell, folders: int) -> None:
    commit = head(repo)
    parts = [commit[2 * n : 2 * n + 2] for n in range(folders)]
    path = "/".join([*parts, commit[2 * folders :]])
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"mine\n")
    for part in reversed(path.split("/")):
        kind, mode = ("blob", "100644") if part == path.split("/")[-1] else ("tree", "040000")
        blob = repo.git("mktree", stdin=f"{mode} {kind} {blob}\t{part}\n".encode())
    repo.git("update-ref", NOTES_REF, repo.git("commit-tree", blob, "-m", "notes"))
    attach(repo, "one")
    assert len(note(repo, commit)) == 2
    listed = repo.git("ls-tree", "-r", "--name-only", NOTES_REF).splitlines()
    assert listed == [path], "a note stays where it stood"


SCRIPT = """\
import os, sys
from pathlib import Path
from tests.support.shell import Shell
from tests.support.ledgers import annotation, open_ledger
repo = Shell(Path(sys.argv[1]), dict(os.environ))
commits = sys.argv[3:]
with open_ledger(repo) as ledger:
    sys.stdin.readline()
    for n in range(4):
        ledger.attach(annotation(commits[n % len(commits)], f"{sys.argv[2]} {n}"))
"""


def test_processes_that_attach_at_once_lose_nothing(repo: Shell) -> None:
    """Let each process move two refs; the one that comes second reads again."""
    commits = [head(repo), repo.commit("a", "2")]
    env = {**repo.env, "PYTHONPATH": str(Path(__file__).parents[2])}
    argv = [sys.executable, "-c", SCRIPT, str(repo.cwd)]
    children = [
        subprocess.Popen(
            [*argv, f"process {n}", *commits], stdin=subprocess.PIPE, env=env, text=True
        )
        for n in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.close()
    assert [child.wait() for child in children] == [0] * 4
    wanted = {f"process {n} {m}" for n in range(4) for m in range(4)}
    with open_ledger(repo) as ledger:
        assert {getattr(ledger.record(oid), "message", "") for oid in ids(repo)} == wanted
    lines = [line for commit in commits for line in note(repo, commit)]
    assert {line.split(" ", 2)[2] for line in lines} == wanted
    assert len(lines) == len(wanted)
    assert repo.git("fsck", "--full", "--strict", "--no-dangling") == ""


# Uniting.


@pytest.fixture
def two(repo: Shell, make_repo: Callable[..., Shell], form: str) -> tuple[Shell, Shell]:
    """Return two clones with the same commit and no record."""
    other = make_repo("other", object_format=form)
    other.git("fetch", "-q", str(repo.cwd), "main")
    other.git("reset", "-q", "--hard", "FETCH_HEAD")
    return repo, other


def fetched(repo: Shell, other: Shell) -> Tips:
    """Fetch the objects of `other`; return its state."""
    for name, ref in (("records", RECORDS_REF), ("notes", NOTES_REF)):
        repo.git("fetch", "-q", str(other.cwd), f"+{ref}:refs/theirs/{name}", ok=False)
    git = git_of(repo)
    return Tips(read_ref(git, "refs/theirs/records"), read_ref(git, "refs/theirs/notes"))


def unite(repo: Shell, other: Shell) -> bool:
    with open_ledger(repo) as ledger:
        return ledger.unite(fetched(repo, other))


def tips(repo: Shell) -> Tips:
    with open_ledger(repo) as ledger:
        return ledger.tips()


def test_ledgers_united_both_ways_are_equal(two: tuple[Shell, Shell]) -> None:
    one, other = two
    mine, theirs = attach(one, "a", "both"), attach(other, "b", "both")
    assert unite(one, other)
    assert unite(other, one)
    assert tips(one) == tips(other), "the second takes over what the first has made"
    assert ids(one) == ids(other) == {*mine, *theirs}
    assert note(one, "HEAD") == note(other, "HEAD")
    assert len(note(one, "HEAD")) == 3
    assert not unite(one, other)
    assert not unite(other, one)


def test_ledgers_united_at_once_converge(two: tuple[Shell, Shell]) -> None:
    """Let both sides merge at once: the histories differ, the contents do not, and no merge
    follows."""
    one, other = two
    attach(one, "a")
    attach(other, "b")
    mine, theirs = fetched(other, one), fetched(one, other)
    with open_ledger(one) as ledger:
        ledger.unite(theirs)
    with open_ledger(other) as ledger:
        ledger.unite(mine)
    assert ids(one) == ids(other)
    unite(one, other)
    unite(other, one)
    assert tips(one) == tips(other)


def test_empty_ledger_takes_over_the_other(two: tuple[Shell, Shell]) -> None:
    one, other = two
    attach(one, "a")
    assert not unite(one, other)
    assert unite(other, one)
    assert tips(one) == tips(other)


def test_ledger_that_is_ahead_is_unchanged(two: tuple[Shell, Shell]) -> None:
    one, other = two
    attach(one, "a")
    unite(other, one)
    attach(one, "b")
    before = tips(one)
    assert not unite(one, other)
    assert tips(one) == before


def test_notes_merged_by_stock_git_are_united(two: tuple[Shell, Shell]) -> None:
    one, other = two
    attach(one, "a")
    attach(other, "b")
    fetched(one, other)
    one.git(
        "notes", "--ref=datmo", "merge", "-q", "-s", "cat_sort_uniq", "refs/theirs/notes", ok=False
    )
    one.git("update-ref", "refs/notes/theirs", "refs/theirs/notes")
    one.git("notes", "--ref=datmo", "merge", "-q", "-s", "cat_sort_uniq", "refs/notes/theirs")
    merged = note(one, "HEAD")
    unite(other, one)
    unite(one, other)
    assert note(one, "HEAD") == note(other, "HEAD") == merged
    assert ids(one) == ids(other)
    assert len(ids(one)) == 2


def test_rewritten_ledger_history_loses_nothing(two: tuple[Shell, Shell]) -> None:
    """Start the records of one side again: local ones are kept, and new ones are added."""
    one, other = two
    attach(one, "a")
    unite(other, one)
    for ref in (RECORDS_REF, NOTES_REF):
        other.git("update-ref", "-d", ref)
    attach(other, "b")
    assert unite(one, other)
    assert len(ids(one)) == 2
    assert len(note(one, "HEAD")) == 2


# Refs of strangers.


def stranger_tree(repo: Shell, entries: str) -> None:
    tree = repo.git("mktree", "--missing", stdin=entries.encode())
    repo.git("update-ref", RECORDS_REF, repo.git("commit-tree", tree, "-m", "x"))


def test_foreign_file_in_ledger_tree_is_ignored(repo: Shell) -> None:
    (oid,) = attach(repo, "one")
    text = str(oid)
    good = repo.git("mktree", stdin=f"100644 blob {oid}\t{text[2:]}.json\n".encode())
    other = repo.git("hash-object", "-w", "--stdin", stdin=b"elsewhere")
    wrong = repo.git(
        "mktree", stdin=f"100644 blob {other}\t{'0' * (len(text) - 2)}.json\n".encode()
    )
    stranger_tree(
        repo,
        f"040000 tree {good}\t{text[:2]}\n040000 tree {wrong}\t00\n100644 blob {oid}\tREADME\n"
        f"120000 blob {oid}\tlink\n160000 commit {head(repo)}\tmodule\n",
    )
    assert ids(repo) == {oid}
    (second,) = attach(repo, "two")
    assert ids(repo) == {oid, second}


def test_malformed_record_in_ledger_is_named(repo: Shell) -> None:
    blob = Oid.parse(repo.git("hash-object", "-w", "--stdin", stdin=b"{}"))
    absent = Oid(bytes(len(blob)))
    with open_ledger(repo) as ledger:
        for oid in (blob, absent, Oid.parse(head(repo))):
            with pytest.raises(Damaged, match=str(oid)):
                ledger.record(oid)


def test_path_of_a_record_follows_from_its_id() -> None:
    assert record_path(Oid(bytes(20))) == b"00/" + b"0" * 38 + b".json"
    assert record_path(Oid(b"\xab" * 32)) == b"ab/" + b"ab" * 31 + b".json"


def redact(repo: Shell, oid: Oid) -> None:
    with open_ledger(repo) as ledger:
        ledger.attach(annotation(repo.git("rev-parse", "HEAD"), "redacted"), redacted=[oid])


def test_redacted_record_restarts_both_histories(repo: Shell) -> None:
    first, second = attach(repo, "a secret", "b")
    before = tips(repo)
    redact(repo, first)
    after = tips(repo)
    for old, new in ((before.records, after.records), (before.notes, after.notes)):
        assert repo.run("git", "merge-base", str(old), str(new), ok=False).returncode == 1
        assert repo.git("rev-list", "--count", str(new)) == "1"
        assert repo.git("ls-tree", "--name-only", str(new), "redacted/") == f"redacted/{first}"
    assert first not in ids(repo)
    assert second in ids(repo)
    assert not any("secret" in line for line in note(repo, "HEAD"))
    assert not repo.git("reflog", "show", NOTES_REF)
    attach(repo, "c")
    assert repo.git("rev-list", "--count", RECORDS_REF) == "2"


def test_union_with_a_history_that_has_the_text_leaves_it_out(two: tuple[Shell, Shell]) -> None:
    one, other = two
    (secret,) = attach(one, "a secret")
    unite(other, one)
    (more,) = attach(other, "more")
    redact(one, secret)
    assert unite(one, other)
    assert secret not in ids(one)
    assert more in ids(one)
    assert secret not in set(one.git("rev-list", "--objects", RECORDS_REF, NOTES_REF).split())
    assert not unite(one, other)
    assert unite(other, one)
    assert tips(one) == tips(other)


def test_unions_of_two_redactions_have_both(two: tuple[Shell, Shell]) -> None:
    one, other = two
    secrets = attach(one, "a", "b", "c")
    unite(other, one)
    redact(one, secrets[0])
    redact(other, secrets[1])
    assert unite(one, other)
    assert unite(other, one)
    assert tips(one) == tips(other)
    assert not {secrets[0], secrets[1]} & ids(one)
    assert secrets[2] in ids(one)


def test_tombstone_that_is_no_id_is_passed_over(repo: Shell) -> None:
    (oid,) = attach(repo, "a")
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"")
    names = ["x", str(oid)[:-1], str(oid) + "0" * 24, str(oid).upper()]
    lines = "".join(f"100644 blob {blob}\t{name}\n" for name in sorted(names))
    folder = repo.git("mktree", stdin=lines.encode())
    top = repo.git("ls-tree", RECORDS_REF) + f"\n040000 tree {folder}\tredacted\n"
    tree = repo.git("mktree", stdin=top.encode())
    repo.git("update-ref", RECORDS_REF, repo.git("commit-tree", "-m", "x", tree))
    with open_ledger(repo) as ledger:
        assert ledger.commits.redacted(ledger.tips().records) == frozenset()
    assert oid in ids(repo)
