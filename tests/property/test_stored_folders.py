"""Test that a folder has one encoding, however it came to be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_tree, parse_tree
from git_datmo.model import SHA1, SHA256, ObjectFormat, Oid
from git_datmo.objects import stored_folders, stored_names, tree_nodes
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.stored_folders import (
    PART_LIMIT,
    find_name,
    find_path,
    find_paths,
    read_folder,
    write_folder,
)
from git_datmo.objects.tree_nodes import Node, NodeKind, decode_entry, encode_entry
from tests.support.folder_trees import Folder, as_node, fewer, files, flat, folders, read, write
from tests.support.strategies import Trees, formats, oids, safe_names


@st.composite
def big_folders(draw: st.DrawFn) -> Folder:
    """Draw about as many files as fit one tree, and a few odd names among them."""
    count = draw(
        st.integers(PART_LIMIT - 8, PART_LIMIT + 8)
        | st.sampled_from([0, 700, 16 * PART_LIMIT + 20])
    )
    made: Folder = {
        b"%d.png" % n: Node(NodeKind.FILE, SHA1.hash("blob", b"%d" % n)) for n in range(count)
    }
    return made | draw(st.dictionaries(safe_names, files(), max_size=4))


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
        patch.setattr(stored_folders, "PART_LIMIT", limit)
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
        patch.setattr(stored_folders, "PART_LIMIT", limit)
        assert write(dict(shuffled), Trees()) == write(folder, Trees())


@given(folders(30), st.integers(1, 40), st.lists(safe_names, max_size=4))
def test_name_is_found_only_in_its_folder(folder: Folder, limit: int, others: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_folders, "PART_LIMIT", limit)
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


@given(safe_names, files())
def test_entry_is_decoded_to_what_was_encoded(name: bytes, node: Node) -> None:
    assert decode_entry(encode_entry(name, node)) == (name, node)


@given(
    st.builds(lambda name, end: name + end, safe_names | st.just(b""), st.sampled_from([b"", *map(bytes, (
        stored_names.CHUNKED_FILE, stored_names.CHUNKED_EXECUTABLE, stored_names.PART, stored_names.ESCAPE,
    ))])),
    st.sampled_from(sorted(tree_nodes._KINDS)) | st.just(0o160000),
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
    """Return the entries of a folder split by the first digit, whatever its size."""
    groups: dict[str, dict[bytes, Node]] = {}
    for name, node in nodes.items():
        groups.setdefault(stored_folders.digit_of(name, 0), {})[name] = node
    return [
        TreeEntry(d.encode() + stored_names.PART, TREE, write_folder(g, trees.write, 1))
        for d, g in sorted(groups.items())
    ]


def strange_folders() -> Iterator[tuple[str, Callable[[Trees], bytes]]]:
    """Yield trees that a reader must refuse, each with the reason."""
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


@given(formats, st.data())
def test_invalid_tree_raises_damaged(form: ObjectFormat, data: st.DataObject) -> None:
    """Draw arbitrary entries, and mixtures of those of folders and chunk trees."""
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
