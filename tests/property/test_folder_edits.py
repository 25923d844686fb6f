"""Test edits and comparisons of folders against folders written anew."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.model import SHA1
from git_datmo.objects import stored_folders
from git_datmo.objects.folder_editor import FolderEditor, TreeChange
from git_datmo.objects.stored_folders import PART_LIMIT
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind
from tests.support.folder_trees import Folder, as_node, fewer, files, flat, folders, read, write
from tests.support.strategies import Trees, safe_names


@st.composite
def changes(draw: st.DrawFn, known: Folder) -> TreeChange:
    """Draw changes at existing paths, below them, and beside them."""
    paths = [path for path, _ in flat(known) if path]
    near = st.sampled_from(paths) if paths else st.just(())
    path = st.builds(
        lambda start, rest: (*start, *rest), near | st.just(()), st.lists(safe_names, max_size=2)
    ).filter(bool)
    root = TreeChange()
    empty = Node(NodeKind.FOLDER, SHA1.hash("tree", b""))
    for at in (
        draw(st.lists(path | near.filter(bool), max_size=8))
        if paths
        else draw(st.lists(path, max_size=4))
    ):
        change = root.at(at)
        if draw(st.booleans()):
            change.removed = True
        else:
            change.node = draw(files() | st.just(empty))
    return root


def edited(item: Node | Folder | None, change: TreeChange) -> Node | Folder | None:
    """Return the edited item, computed in another way."""
    if change.below:
        inner = dict(item) if isinstance(item, dict) else {}
        for name, below in change.below.items():
            after = edited(inner.pop(name, None), below)
            if after is not None:
                inner[name] = after
        if inner:
            return inner
        return _given(change)
    return _given(change) if change.removed or change.node is not None else item


def _given(change: TreeChange) -> Node | Folder | None:
    if change.node is not None and change.node.kind is NodeKind.FOLDER:
        return {}
    return change.node


def check_edit(folder: Folder, root: TreeChange) -> None:
    trees = Trees()
    before = write(folder, trees)
    expected = edited(folder, root) if root.below else folder
    assert expected is None or isinstance(expected, dict)
    editor = FolderEditor(trees.read, trees.write, SHA1)
    oid, empty = editor.edit(before, root.below)
    assert read(oid, trees) == (expected or {})
    assert oid == write(expected or {}, Trees())
    assert empty == (not expected)


@given(st.data(), folders(), st.integers(1, 300))
def test_edited_folder_equals_rewritten_folder(
    data: st.DataObject, folder: Folder, limit: int
) -> None:
    root = data.draw(changes(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_folders, "PART_LIMIT", limit)
        check_edit(folder, root)


@given(st.data(), st.integers(1, 6), st.integers(0, 60), st.integers(0, 60))
def test_folder_that_grows_or_shrinks_is_split_or_joined(
    data: st.DataObject, limit: int, before: int, after: int
) -> None:
    old: Folder = {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"old")) for n in range(before)}
    new: Folder = {
        b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"new"))
        for n in data.draw(st.permutations(range(after)))
    }
    root = TreeChange(below={name: TreeChange(removed=True) for name in old.keys() - new.keys()})
    for name, node in new.items():
        assert isinstance(node, Node)
        root.below[name] = TreeChange(node=node)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_folders, "PART_LIMIT", limit)
        check_edit(old, root)
        trees = Trees()
        found = compare(as_node(old, trees), as_node(new, trees), trees.read)
        assert {difference.path for difference in found} == {
            (name,) for name in old.keys() | new.keys()
        }


@fewer
@given(st.integers(PART_LIMIT - 4, PART_LIMIT + 6), st.integers(-10, 10))
def test_folder_edited_around_limit_equals_rewritten_folder(count: int, more: int) -> None:
    folder: Folder = {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"")) for n in range(count)}
    root = TreeChange()
    for n in range(count - max(-more, 0), count + max(more, 0)):
        if more < 0:
            root.at([b"%d" % n]).removed = True
        else:
            root.at([b"%d" % n]).node = Node(NodeKind.LINK, SHA1.hash("blob", b"x"))
    check_edit(folder, root)


@pytest.mark.parametrize(
    ("before", "after"), [(10_000, 10_001), (3_500, 4_300), (4_300, 3_500), (5_000, 100)]
)
def test_folder_of_thousands_is_edited_and_compared(before: int, after: int) -> None:
    """Split twice over: parts of parts come and go."""
    old: Folder = {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"old")) for n in range(before)}
    new = {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"old")) for n in range(after)}
    root = TreeChange(below={name: TreeChange(removed=True) for name in old.keys() - new.keys()})
    root.below |= {name: TreeChange(node=new[name]) for name in new.keys() - old.keys()}
    trees = Trees()
    found = compare(as_node(old, trees), as_node(dict(new), trees), trees.read)
    assert {difference.path for difference in found} == {
        (name,) for name in old.keys() ^ new.keys()
    }
    check_edit(old, root)


@given(st.data(), folders())
def test_replaced_files_of_a_change_are_all_named(data: st.DataObject, folder: Folder) -> None:
    """Check the replaced files, from which the size of a payload is computed."""
    root = data.draw(changes(folder))
    trees = Trees()
    editor = FolderEditor(trees.read, trees.write, SHA1)
    editor.edit(write(folder, trees), root.below)
    touched = {path for path, _ in touched_paths(root)}
    hit = [node for path, node in flat(folder) if node is not None and path in touched]
    assert sorted(map(repr, editor.replaced)) == sorted(map(repr, hit))


def touched_paths(
    change: TreeChange, path: tuple[bytes, ...] = ()
) -> Iterator[tuple[tuple[bytes, ...], TreeChange]]:
    for name, below in change.below.items():
        if below.removed or below.node or below.below:
            yield (*path, name), below
        yield from touched_paths(below, (*path, name))


def test_edit_reads_only_what_leads_to_it() -> None:
    trees = Trees()
    folder: Folder = {
        b"%d" % n: {b"%d" % m: Node(NodeKind.FILE, SHA1.hash("blob", b"")) for m in range(3)}
        for n in range(2000)
    }
    oid = write(folder, trees)
    trees.reads.clear()
    root = TreeChange()
    root.at([b"77", b"new"]).node = Node(NodeKind.FILE, SHA1.hash("blob", b"new"))
    FolderEditor(trees.read, trees.write, SHA1).edit(oid, root.below)
    assert len(trees.reads) <= 2 + 16 + 1


@given(folders(), st.data(), st.integers(1, 300), st.booleans())
def test_comparison_names_just_what_differs(
    folder: Folder, data: st.DataObject, limit: int, related: bool
) -> None:
    other = edited(folder, data.draw(changes(folder))) if related else data.draw(folders())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_folders, "PART_LIMIT", limit)
        trees = Trees()
        old, new = as_node(folder, trees), None if other is None else as_node(other, trees)
        found = list(compare(old, new, trees.read))
    was, now = dict(flat(folder)), dict(flat(other))
    differing = {
        p for p in was.keys() | now.keys() if (p in was, was.get(p)) != (p in now, now.get(p))
    }
    assert {difference.path for difference in found} == differing
    assert len(found) == len(differing)
    for difference in found:
        for node, side in ((difference.old, was), (difference.new, now)):
            assert (node is not None) == (difference.path in side)
            assert plainly(node) == side.get(difference.path)
    order = [difference.path for difference in found]
    for place, path in enumerate(order):
        before = order[:place]
        if path in now and now[path] is None:
            assert not any(inner[: len(path)] == path for inner in before), (
                "a folder that comes stands first"
            )
        elif path in was and was[path] is None:
            assert not any(inner[: len(path)] == path for inner in order[place + 1 :]), (
                "one that goes stands behind"
            )


def plainly(node: Node | None) -> Node | None:
    return None if node is not None and node.kind is NodeKind.FOLDER else node


@given(folders())
def test_folder_does_not_differ_from_itself_and_is_not_read(folder: Folder) -> None:
    trees = Trees()
    node = as_node(folder, trees)
    assert list(compare(node, node, trees.read)) == []
    assert trees.reads == []
