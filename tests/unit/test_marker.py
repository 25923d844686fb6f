"""Test the format marker of a records tree: read, united, and refused if unknown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.records import format_marker
from git_datmo.records.format_marker import (
    UNREADABLE,
    Marker,
    check_marker,
    encode_marker,
    parse_marker,
)
from git_datmo.records.ledger import Tips
from git_datmo.records.namespaces import RECORDS_REF
from tests.support.ledgers import annotation, open_ledger
from tests.support.shell import Shell

KNOWN_MARKER = b'{\n "requires": [],\n "version": 1\n}\n'


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    made = make_repo()
    made.commit("a", "1")
    return made


def attach(repo: Shell, text: str) -> None:
    with open_ledger(repo) as ledger:
        ledger.attach(annotation(repo.git("rev-parse", "HEAD"), text))


def marked(repo: Shell, raw: bytes, mode: str = "100644") -> str:
    """Put a marker into the tree of the repository's records; return the commit."""
    blob = repo.git("hash-object", "-w", "--stdin", stdin=raw)
    lines = repo.git("ls-tree", RECORDS_REF).splitlines()
    kept = [line for line in lines if not line.endswith("\tformat")]
    tree = repo.git(
        "mktree", stdin="".join(f"{x}\n" for x in [*kept, f"{mode} blob {blob}\tformat"]).encode()
    )
    commit = repo.git("commit-tree", "-p", RECORDS_REF, "-m", "x", tree)
    repo.git("update-ref", RECORDS_REF, commit)
    return commit


def marker_of(repo: Shell) -> bytes:
    return repo.run("git", "cat-file", "blob", f"{RECORDS_REF}:format").stdout.encode()


def test_marker_read_from_its_bytes_is_the_same() -> None:
    written = Marker(1, frozenset({"b", "a"}))
    assert parse_marker(encode_marker(written)) == written
    assert encode_marker(Marker()) == KNOWN_MARKER


def test_marker_with_more_keys_is_read() -> None:
    assert parse_marker(b'{"version": 1, "requires": ["x"], "later": {}}') == Marker(
        1, frozenset({"x"})
    )


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"",
            b"\xff",
            b"[]",
            b"1",
            b"{}",
            b'{"version": 1}',
            b'{"requires": []}',
            b"[" * 60_000,
            b" " * 65_537,
        ),
        *(
            b'{"version": "1", "requires": []}',
            b'{"version": true, "requires": []}',
            b'{"version": 0, "requires": []}',
        ),
        *(
            b'{"version": 1, "requires": "x"}',
            b'{"version": 1, "requires": [1]}',
            b'{"version": 1, "requires": ["X"]}',
        ),
    ],
)
def test_marker_that_is_malformed_is_refused(raw: bytes) -> None:
    assert parse_marker(raw) == UNREADABLE
    with pytest.raises(DatmoError, match="cannot be read"):
        check_marker(parse_marker(raw), "the records")


def test_marker_of_unknown_version_or_capability_is_refused() -> None:
    check_marker(Marker(), "the records")
    for unknown in (Marker(2), Marker(1, frozenset({"tomorrow"}))):
        with pytest.raises(DatmoError, match="newer git-datmo"):
            check_marker(unknown, "the records")


def test_first_record_brings_the_marker(repo: Shell) -> None:
    attach(repo, "one")
    assert marker_of(repo) == KNOWN_MARKER
    repo.git("fsck", "--strict")


def test_record_is_not_added_to_records_of_an_unknown_marker(repo: Shell) -> None:
    attach(repo, "one")
    for raw in (b'{"version": 2, "requires": []}', b"damaged"):
        before = marked(repo, raw)
        with pytest.raises(DatmoError, match="the records of this repository"):
            attach(repo, "two")
        assert repo.git("rev-parse", RECORDS_REF) == before


def test_marker_that_is_no_file_is_refused(repo: Shell) -> None:
    attach(repo, "one")
    marked(repo, KNOWN_MARKER, mode="120000")
    with pytest.raises(DatmoError, match="cannot be read"):
        attach(repo, "two")


def test_records_of_an_unknown_marker_are_not_united(repo: Shell) -> None:
    attach(repo, "one")
    before = repo.git("rev-parse", RECORDS_REF)
    theirs = marked(repo, b'{"version": 1, "requires": ["tomorrow"]}')
    repo.git("update-ref", RECORDS_REF, before)
    with open_ledger(repo) as ledger:
        assert not ledger.unite(Tips(Oid.parse(theirs), None))
    assert repo.git("rev-parse", RECORDS_REF) == before


def test_union_requires_what_either_side_requires(
    repo: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(format_marker, "KNOWN", frozenset({"a", "b"}))
    attach(repo, "one")
    base = repo.git("rev-parse", RECORDS_REF)
    theirs = marked(repo, b'{"version": 1, "requires": ["b"]}')
    repo.git("update-ref", RECORDS_REF, base)
    marked(repo, b'{"version": 1, "requires": ["a"]}')
    with open_ledger(repo) as ledger:
        assert ledger.unite(Tips(Oid.parse(theirs), None))
        assert ledger.marker(ledger.tips().records) == Marker(1, frozenset({"a", "b"}))


def test_records_without_a_marker_are_taken_as_they_are(
    repo: Shell, make_repo: Callable[..., Shell]
) -> None:
    attach(repo, "one")
    blobs = repo.git("ls-tree", RECORDS_REF).splitlines()
    tree = repo.git(
        "mktree", stdin="".join(f"{line}\n" for line in blobs if "format" not in line).encode()
    )
    theirs = repo.git("commit-tree", "-m", "x", tree)
    repo.git("update-ref", "-d", RECORDS_REF)
    with open_ledger(repo) as ledger:
        assert ledger.unite(Tips(Oid.parse(theirs), None))
    assert repo.git("rev-parse", RECORDS_REF) == theirs
