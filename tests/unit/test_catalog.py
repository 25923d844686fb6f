"""Test the catalog, which is rebuilt whenever it is lost, stale or damaged."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.model import SHA1, Oid
from git_datmo.records.catalog import Catalog, Row, in_order, make_row
from git_datmo.records.catalog_file import read_catalog
from git_datmo.records.data_id import data_id
from git_datmo.records.drop_record import Drop
from git_datmo.records.ledger import Ledger
from git_datmo.records.namespaces import RECORDS_REF
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot
from tests.support.ledgers import AUTHOR, IDENTITY, annotation, open_ledger
from tests.support.shell import Shell

ONE, TWO, THREE = (SHA1.hash("blob", text) for text in (b"1", b"2", b"3"))


def snapshot(
    commit: str, text: str = "", created: str = "2024-05-01T12:00:00.000000Z", patch: str = ""
) -> Snapshot:
    return Snapshot(
        Oid.parse(commit),
        TWO,
        patch,
        created,
        AUTHOR,
        text,
        "",
        (),
        {},
        {},
        None,
        True,
        None,
        None,
    )


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    made = make_repo()
    made.commit("a", "1")
    return made


def head(repo: Shell) -> str:
    return repo.git("rev-parse", "HEAD")


class Counting(Ledger):
    """Count the records that are read from a ledger."""

    read = 0

    def each_record(
        self, oids: Iterable[Oid], checked: Collection[Oid] = ()
    ) -> Iterator[tuple[Oid, Record | Damaged]]:
        for found in super().each_record(oids, checked):
            type(self).read += 1
            yield found


def catalog(repo: Shell, path: Path) -> tuple[Catalog, int]:
    """Return the catalog, and how many records were read for it."""
    with open_ledger(repo) as ledger:
        counting = Counting(ledger._git, ledger._odb, lambda: IDENTITY)
        Counting.read = 0
        made = read_catalog(counting, [ledger.tips()], path)
    return made, Counting.read


def add(repo: Shell, *texts: str) -> list[str]:
    with open_ledger(repo) as ledger:
        return list(map(str, ledger.attach(*(snapshot(head(repo), text) for text in texts))))


def ids(made: Catalog) -> set[str]:
    return {row.record for row in made.rows}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "catalog"


def test_catalog_without_records_is_empty_and_not_written(repo: Shell, path: Path) -> None:
    made, _ = catalog(repo, path)
    assert made.rows == ()
    assert not path.exists()


def test_catalog_reads_only_new_records(repo: Shell, path: Path) -> None:
    first = add(repo, "a", "b")
    assert (ids(catalog(repo, path)[0]), catalog(repo, path)[1]) == (set(first), 0)
    second = add(repo, "c")
    made, read = catalog(repo, path)
    assert (ids(made), read) == ({*first, *second}, 1)


def test_removed_record_leaves_the_catalog(repo: Shell, path: Path) -> None:
    first = add(repo, "a")
    before = repo.git("rev-parse", RECORDS_REF)
    add(repo, "b")
    catalog(repo, path)
    repo.git("update-ref", RECORDS_REF, before)
    assert ids(catalog(repo, path)[0]) == set(first)


SPOILT: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda _: b""),
    ("bytes that are no text", lambda raw: raw.replace(b"snapshot", b"\xff\xfe")),
    ("the header of an earlier version", lambda raw: b"git-datmo catalog 1" + raw[19:]),
    ("the header of a later version", lambda raw: raw.replace(b" catalog ", b" catalog 9", 1)),
    ("cut off within a line", lambda raw: raw[:-30]),
    ("no line end", lambda raw: raw[:-1]),
    ("an empty line", lambda raw: raw + b"\n"),
    ("a line of another kind", lambda raw: raw + b"[]\n"),
    ("a field too few", lambda raw: raw.replace(b"\tsnapshot", b"", 1)),
    ("a field too many", lambda raw: raw.replace(b"\tsnapshot", b"\tsnapshot\tsnapshot", 1)),
    ("a column too many", lambda raw: raw + b"0\t\n"),
    ("a column too few", lambda raw: raw[: raw[:-1].rindex(b"\n") + 1]),
    ("a note too many", lambda raw: raw[:-1] + b"0\t\n"),
    ("a value without an end", lambda raw: raw[:-2] + b"\n"),
    ("another text altogether", lambda _: b"\n\n\n"),
]


@pytest.mark.parametrize("spoil", [pytest.param(spoil, id=what) for what, spoil in SPOILT])
def test_damaged_catalog_is_rebuilt(
    repo: Shell, path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    wanted = add(repo, "a", "b")
    before, _ = catalog(repo, path)
    path.write_bytes(spoil(path.read_bytes()))
    made, read = catalog(repo, path)
    assert (made.rows, read) == (before.rows, 2)
    assert ids(made) == set(wanted)
    assert catalog(repo, path)[1] == 0, "and is sound then"


def test_lost_catalog_is_rebuilt(repo: Shell, path: Path) -> None:
    add(repo, "a")
    before, _ = catalog(repo, path)
    path.unlink()
    assert catalog(repo, path)[0].rows == before.rows


def test_catalog_of_another_repository_is_rebuilt(
    repo: Shell, path: Path, make_repo: Callable[..., Shell]
) -> None:
    other = make_repo("other")
    other.commit("b", "2")
    add(other, "theirs")
    catalog(other, path)
    assert ids(catalog(repo, path)[0]) == set()
    wanted = add(repo, "mine")
    assert ids(catalog(repo, path)[0]) == set(wanted)


def test_notes_are_read_when_they_change_and_only_those(repo: Shell, path: Path) -> None:
    first = head(repo)
    one = add(repo, "a")
    assert catalog(repo, path)[0].notes[first].records == one
    second = repo.commit("b", "2")
    two = add(repo, "b", "c")
    before, _ = catalog(repo, path)
    assert before.notes[first].records == one
    assert set(before.notes[second].records) == set(two)
    assert catalog(repo, path)[0].notes == before.notes
    repo.git("notes", "--ref=datmo", "remove", second)
    assert set(catalog(repo, path)[0].notes) == {first}


def test_unreadable_record_is_listed_separately(repo: Shell, path: Path) -> None:
    wanted = add(repo, "a")
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"{}")
    tree = repo.git("ls-tree", RECORDS_REF)
    inner = repo.git("mktree", stdin=f"100644 blob {blob}\t{blob[2:]}.json\n".encode())
    top = repo.git("mktree", stdin=f"{tree}\n040000 tree {inner}\t{blob[:2]}\n".encode())
    repo.git("update-ref", RECORDS_REF, repo.git("commit-tree", top, "-m", "x"))
    made, _ = catalog(repo, path)
    assert made.unreadable == (blob,)
    assert ids(made) == {*wanted, blob}
    row = made.get(blob)
    assert row is not None
    assert row.kind == ""


# The table itself.


def row(record: str, created: str = "", kind: str = "snapshot", **more: object) -> Row:
    return Row(record, kind, created=created, **more)  # type: ignore[arg-type]


def test_rows_come_oldest_first_and_equal_times_by_id() -> None:
    made = Catalog(in_order([row("b", "2"), row("a", "2"), row("c", "1")]))
    assert [r.record for r in made.rows] == ["c", "a", "b"]


def test_dropped_record_is_neither_listed_nor_found() -> None:
    made = Catalog(
        [row("a", tree="t", patch="p"), row("b", tree="t"), row("d", kind="drop", about=("a",))]
    )
    assert made.dropped == {"a"}
    assert made.get("a") is None
    assert [r.record for r in made.with_tree("t")] == ["b"]
    assert made.with_patch("p") == []
    assert made.starting("a") == []


def test_rows_are_found_by_tree_patch_beginning_and_subject() -> None:
    made = Catalog(
        [
            row("ab1", tree="t", patch="p"),
            row("ab2", tree="u"),
            row("r", kind="receipt", about=("ab1",), tree="t"),
        ]
    )
    assert [r.record for r in made.starting("ab")] == ["ab1", "ab2"]
    assert [r.record for r in made.with_tree("t")] == ["ab1"]
    assert [r.record for r in made.with_patch("p")] == ["ab1"]
    assert made.with_patch("") == []
    assert [r.record for r in made.about("ab1", "receipt")] == ["r"]
    assert made.about("ab1", "annotation") == []
    assert made.about("nothing", "receipt") == []


def test_row_of_catalog_matches_its_record() -> None:
    commit, when = str(ONE), "2024-05-01T12:00:00.000000Z"
    assert make_row(THREE, snapshot(commit, patch="0" * 40)) == Row(
        str(THREE), "snapshot", commit, str(TWO), "0" * 40, when, data_id(()), follows="1"
    )
    said = replace(snapshot(commit), message="said")
    assert make_row(THREE, said).follows == ""
    receipt = Receipt(TWO, ONE, when, AUTHOR, "identical", 0, 1.0, {}, (), (), {})
    assert make_row(THREE, receipt) == Row(
        str(THREE), "receipt", commit, created=when, about=(str(TWO),)
    )
    drop = Drop((TWO, ONE), ONE, when, AUTHOR, "")
    assert make_row(THREE, drop).about == (str(TWO), str(ONE))
    assert make_row(THREE, annotation(commit, "x", str(TWO))).about == (str(TWO),)
