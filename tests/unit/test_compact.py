"""Test that compaction keeps each live object once, and frees dead ones where that pays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.deflate import deflate
from git_datmo.git.object_database import write_loose
from git_datmo.git.object_encoding import BLOB, TreeEntry, encode_tree
from git_datmo.git.pack_writer import PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from git_datmo.objects import compaction
from git_datmo.objects.reachability import NeededObjects, reach
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store
from tests.support.shell import Shell


@pytest.fixture
def store(tmp_path: Path, sealed: dict[str, str]) -> Store:
    create_store(Git(sealed), tmp_path / "store.git", SHA1)
    return Store(Git(sealed), tmp_path / "store.git", SHA1)


def blob(seed: int, size: int = 1000) -> tuple[Oid, bytes]:
    content = Random(seed).randbytes(size)
    return SHA1.hash("blob", content), content


def add(store: Store, *seeds: int, promisor: bool = False, size: int = 1000) -> Path:
    """Write a pack of blobs."""
    with PackWriter(store.objects.folder / "pack", SHA1) as writer:
        for oid, content in (blob(seed, size) for seed in seeds):
            writer.add(make_entry(oid, "blob", len(content), deflate(content)))
        path = writer.finish(promisor=promisor)
    store.objects.refresh()
    assert path is not None
    return path


def collect(
    store: Store, *seeds: int, size: int = 1000, worth: float = compaction.WORTH
) -> compaction.CompactionPlan:
    marks = reach(
        store.objects, [blob(seed, size)[0] for seed in seeds], NeededObjects(store.objects)
    )
    planned = compaction.plan(store.objects, marks, worth=worth)
    compaction.carry_out(store, planned)
    return planned


def names(store: Store) -> set[str]:
    return {path.name for path in (store.objects.folder / "pack").iterdir()}


def check(store: Store, shell: Callable[..., Shell], *seeds: int) -> None:
    """Check that git and our reader find these blobs and no others, each once."""
    git = shell(store.path).git
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    assert set(listed) == {str(blob(seed)[0]) for seed in seeds}
    counted = dict(line.split(": ") for line in git("count-objects", "-v").splitlines())
    assert int(counted["count"]) + int(counted["in-pack"]) == len(seeds)
    for seed in seeds:
        assert store.objects.find(blob(seed)[0]) == ("blob", blob(seed)[1])
    for path in (store.objects.folder / "pack").glob("*.idx"):
        git(
            "index-pack",
            "--strict",
            "-o",
            str(store.path / "git.idx"),
            str(path.with_suffix(".pack")),
        )
        assert (store.path / "git.idx").read_bytes() == path.read_bytes()
        git("verify-pack", str(path))


def test_pack_of_mostly_dead_objects_is_rewritten(
    store: Store, shell: Callable[..., Shell]
) -> None:
    old = add(store, 1, 2, 3, 4)
    planned = collect(store, 1)
    assert (planned.freed, 3000 < planned.size < 3100) == (3, True)
    assert old.name not in names(store)
    check(store, shell, 1)


def test_pack_of_mostly_live_objects_is_kept(store: Store, shell: Callable[..., Shell]) -> None:
    old = add(store, 1, 2, 3, 4, 5, 6)
    planned = collect(store, 1, 2, 3, 4, 5)
    assert (planned.freed, planned.size, planned.moves) == (0, 0, ())
    assert old.name in names(store)
    check(store, shell, 1, 2, 3, 4, 5, 6)
    assert collect(store, 1, 2, 3, 4, 5, worth=0).freed == 1
    check(store, shell, 1, 2, 3, 4, 5)


def test_object_in_several_packs_is_kept_in_one(store: Store, shell: Callable[..., Shell]) -> None:
    add(store, 1, 2)
    whole = add(store, 1, 2, 3)
    write_loose(store.objects.folder, SHA1, "blob", blob(3)[1])
    store.objects.refresh()
    assert collect(store, 1, 2, 3).freed == 3
    assert names(store) == {whole.name, whole.with_suffix(".idx").name}
    check(store, shell, 1, 2, 3)


def test_loose_objects_stay_or_go(store: Store, shell: Callable[..., Shell]) -> None:
    for seed in (1, 2):
        write_loose(store.objects.folder, SHA1, "blob", blob(seed)[1])
    store.objects.refresh()
    assert collect(store, 1).freed == 1
    check(store, shell, 1)


def test_promisor_packs_stay_promisor_packs_and_kept_ones_stay(
    store: Store, shell: Callable[..., Shell]
) -> None:
    add(store, 1, 2, 3, promisor=True)
    add(store, 4, 5, 6)
    kept = add(store, 7, 8)
    kept.with_suffix(".keep").touch()
    collect(store, 1, 4)
    check(store, shell, 1, 4, 7, 8)
    (promisor,) = (store.objects.folder / "pack").glob("*.promisor")
    listed = shell(store.path).git("show-index", stdin=promisor.with_suffix(".idx").read_bytes())
    assert [line.split()[1] for line in listed.splitlines()] == [str(blob(1)[0])]


def test_crash_before_removal_of_old_pack_is_repaired(
    store: Store, shell: Callable[..., Shell]
) -> None:
    """Give the new pack the name that it would get again."""
    old = add(store, 1, 2, 3, 4)
    saved = {path: path.read_bytes() for path in (old, old.with_suffix(".idx"))}
    collect(store, 1, 2)
    new = names(store)
    for path, raw in saved.items():
        path.write_bytes(raw)
    store.objects.refresh()
    assert collect(store, 1, 2).freed == 4
    assert names(store) == new
    check(store, shell, 1, 2)


@pytest.mark.parametrize("seed", range(0, 60, 10))
def test_pack_written_under_name_of_removed_pack_is_kept(
    store: Store, shell: Callable[..., Shell], monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Make a pack of five whose two live objects make a pack of the same name."""
    monkeypatch.setattr(compaction, "SMALL", 0)
    one, two, *others = every = range(seed, seed + 5)
    add(store, *others).with_suffix(".keep").touch()
    add(store, *every)
    add(store, one, two)
    collect(store, *every)
    check(store, shell, *every)


def test_small_packs_are_joined_when_they_are_many(
    store: Store, shell: Callable[..., Shell]
) -> None:
    seeds = range(compaction.FEW + 3)
    for seed in seeds[:-2]:
        add(store, seed)
    joined = add(store, *seeds[:-2])
    for seed in seeds[-2:]:
        add(store, seed)
    collect(store, *seeds)
    assert joined.name in names(store)
    check(store, shell, *seeds)
    for seed in seeds:
        add(store, 100 + seed)
    every = (*seeds, *(100 + seed for seed in seeds))
    collect(store, *every)
    assert len(list((store.objects.folder / "pack").glob("*.pack"))) == 1
    check(store, shell, *every)


def test_deltas_of_a_server_are_made_whole(store: Store, shell: Callable[..., Shell]) -> None:
    git = shell(store.path).git
    body = blob(3, 3000)[1]
    grown = [body + bytes([number]) * 10 for number in range(6)]
    oids = [git("hash-object", "-w", "--stdin", stdin=content) for content in grown]
    git(
        "pack-objects",
        "-q",
        "--window=10",
        str(store.objects.folder / "pack" / "pack"),
        stdin="\n".join(oids).encode(),
    )
    git("prune-packed")
    store.objects.refresh()
    assert all(store.objects.kind(Oid.parse(oid)) == "blob" for oid in oids)
    wanted = [Oid.parse(oid) for oid in oids[::3]]
    planned = compaction.plan(
        store.objects, reach(store.objects, wanted, NeededObjects(store.objects)), worth=0
    )
    compaction.carry_out(store, planned)
    assert [store.objects.find(oid) for oid in wanted] == [
        ("blob", content) for content in grown[::3]
    ]
    assert git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split() == sorted(
        map(str, wanted)
    )


def test_damaged_entry_is_not_copied_to_new_pack(store: Store) -> None:
    old = add(store, 1, 2, 3)
    raw = bytearray(old.read_bytes())
    raw[500] ^= 1
    old.chmod(0o644)
    old.write_bytes(raw)
    with pytest.raises(Damaged, match="damaged near"):
        collect(store, 1)
    assert old.exists()


def test_reader_finds_what_moved_to_another_pack(store: Store) -> None:
    old = add(store, 1, 2, 3)
    reader = PackedObjects(store.objects.folder, SHA1)
    collect(store, 1)
    assert not old.exists()
    assert reader.find(blob(1)[0]) == ("blob", blob(1)[1])
    assert reader.find(blob(2)[0]) is None
    reader.close()


def test_tree_that_takes_a_tree_for_a_file_hides_nothing(store: Store) -> None:
    """Mark a tree as a file first, which must not hide its content."""
    with store.writer() as writer:
        oid = writer.put("blob", b"x")
        inner = writer.put_tree(encode_tree([TreeEntry(b"x", BLOB, oid)]))
        lie = writer.put_tree(encode_tree([TreeEntry(b"inner", BLOB, inner)]))
    marks = reach(store.objects, [lie, inner], NeededObjects(store.objects))
    assert compaction.plan(store.objects, marks).freed == 0


def test_old_leftovers_of_killed_process_are_removed(store: Store) -> None:
    folder = store.objects.folder
    whole = add(store, 1)
    orphan = add(store, 2)
    orphan.with_suffix(".idx").unlink()
    left = [folder / "pack" / "tmp_pack_x", folder / "ab" / "tmp_obj_y", orphan]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    compaction.sweep(folder)
    assert all(path.exists() for path in left)
    for path in (*left, whole):
        os.utime(path, (0, 0))
    compaction.sweep(folder)
    assert not any(path.exists() for path in left)
    assert whole.exists()
