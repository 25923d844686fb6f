"""Test the encoding of trees and commits against git."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import (
    MODES,
    TREE,
    TreeEntry,
    commit_parents,
    commit_tree,
    encode_commit,
    encode_tree,
    parse_tree,
)
from git_datmo.model import FORMATS, SHA1, ObjectFormat, Oid
from tests.support.shell import DATE, Shell
from tests.support.strategies import bare, formats, oids, raw_names, safe_names

SECONDS = 1_714_564_800


@pytest.fixture(scope="module", params=sorted(FORMATS))
def repo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Shell, ObjectFormat]:
    form = FORMATS[request.param]
    return bare(tmp_path_factory.mktemp("objects"), form), form


def entries(
    form: ObjectFormat, names: st.SearchStrategy[bytes] = safe_names
) -> st.SearchStrategy[list[TreeEntry]]:
    return st.lists(
        st.builds(TreeEntry, names, st.sampled_from(sorted(MODES)), oids(form)),
        max_size=8,
        unique_by=lambda e: e.name,
    )


# Names of which one begins another: where a folder's name sorts as if a slash ended it.
beginnings = st.builds(
    lambda end: b"a" + end, st.sampled_from([b"", b".", b"-", b"0", b".b", b"a", b"\xff", b"!"])
)


@given(data=st.data())
def test_tree_is_the_one_that_git_makes(
    repo: tuple[Shell, ObjectFormat], data: st.DataObject
) -> None:
    shell, form = repo
    odd = raw_names.filter(lambda name: name not in (b".", b".."))
    chosen = data.draw(entries(form, odd) | entries(form, beginnings))
    kinds = {TREE: b"tree", 0o160000: b"commit"}
    listed = b"".join(
        b"%06o %s %s\t%s\0"
        % (entry.mode, kinds.get(entry.mode, b"blob"), str(entry.oid).encode(), entry.name)
        for entry in chosen
    )
    made = shell.git("mktree", "-z", "--missing", stdin=listed)
    assert str(form.hash("tree", encode_tree(chosen))) == made


@given(formats, st.data())
def test_tree_is_parsed_to_what_was_encoded(form: ObjectFormat, data: st.DataObject) -> None:
    chosen = data.draw(entries(form))
    parsed = list(parse_tree(encode_tree(chosen), form))
    assert sorted(parsed, key=repr) == sorted(chosen, key=repr)
    assert encode_tree(parsed) == encode_tree(chosen)
    assert b"".join(encode_tree([entry]) for entry in parsed) == encode_tree(chosen), (
        "they come in git's order"
    )


@given(data=st.data())
def test_git_finds_nothing_in_a_tree(repo: tuple[Shell, ObjectFormat], data: st.DataObject) -> None:
    """Check a tree of plain names. Another test covers unusual ones."""
    shell, form = repo
    plain = st.from_regex(r"[a-z0-9_=+, -]{1,20}", fullmatch=True).map(str.encode)
    content = encode_tree(data.draw(entries(form, plain)))
    assert shell.git("hash-object", "-t", "tree", "--stdin", stdin=content) == str(
        form.hash("tree", content)
    )


@given(st.data())
def test_damaged_tree_raises_damaged_or_parses(data: st.DataObject) -> None:
    """Check that a parsed tree has exactly one encoding, without skipped bytes."""
    content = bytearray(encode_tree(data.draw(entries(SHA1).filter(bool))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    with suppress(Damaged):
        parsed = list(parse_tree(bytes(content), SHA1))
        assert b"".join(encode_tree([entry]) for entry in parsed) == bytes(content)


@pytest.mark.parametrize(
    "mode", [b"040000", b"0o755", b"+40000", b" 40000", b"40_000", b"100664", b"", b"-1"]
)
def test_mode_in_another_spelling_is_damaged(mode: bytes) -> None:
    with pytest.raises(Damaged):
        list(parse_tree(mode + b" a\0" + bytes(20), SHA1))


@given(st.binary(max_size=80), formats)
def test_garbage_as_object_raises_damaged(garbage: bytes, form: ObjectFormat) -> None:
    with suppress(Damaged):
        list(parse_tree(garbage, form))
    with suppress(Damaged):
        commit_tree(garbage)
    with suppress(Damaged):
        commit_parents(garbage)


@given(
    st.integers(0, 3),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    st.data(),
)
def test_commit_is_the_one_that_git_makes(
    repo: tuple[Shell, ObjectFormat], parents: int, message: str, data: st.DataObject
) -> None:
    shell, form = repo
    tree = Oid.parse(shell.git("mktree"))
    older = [Oid.parse(shell.git("commit-tree", str(tree), "-m", f"{n}")) for n in range(parents)]
    argv = ["commit-tree", str(tree)]
    for parent in older:
        argv += ["-p", str(parent)]
    made = shell.git(*argv, stdin=f"{message}\n".encode())
    content = encode_commit(tree, older, "A U Thor <author@example.com>", SECONDS, message)
    assert DATE == "2024-05-01T12:00:00+0000"
    assert str(form.hash("commit", content)) == made
    assert commit_tree(content) == tree
    assert commit_parents(content) == tuple(older)


def test_parent_in_the_message_is_no_parent() -> None:
    tree = SHA1.hash("tree", b"")
    content = encode_commit(tree, (), "A <a@b>", 0, f"parent {tree}\n\nparent {tree}")
    assert commit_parents(content) == ()
