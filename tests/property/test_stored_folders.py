"""Folders as trees: one encoding for each folder, however it came to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_tree, parse_tree
from git_datmo.model import SHA1, SHA256, ObjectFormat, Oid
from git_datmo.objects import layout, stored_names
from git_datmo.objects.layout import (
    NODE_MASK,
    NODE_MAX,
    NODE_MIN,
    PART_LIMIT,
    FolderEditor,
    Node,
    NodeKind,
    TreeChange,
    compare,
    decode_entry,
    encode_entry,
    find_name,
    find_path,
    find_paths,
    read_chunks,
    read_folder,
    write_chunks,
    write_folder,
)
from tests.support.folder_trees import Folder, as_node, read, write
from tests.support.strategies import Trees, formats, oids, safe_names

fewer = settings(max_examples=max(1, settings().max_examples // 3))


def files(form: ObjectFormat = SHA1) -> st.SearchStrategy[Node]:
    chunked = st.builds(
        Node, st.sampled_from([NodeKind.FILE, NodeKind.EXECUTABLE]), oids(form), st.just(True)
    )
    return (
        st.builds(
            Node, st.sampled_from([NodeKind.FILE, NodeKind.EXECUTABLE, NodeKind.LINK]), oids(form)
        )
        | chunked
    )


def folders(size: int = 6) -> st.SearchStrategy[Folder]:
    few = st.dictionaries(safe_names, files(), max_size=size)
    return st.recursive(
        few, lambda inner: st.dictionaries(safe_names, files() | inner, max_size=size), max_leaves=4
    )


@st.composite
def big_folders(draw: st.DrawFn) -> Folder:
    """Many files, about as many as fit one tree, and a few odd names among them."""
    count = draw(
        st.integers(PART_LIMIT - 8, PART_LIMIT + 8)
        | st.sampled_from([0, 700, 16 * PART_LIMIT + 20])
    )
    made: Folder = {
        b"%d.png" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"%d" % n)) for n in range(count)
    }
    return made | draw(st.dictionaries(safe_names, files(), max_size=4))


def flat(
    item: Node | Folder | None, path: tuple[bytes, ...] = ()
) -> Iterator[tuple[tuple[bytes, ...], Node | None]]:
    """Every path with its node, None for a folder."""
    if isinstance(item, dict):
        yield path, None
        for name, inner in item.items():
            yield from flat(inner, (*path, name))
    elif item is not None:
        yield path, item


@given(folders())
def test_folder_is_read_as_written(folder: Folder) -> None:
    trees = Trees()
    assert read(write(folder, trees), trees) == folder


@fewer
@given(big_folders())
def test_folder_of_any_size_is_read_as_written(folder: Folder) -> None:
    trees = Trees()
    oid = write(folder, trees)
    assert read(oid, trees) == folder
    assert all(
        len(list(parse_tree(content, SHA1))) <= PART_LIMIT for content in trees.stored.values()
    )


@given(folders(40), st.integers(1, 8))
def test_folder_is_split_to_any_depth(folder: Folder, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "PART_LIMIT", limit)
        trees = Trees()
        oid = write(folder, trees)
        assert read(oid, trees) == folder
        assert all(
            len(list(parse_tree(content, SHA1))) <= max(16, limit)
            for content in trees.stored.values()
        )


@given(st.dictionaries(safe_names, files(SHA256), max_size=40))
def test_folder_with_sha256_ids_is_read_as_written(folder: Folder) -> None:
    trees = Trees(SHA256)
    assert read(write(folder, trees), trees) == folder


@given(folders(), st.randoms(use_true_random=False), st.integers(2, 300))
def test_folder_has_one_id_for_every_order_of_names(
    folder: Folder, random: object, limit: int
) -> None:
    shuffled = list(folder.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "PART_LIMIT", limit)
        assert write(dict(shuffled), Trees()) == write(folder, Trees())


@given(folders(30), st.integers(1, 40), st.lists(safe_names, max_size=4))
def test_name_is_found_only_in_its_folder(folder: Folder, limit: int, others: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "PART_LIMIT", limit)
        trees = Trees()
        oid = write(folder, trees)
        for name in {*folder, *others}:
            expected = as_node(folder[name], trees) if name in folder else None
            assert find_name(oid, name, trees.read) == expected


@given(folders(), st.data())
def test_paths_are_found_together_as_one_by_one(folder: Folder, data: st.DataObject) -> None:
    trees = Trees()
    root = Node(NodeKind.FOLDER, write(folder, trees))
    known = [path for path, _ in flat(folder)]
    asked = data.draw(st.sets(st.sampled_from(known) | st.lists(safe_names, max_size=3).map(tuple)))
    expected = {
        path: found for path in asked if (found := find_path(root, path, trees.read)) is not None
    }
    assert dict(find_paths(root, sorted(asked), trees.read)) == expected


def test_name_in_large_folder_is_found_by_few_reads() -> None:
    trees = Trees()
    folder: Folder = {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"")) for n in range(20_000)}
    oid = write(folder, trees)
    assert find_name(oid, b"77", trees.read) is not None
    assert len(trees.reads) == 3


# Editing.


@st.composite
def changes(draw: st.DrawFn, known: Folder) -> TreeChange:
    """Changes at paths that are there, below them, beside them."""
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
    """What becomes of an item, said once more and plainly."""
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
        patch.setattr(layout, "PART_LIMIT", limit)
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
        patch.setattr(layout, "PART_LIMIT", limit)
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
    """The size of a payload is counted from this."""
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


# Comparing.


@given(folders(), st.data(), st.integers(1, 300), st.booleans())
def test_comparison_names_just_what_differs(
    folder: Folder, data: st.DataObject, limit: int, related: bool
) -> None:
    other = edited(folder, data.draw(changes(folder))) if related else data.draw(folders())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "PART_LIMIT", limit)
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


# Chunk trees.


@st.composite
def chunk_lists(draw: st.DrawFn) -> list[tuple[Oid, int]]:
    count = draw(
        st.integers(1, 40) | st.sampled_from([NODE_MIN, NODE_MAX - 1, NODE_MAX, NODE_MAX + 1, 3000])
    )
    seed = draw(st.integers(0, 999))
    ends = draw(st.sampled_from(["hashed", "never", "always"]))
    made = []
    for n in range(count):
        oid = SHA1.hash("blob", b"%d %d" % (seed, n))
        last = {"hashed": oid[-1], "never": 1, "always": 0x80}[ends]
        made.append((Oid(oid[:-1] + bytes([last])), 1 + (seed * n) % (1 << 20)))
    return made


@given(chunk_lists())
def test_chunks_are_read_in_the_order_in_which_they_were_written(
    chunks: list[tuple[Oid, int]],
) -> None:
    trees = Trees()
    root = write_chunks(chunks, trees.write)
    assert list(read_chunks(root, trees.read)) == [oid for oid, _ in chunks]
    assert all(
        1 <= len(list(parse_tree(content, SHA1))) <= NODE_MAX for content in trees.stored.values()
    )


@given(chunk_lists())
def test_names_in_a_chunk_tree_are_offsets_within_it(chunks: list[tuple[Oid, int]]) -> None:
    trees = Trees()
    sizes = dict(chunks)

    def check(oid: Oid) -> int:
        offset = 0
        for entry in parse_tree(trees.stored[oid], SHA1):
            assert entry.name == b"%016x" % offset
            offset += sizes[entry.oid] if entry.mode == BLOB else check(entry.oid)
        return offset

    assert check(write_chunks(chunks, trees.write)) == sum(size for _, size in chunks)


@settings(max_examples=4)
@given(st.integers(0, 99), st.integers(1, 5))
def test_chunks_put_in_front_change_few_trees(seed: int, more: int) -> None:
    rest = [(SHA1.hash("blob", b"%d %d" % (seed, n)), 1000) for n in range(20_000)]
    front = [(SHA1.hash("blob", b"front %d" % n), 777) for n in range(more)]
    before, after = Trees(), Trees()
    write_chunks(rest, before.write)
    write_chunks(front + rest, after.write)
    assert len(before.stored) > 60
    assert len(after.stored.keys() - before.stored.keys()) <= 8


def test_nodes_of_chunk_tree_end_at_boundaries_of_ids() -> None:
    chunks = [(SHA1.hash("blob", b"%d" % n), 10) for n in range(5_000)]
    trees = Trees()
    write_chunks(chunks, trees.write)
    leaves = [list(parse_tree(content, SHA1)) for content in trees.stored.values()]
    leaves = [leaf for leaf in leaves if leaf[0].mode == BLOB]
    for leaf in leaves:
        inside = [
            n
            for n, entry in enumerate(leaf[:-1], 1)
            if n >= NODE_MIN and entry.oid[-1] & NODE_MASK == 0
        ]
        assert inside == [], "a node goes on behind its end"
    last = chunks[-1][0]
    assert all(
        leaf[-1].oid[-1] & NODE_MASK == 0 or leaf[-1].oid == last or len(leaf) == NODE_MAX
        for leaf in leaves
    )


# One valid form.


@given(safe_names, files())
def test_entry_is_decoded_to_what_was_encoded(name: bytes, node: Node) -> None:
    assert decode_entry(encode_entry(name, node)) == (name, node)


@given(
    st.builds(lambda name, end: name + end, safe_names | st.just(b""), st.sampled_from([b"", *map(bytes, (
        stored_names.CHUNKED_FILE, stored_names.CHUNKED_EXECUTABLE, stored_names.PART, stored_names.ESCAPE,
    ))])),
    st.sampled_from(sorted(layout._KINDS)) | st.just(0o160000),
    oids(),
)  # fmt: skip
def test_entry_has_one_form_or_is_damaged(name: bytes, mode: int, oid: Oid) -> None:
    entry = TreeEntry(name, mode, oid)
    try:
        real, node = decode_entry(entry)
    except Damaged:
        return
    assert encode_entry(real, node) == entry


def flat_tree(count: int) -> Mapping[bytes, Node]:
    return {b"%d" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"")) for n in range(count)}


def parts_of(nodes: Mapping[bytes, Node], trees: Trees) -> list[TreeEntry]:
    """The entries of a folder split by the first digit, whatever its size."""
    groups: dict[str, dict[bytes, Node]] = {}
    for name, node in nodes.items():
        groups.setdefault(layout.digit_of(name, 0), {})[name] = node
    return [
        TreeEntry(d.encode() + stored_names.PART, TREE, write_folder(g, trees.write, 1))
        for d, g in sorted(groups.items())
    ]


def strange_folders() -> Iterator[tuple[str, Callable[[Trees], bytes]]]:
    """Trees that a reader must refuse, each by what makes it strange."""
    blob = SHA1.hash("blob", b"")
    parts = partial(parts_of, flat_tree(600))

    yield (
        "a name in the wrong part",
        lambda trees: encode_tree(
            TreeEntry(one.name, TREE, other.oid)
            for one, other in zip(parts(trees), reversed(parts(trees)), strict=True)
        ),
    )
    yield "a part twice", lambda trees: encode_tree([*parts(trees), parts(trees)[0]])
    yield (
        "a part behind a file",
        lambda trees: encode_tree([*parts(trees), TreeEntry(b"+", BLOB, blob)]),
    )
    yield (
        "a part before a file",
        lambda trees: encode_tree([*parts(trees), TreeEntry(b"zebra", BLOB, blob)]),
    )
    yield (
        "a part that is a file",
        lambda _: encode_tree([TreeEntry(b"0" + stored_names.PART, BLOB, blob)]),
    )
    yield (
        "a part of no digit",
        lambda trees: encode_tree([TreeEntry(b"g" + stored_names.PART, TREE, trees.write(b""))]),
    )
    yield (
        "a part of an upper case digit",
        lambda trees: encode_tree(
            TreeEntry(part.name[:1].upper() + part.name[1:], TREE, part.oid)
            for part in parts(trees)
        ),
    )
    yield (
        "a name twice",
        lambda _: encode_tree([TreeEntry(b"a", BLOB, blob), TreeEntry(b"a", BLOB, blob)]),
    )
    yield (
        "a file and a folder of one name",
        lambda trees: encode_tree(
            [TreeEntry(b"a", BLOB, blob), TreeEntry(b"a", TREE, trees.write(b""))]
        ),
    )
    yield (
        "a file whole and in chunks",
        lambda trees: encode_tree(
            [
                TreeEntry(b"a", BLOB, blob),
                TreeEntry(b"a" + stored_names.CHUNKED_FILE, TREE, trees.write(b"")),
            ]
        ),
    )
    yield "a gitlink", lambda _: encode_tree([TreeEntry(b"a", 0o160000, blob)])
    yield (
        "chunks that are a file",
        lambda _: encode_tree([TreeEntry(b"a" + stored_names.CHUNKED_FILE, BLOB, blob)]),
    )
    yield "a name not escaped", lambda _: encode_tree([TreeEntry(b".gitmodules", BLOB, blob)])
    yield (
        "a name escaped for nothing",
        lambda _: encode_tree([TreeEntry(b"a" + stored_names.ESCAPE, BLOB, blob)]),
    )
    yield (
        "a name that leads out",
        lambda trees: encode_tree([TreeEntry(b"..", TREE, trees.write(b""))]),
    )


@pytest.mark.parametrize("make", [pytest.param(make, id=what) for what, make in strange_folders()])
def test_folder_in_another_form_is_damaged(make: Callable[[Trees], bytes]) -> None:
    trees = Trees()
    content = make(trees)
    with pytest.raises(Damaged):
        list(read_folder(trees.write(content), trees.read))


OFFSET = b"%016x" % 0
BLOB_ID = SHA1.hash("blob", b"")


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(TreeEntry(b"0", BLOB, BLOB_ID), id="a short name"),
        pytest.param(TreeEntry(b"z" * 16, BLOB, BLOB_ID), id="a name that is no number"),
        pytest.param(TreeEntry(b"+000000000000000", BLOB, BLOB_ID), id="a sign"),
        pytest.param(TreeEntry(OFFSET, 0o100755, BLOB_ID), id="an executable"),
        pytest.param(TreeEntry(OFFSET, 0o120000, BLOB_ID), id="a link"),
    ],
)
def test_chunk_tree_in_another_form_is_damaged(entry: TreeEntry) -> None:
    trees = Trees()
    with pytest.raises(Damaged):
        list(read_chunks(trees.write(encode_tree([entry])), trees.read))


@given(formats, st.data())
def test_invalid_tree_raises_damaged(form: ObjectFormat, data: st.DataObject) -> None:
    """Any entries at all, and those of folders and chunk trees mixed."""
    trees = Trees(form)
    name = safe_names | st.sampled_from(
        [b"0.datmo-part", b"f.datmo-part", b"0" * 16, b"a.datmo-file", b"a.datmo-name"]
    )
    inner = trees.write(
        encode_tree(
            data.draw(st.lists(st.builds(TreeEntry, name, st.just(BLOB), oids(form)), max_size=4))
        )
    )
    entries = data.draw(
        st.lists(
            st.builds(
                TreeEntry, name, st.sampled_from([BLOB, TREE, 0o100755, 0o120000]), st.just(inner)
            ),
            max_size=5,
        )
    )
    outer = trees.write(encode_tree(entries))
    for reader in (read_folder, read_chunks):
        with suppress(Damaged):
            list(reader(outer, trees.read))
