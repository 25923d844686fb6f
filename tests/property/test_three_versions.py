"""Test three-way merges of folders against a simple merge of dictionaries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model import SHA1
from git_datmo.objects import stored_folders, three_way_merge
from git_datmo.objects.stored_folders import PART_LIMIT
from git_datmo.objects.three_way_merge import MergeConflict, Merger
from git_datmo.objects.tree_nodes import Node, NodeKind
from tests.support.folder_trees import Folder, as_node, read
from tests.support.strategies import Trees

Item = Node | Folder
Path = tuple[bytes, ...]

some_names = st.sampled_from([b"a", b"b", b"c", b"d", b".gitmodules", b"a.datmo-file"])
some_files = st.sampled_from([Node(NodeKind.FILE, SHA1.hash("blob", b"%d" % n)) for n in range(3)])
some_folders: st.SearchStrategy[Folder] = st.recursive(
    st.dictionaries(some_names, some_files, max_size=4),
    lambda inner: st.dictionaries(some_names, some_files | inner, max_size=4),
    max_leaves=4,
)


def united(
    base: Item | None, ours: Item | None, theirs: Item | None, path: Path = ()
) -> tuple[Item | None, set[Path]]:
    """Return the merge, computed in a simple way."""
    if theirs in (ours, base):
        return ours, set()
    if ours == base:
        return theirs, set()
    both = isinstance(ours, dict) and isinstance(theirs, dict)
    gone = (
        isinstance(base, dict)
        and None in (ours, theirs)
        and (isinstance(ours, dict) or isinstance(theirs, dict))
    )
    if not both and not gone:
        return ours, {path}
    was, mine, other = (side if isinstance(side, dict) else {} for side in (base, ours, theirs))
    made: Folder = {}
    conflicts: set[Path] = set()
    for name in {*was, *mine, *other}:
        item, more = united(was.get(name), mine.get(name), other.get(name), (*path, name))
        conflicts |= more
        if item is not None:
            made[name] = item
    return (made if made or both else None), conflicts


def merged(
    base: Item | None, ours: Item | None, theirs: Item | None
) -> tuple[Item | None, list[MergeConflict]]:
    """Return the merger's result, after checking that it has the one encoding of the folder."""
    trees = Trees()
    sides = [as_node(side, trees) if side is not None else None for side in (base, ours, theirs)]
    merger = Merger(trees.read, trees.write, SHA1)
    node = merger.merge(*sides)
    item = read(node.oid, trees) if node is not None and node.kind is NodeKind.FOLDER else node
    assert node == (as_node(item, Trees()) if item is not None else None)
    return item, merger.conflicts


def limited(limit: int) -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(stored_folders, "PART_LIMIT", limit)
    patch.setattr(three_way_merge, "PART_LIMIT", limit)
    return patch


items = some_folders | some_files | st.none()


@given(items, items, items, st.integers(1, 8))
def test_merge_of_folders_equals_merge_of_dictionaries(
    base: Item | None, ours: Item | None, theirs: Item | None, limit: int
) -> None:
    patch = limited(limit)
    try:
        item, conflicts = merged(base, ours, theirs)
    finally:
        patch.undo()
    assert (item, {conflict.path for conflict in conflicts}) == united(base, ours, theirs)
    assert len(conflicts) == len({conflict.path for conflict in conflicts})


@given(items, items)
def test_merge_with_unchanged_side_is_the_other_side(base: Item | None, side: Item | None) -> None:
    assert merged(base, base, side) == (side, [])
    assert merged(base, side, base) == (side, [])
    assert merged(base, side, side) == (side, [])


@given(some_folders, some_folders, some_folders)
def test_swapped_sides_change_only_conflicts(base: Folder, ours: Folder, theirs: Folder) -> None:
    one, conflicts = merged(base, ours, theirs)
    other, swapped = merged(base, theirs, ours)
    assert {c.path: (c.ours, c.theirs) for c in conflicts} == {
        c.path: (c.theirs, c.ours) for c in swapped
    }
    if not conflicts:
        assert one == other


@given(some_folders, some_folders, some_folders)
def test_conflicts_are_paths_with_different_changes(
    base: Folder, ours: Folder, theirs: Folder
) -> None:
    before, mine, other = (dict(leaves(side)) for side in (base, ours, theirs))
    clashing = {
        path
        for path in {*before, *mine, *other}
        if mine.get(path) != before.get(path)
        and other.get(path) != before.get(path)
        and mine.get(path) != other.get(path)
    }
    _, conflicts = merged(base, ours, theirs)
    told = {conflict.path for conflict in conflicts}
    for path in clashing:
        assert any(path[: len(each)] == each for each in told), path
    for each in told:
        kinds = {type(at(side, each)) for side in (ours, theirs)}
        assert each in clashing or kinds != {Node}


def leaves(item: Item, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    if isinstance(item, dict):
        for name, inner in item.items():
            yield from leaves(inner, (*path, name))
    else:
        yield path, item


def at(item: Item | None, path: Path) -> Item | None:
    for name in path:
        item = item.get(name) if isinstance(item, dict) else None
    return item


def numbered(count: int, text: bytes = b"") -> Folder:
    return {
        b"%d.png" % n: Node(NodeKind.FILE, SHA1.hash("blob", text + b"%d" % n))
        for n in range(count)
    }


@pytest.mark.parametrize("count", [10, PART_LIMIT - 3, PART_LIMIT, 5_000])
def test_merge_of_folder_reads_only_differences(count: int) -> None:
    base = numbered(count)
    ours, theirs = dict(base), dict(base)
    ours |= {b"mine%d" % n: Node(NodeKind.LINK, SHA1.hash("blob", b"x")) for n in range(5)}
    theirs |= {b"theirs%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"x")) for n in range(5)}
    del theirs[b"7.png"]
    ours[b"8.png"] = theirs[b"8.png"] = Node(NodeKind.EXECUTABLE, SHA1.hash("blob", b"8"))
    expected, told = united(base, ours, theirs)
    assert merged(base, ours, theirs) == (expected, [])
    assert not told
    trees = Trees()
    sides = [as_node(side, trees) for side in (base, ours, theirs)]
    stored = len(trees.stored)
    Merger(trees.read, trees.write, SHA1).merge(*sides)
    assert len(set(trees.reads)) < max(60, stored // 3)


def test_merge_splits_and_joins_folder_at_limit() -> None:
    base = numbered(PART_LIMIT + 4)
    ours = {name: node for name, node in base.items() if name not in (b"1.png", b"2.png")}
    theirs = {name: node for name, node in base.items() if name not in (b"3.png", b"4.png")}
    item, _ = merged(base, ours, theirs)
    assert isinstance(item, dict)
    assert len(item) == PART_LIMIT
    small = numbered(PART_LIMIT - 4)
    more = [
        small | {b"%s%d" % (who, n): Node(NodeKind.FILE, SHA1.hash("blob", b"")) for n in range(4)}
        for who in (b"a", b"b")
    ]
    item, _ = merged(small, *more)
    assert isinstance(item, dict)
    assert len(item) == PART_LIMIT + 4
