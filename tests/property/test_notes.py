"""Test that git-datmo and git unite the lines of notes equally, as sets."""

from __future__ import annotations

import math
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.model import SHA1, SHA256, Oid
from git_datmo.records.notes import SUMMARY_LIMIT, NoteLine, make_line, parse_note, unite
from git_datmo.records.record_registry import Record
from git_datmo.records.record_values import show_value
from git_datmo.sizes import show_size
from tests.support.record_strategies import records
from tests.support.shell import Shell
from tests.support.strategies import bare, oids

lines = st.sampled_from([b"a", b"b", b"a b", b" a", b"\xff", b"A", b"#", b"\r"]) | st.binary(
    max_size=8
)
notes = st.lists(lines, max_size=6).map(b"\n".join) | st.lists(lines, max_size=6).map(
    b"\n".join
).map(b"%s\n".__mod__)


@given(notes, notes, notes)
def test_union_does_not_care_for_order_grouping_or_repetition(
    one: bytes, two: bytes, three: bytes
) -> None:
    assert unite(one, two) == unite(two, one)
    assert unite(unite(one, two), three) == unite(one, unite(two, three)) == unite(one, two, three)
    assert unite(one, one) == unite(one) == unite(unite(one))
    assert unite(one, b"") == unite(one)


@given(notes, notes)
def test_union_loses_and_invents_no_line(one: bytes, two: bytes) -> None:
    united = unite(one, two).split(b"\n")
    assert united.pop() == b""
    assert united == sorted(set(united))
    assert set(united) == {line for note in (one, two) for line in note.split(b"\n") if line}


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return bare(tmp_path_factory.mktemp("notes"), SHA1)


number = count()


@settings(max_examples=max(1, settings().max_examples // 3))
@given(notes, notes)
def test_union_is_what_git_makes(repo: Shell, one: bytes, two: bytes) -> None:
    """Compare with `git notes merge -s cat_sort_uniq`, which works without git-datmo."""
    one, two = (note.replace(b"\0", b"") for note in (one, two))
    if not one.strip(b"\n") or not two.strip(b"\n") or one == two:
        return
    target = repo.git("hash-object", "-w", "--stdin", stdin=b"target")
    mine, theirs = f"mine{next(number)}", f"theirs{next(number)}"
    for ref, note in ((mine, one), (theirs, two)):
        blob = repo.git("hash-object", "-w", "--stdin", stdin=note)
        repo.git("notes", f"--ref={ref}", "add", "-C", blob, target)
    repo.git("notes", f"--ref={mine}", "merge", "-q", "-s", "cat_sort_uniq", f"refs/notes/{theirs}")
    merged = repo.git("notes", f"--ref={mine}", "list", target)
    assert merged == str(SHA1.hash("blob", unite(one, two)))


@given(records(), oids(SHA1) | oids(SHA256))
def test_record_makes_one_line_that_names_it(record: Record, oid: Oid) -> None:
    line = make_line(oid, record)
    ours, others = parse_note(f"{line}\n".encode())
    assert others == ()
    (read,) = ours
    assert (read.record, read.kind) == (oid, record.kind)
    assert read.summary == line.summary.rstrip()
    assert len(line.summary) <= SUMMARY_LIMIT
    assert line.summary.isprintable() or not line.summary.isascii()
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in line.summary)


@given(st.lists(records(), max_size=3), notes)
def test_foreign_note_lines_are_recognised_and_kept(made: list[Record], foreign: bytes) -> None:
    ids = [SHA1.hash("blob", b"%d" % n) for n in range(len(made))]
    ours = "".join(
        f"{make_line(oid, record)}\n" for oid, record in zip(ids, made, strict=True)
    ).encode()
    found, others = parse_note(unite(ours, foreign))
    assert {line.record for line in found} == set(ids)
    assert set(others) <= {line.decode("utf-8", "replace") for line in foreign.split(b"\n")}


@given(st.binary() | notes)
def test_note_of_any_bytes_is_parsed(raw: bytes) -> None:
    ours, others = parse_note(raw)
    assert all(isinstance(line, NoteLine) for line in ours)
    assert all(others)


@given(st.integers(0, 1 << 60))
def test_size_is_shown_as_git_shows_it(size: int) -> None:
    number, unit = show_size(size).split(" ")
    factor = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}[unit]
    assert abs(float(number) * factor - size) <= factor * 0.0051
    assert factor <= max(size, 1)


@given(st.floats() | st.integers() | st.booleans() | st.text())
def test_value_is_shown_with_five_digits(value: bool | float | str) -> None:
    shown = show_value(value)
    if isinstance(value, str):
        assert shown == value
    elif isinstance(value, float) and math.isfinite(value) and abs(value) < 1e300:
        assert float(shown) == pytest.approx(value, rel=1e-5)
