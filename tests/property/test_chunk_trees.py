"""Test that trees of chunks are read as written, and have one form."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, TreeEntry, encode_tree, parse_tree
from git_datmo.model import SHA1, Oid
from git_datmo.objects.chunk_trees import NODE_MASK, NODE_MAX, NODE_MIN, read_chunks, write_chunks
from tests.support.strategies import Trees


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
