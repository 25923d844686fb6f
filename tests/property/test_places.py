"""Test that a store returns every object unchanged, and is complete after each step."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.backends.folder_backend import FolderFiles
from git_datmo.backends.lfs_listing import Pointer, list_refs
from git_datmo.backends.pack_backend import PackBackend
from git_datmo.backends.pack_directory import Directory
from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.object_database import write_loose
from git_datmo.git.object_encoding import BLOB, GITLINK, TREE, TreeEntry, encode_tree
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackEntry, PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, ObjectFormat, Oid
from git_datmo.objects.missing_elsewhere import Outgoing
from git_datmo.progress import QUIET
from tests.support.strategies import formats

contents = st.lists(
    st.binary(max_size=64) | st.binary(min_size=60, max_size=64).map(lambda b: b * 400), max_size=12
)


def entry(content: bytes, form: ObjectFormat) -> PackEntry:
    return make_entry(form.hash("blob", content), "blob", len(content), deflate(content))


def place_at(top: Path, form: ObjectFormat, cache: str) -> PackBackend:
    (top / "place").mkdir(exist_ok=True)
    place = PackBackend(FolderFiles(top / "place", form.name), form, top / cache)
    place.refresh()
    return place


@settings(max_examples=30)
@given(formats, st.lists(contents, max_size=3), st.data())
def test_objects_put_into_store_are_fetched_equal(
    form: ObjectFormat, puts: list[list[bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top, every = Path(folder), {}
        with closing(place_at(top, form, "giver")) as giver:
            for each in puts:
                entries = {form.hash("blob", content): entry(content, form) for content in each}
                giver.put(entries.values(), sum(e.length for e in entries.values()), QUIET)
                giver.refresh()
                every |= entries
        with closing(place_at(top, form, "taker")) as taker:
            assert all(oid in taker for oid in every)
            absent = form.hash("blob", b"nobody put this")
            assert absent not in taker
            wanted = data.draw(st.sets(st.sampled_from(sorted(every)))) if every else set()
            got = {e.oid: b"".join(e.parts) for e in taker.fetch([*wanted, absent], QUIET)}
            assert got == {oid: b"".join(every[oid].parts) for oid in wanted}


@settings(max_examples=30)
@given(formats, st.data())
def test_flipped_bit_is_never_taken(form: ObjectFormat, data: st.DataObject) -> None:
    """Check that damage in a pack is reported, and that a pack with a damaged index counts as
    absent."""
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        with closing(place_at(top, form, "giver")) as giver:
            entries = [entry(b"%d" % number * 200, form) for number in range(3)]
            giver.put(entries, 0, QUIET)
        ending = data.draw(st.sampled_from(["pack", "idx"]))
        (path,) = (top / "place" / form.name).glob(f"*.{ending}")
        raw = bytearray(path.read_bytes())
        first, last = (12, len(raw) - form.size) if ending == "pack" else (1032, len(raw))
        at = data.draw(st.integers(first, last - 1))
        raw[at] ^= 1 << data.draw(st.integers(0, 7))
        path.chmod(0o644)
        path.write_bytes(raw)
        with closing(place_at(top, form, "taker")) as taker:
            if ending == "idx":
                assert entries[0].oid not in taker
            else:
                with pytest.raises(Damaged, match="near byte"):
                    list(taker.fetch([each.oid for each in entries], QUIET))


@given(st.lists(st.sets(st.integers(0, 3), min_size=1), min_size=1, max_size=4), st.integers(0, 3))
def test_ids_with_common_prefix_are_distinguished(packs: list[set[int]], wanted: int) -> None:
    """Keep eight bytes of each id, less those of the pack's number; the index decides the rest."""
    with tempfile.TemporaryDirectory() as folder:
        found = []
        for number, members in enumerate(packs):
            with PackWriter(Path(folder) / str(number), SHA1) as writer:
                for member in sorted(members):
                    made = entry(b"%d" % member, SHA1)
                    writer.add(
                        PackEntry(
                            Oid(bytes(19) + bytes([member])), made.parts, made.length, made.crc
                        )
                    )
                path = writer.finish()
            assert path is not None
            found.append(Pack(path.with_suffix(".idx"), SHA1))
        directory, oid = Directory(found), bytes(19) + bytes([wanted])
        assert [pack for pack, _ in directory.find(oid)] == [
            p for p, m in zip(found, packs, strict=True) if wanted in m
        ]
        assert all(pack.oid_at(place) == oid for pack, place in directory.find(oid))
        assert list(directory.find(b"\1" + bytes(19))) == []
        for pack in found:
            pack.close()


@settings(max_examples=30)
@given(st.data())
def test_objects_are_sent_after_those_that_they_name(data: st.DataObject) -> None:
    """Check also a tree that takes a tree for a blob, and a commit that nobody has; present objects
    are not sent."""
    with tempfile.TemporaryDirectory() as folder:
        names: dict[Oid, set[Oid]] = {}
        for number in range(data.draw(st.integers(1, 10))):
            below = data.draw(st.lists(st.sampled_from(sorted(names)), max_size=4)) if names else []
            modes = [data.draw(st.sampled_from([BLOB, TREE])) for _ in below]
            entries = [
                TreeEntry(b"%d" % at, mode, oid)
                for at, (mode, oid) in enumerate(zip(modes, below, strict=True))
            ]
            link = [TreeEntry(b"link", GITLINK, Oid(b"\7" * 20))] if below else []
            kind, content = (
                ("tree", encode_tree(entries + link)) if below else ("blob", b"%d" % number)
            )
            names[write_loose(Path(folder), SHA1, kind, content)] = set(below)
        roots = data.draw(st.sets(st.sampled_from(sorted(names))))
        there = closure(names, data.draw(st.sets(st.sampled_from(sorted(names)))))
        with closing(PackedObjects(Path(folder), SHA1)) as objects:
            outgoing = Outgoing(objects, there)
            for root in roots:
                outgoing.add(root)
            order = [each.oid for each in outgoing.entries()]
        assert not outgoing.missing
        assert len(order) == len(set(order))
        assert set(order) == closure(names, roots) - there
        for at, oid in enumerate(order):
            assert names[oid] <= there.union(order[:at])


def closure(names: dict[Oid, set[Oid]], roots: set[Oid]) -> set[Oid]:
    found, more = set[Oid](), set(roots)
    while more:
        found |= more
        more = set().union(*(names[oid] for oid in more)) - found
    return found


def test_addresses_of_one_server_name_one_list() -> None:
    assert list_refs("https://Ann@Host.example/team/data/") == list_refs(
        "http://host.example/team/data"
    )
    assert list_refs("https://host.example/team/data") != list_refs(
        "https://host.example/team/other"
    )
    pointer = Pointer("ab" * 32, 5).encode()
    assert (
        pointer
        == b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"ab" * 32 + b"\nsize 5\n"
    )
