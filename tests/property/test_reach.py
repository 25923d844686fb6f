"""Test which objects are alive and kept in a store, against an oracle that reads everything."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.git.command import Git
from git_datmo.git.deflate import deflate
from git_datmo.git.object_database import loose_path, write_loose
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_tree
from git_datmo.git.pack_writer import PackWriter, make_entry
from git_datmo.model import SHA1, Oid
from git_datmo.objects import compaction
from git_datmo.objects.disk_usage import weigh
from git_datmo.objects.reachability import NeededObjects, all_but, reach
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store

# Each example starts git.
fewer = settings(max_examples=max(1, settings().max_examples // 2))


@dataclass(frozen=True)
class Web:
    """Hold objects that may name earlier ones, the packs that contain them (-1 for loose), and the
    roots."""

    objects: dict[Oid, tuple[str, bytes]]
    names: dict[Oid, tuple[Oid, ...]]
    packs: tuple[frozenset[Oid], ...]
    loose: frozenset[Oid]
    roots: frozenset[Oid]
    others: frozenset[Oid]

    @property
    def here(self) -> frozenset[Oid]:
        return self.loose.union(*self.packs)

    def closure(self, roots: frozenset[Oid]) -> frozenset[Oid]:
        """Return every object that is reachable through present objects."""
        found: frozenset[Oid] = frozenset()
        while True:
            more = frozenset(n for oid in found for n in self.names[oid]) | roots
            if more & self.here <= found:
                return found
            found |= more & self.here


@st.composite
def webs(draw: st.DrawFn) -> Web:
    objects: dict[Oid, tuple[str, bytes]] = {}
    names: dict[Oid, tuple[Oid, ...]] = {}
    for number in range(draw(st.integers(1, 12))):
        below = draw(st.lists(st.sampled_from(sorted(objects)), max_size=4)) if objects else []
        # A tree may lie about what an entry is.
        entries = [
            TreeEntry(b"%d" % place, draw(st.sampled_from([BLOB, TREE])), oid)
            for place, oid in enumerate(below)
        ]
        kind, content = ("tree", encode_tree(entries)) if below else ("blob", b"%d " % number * 50)
        oid = SHA1.hash(kind, content)
        objects[oid], names[oid] = (kind, content), tuple(below)
    some = st.frozensets(st.sampled_from(sorted(objects)))
    packs = tuple(pack for pack in draw(st.lists(some, max_size=4)) if pack)
    return Web(objects, names, packs, draw(some), draw(some), draw(some))


def lay(web: Web, folder: Path) -> Store:
    git = Git({**os.environ, "GIT_CONFIG_NOSYSTEM": "1"})
    create_store(git, folder / "store.git", SHA1)
    for pack in web.packs:
        with PackWriter(folder / "store.git" / "objects" / "pack", SHA1) as writer:
            for oid in sorted(pack):
                kind, content = web.objects[oid]
                writer.add(make_entry(oid, kind, len(content), deflate(content)))
            writer.finish()
    for oid in web.loose:
        write_loose(folder / "store.git" / "objects", SHA1, *web.objects[oid])
    return Store(git, folder / "store.git", SHA1)


def left(store: Store, web: Web) -> frozenset[Oid]:
    """Return the objects that the store still has, with their content."""
    found = {oid: store.objects.find(oid) for oid in web.objects}
    assert all(what in (None, web.objects[oid]) for oid, what in found.items())
    return frozenset(oid for oid, what in found.items() if what is not None)


@fewer
@given(webs(), st.sampled_from([0, compaction.WORTH]))
def test_needed_objects_are_kept(web: Web, worth: float) -> None:
    with tempfile.TemporaryDirectory() as folder, lay(web, Path(folder)) as store:
        marks = reach(store.objects, web.roots, NeededObjects(store.objects))
        compaction.carry_out(store, compaction.plan(store.objects, marks, worth=worth))
        alive = web.closure(web.roots)
        assert alive <= left(store, web) <= web.here
        if not worth:
            assert left(store, web) == alive
            assert len(list(store.objects)) + len(list(store.objects.loose())) == len(alive)


@fewer
@given(webs())
def test_blobs_go_that_one_side_leads_to_and_the_other_does_not(web: Web) -> None:
    with tempfile.TemporaryDirectory() as folder, lay(web, Path(folder)) as store:
        gone = reach(store.objects, web.roots, NeededObjects(store.objects))
        kept = reach(store.objects, web.others, NeededObjects(store.objects))
        marks = all_but(store.objects, gone, kept)
        compaction.carry_out(store, compaction.plan(store.objects, marks, worth=0))
        spare = web.closure(web.roots) - web.closure(web.others)
        assert left(store, web) == web.here - {
            oid for oid in spare if web.objects[oid][0] == "blob"
        }


@fewer
@given(webs(), st.lists(st.integers(0, 11), max_size=6))
def test_object_is_counted_once_for_its_only_owner(web: Web, picked: list[int]) -> None:
    known = sorted(web.objects)
    groups = {
        "one": web.roots,
        "two": web.others,
        "three": frozenset(known[n % len(known)] for n in picked),
    }
    with tempfile.TemporaryDirectory() as folder, lay(web, Path(folder)) as store:
        found, other = weigh(store.objects, groups, {"all": web.roots | web.others})
        assert other == weigh(store.objects, {"all": web.roots | web.others})[0]
        closures = {name: web.closure(roots) for name, roots in groups.items()}
        owners = {
            oid: [name for name, closure in closures.items() if oid in closure] for oid in web.here
        }
        sizes = {oid: min(copy_sizes(store, oid)) for oid in web.here}
        for name, own in found.own.items():
            mine = {oid for oid, whose in owners.items() if whose == [name]}
            assert sum(sizes[oid] for oid in mine) == own
        assert found.shared == sum(sizes[oid] for oid, whose in owners.items() if len(whose) > 1)


def copy_sizes(store: Store, oid: Oid) -> list[int]:
    """Return the sizes of an object's copies in packs, or of the loose object where none is
    packed."""
    lengths = [
        {place: length for place, _, length in pack.entries()} for pack in store.objects.packs()
    ]
    packed = [
        by_place[place]
        for pack, by_place in zip(store.objects.packs(), lengths, strict=True)
        if (place := pack.index_of(oid)) is not None
    ]
    return packed or [loose_path(store.objects.folder, oid).stat().st_size]
