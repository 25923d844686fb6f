"""Test over a real store what a push can leave out, and who has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from git_datmo.git.command import Git
from git_datmo.model import SHA1, Oid
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.sharing.push_overlap import cover, difference, differs_little, weigh
from tests.support.shell import Shell

SIZE = 100_000


@pytest.fixture
def store(tmp_path: Path, make_repo: Callable[..., Shell]) -> Iterator[Store]:
    git = Git(make_repo().env)
    create_store(git, tmp_path / "store.git", SHA1)
    with Store(git, tmp_path / "store.git", SHA1) as opened:
        yield opened


def folder(store: Store, *seeds: int, size: int = SIZE) -> Oid:
    """Store a folder within a folder, with files of noise named by their seeds."""
    with store.writer() as writer:
        nodes = {
            b"%d" % seed: Node(NodeKind.FILE, writer.put("blob", Random(seed).randbytes(size)))
            for seed in seeds
        }
        below = write_folder(nodes, writer.put_tree)
        made = write_folder({b"below": Node(NodeKind.FOLDER, below)}, writer.put_tree)
    store.objects.refresh()
    return made


def test_useful_owners_of_shared_chunks_are_found(store: Store) -> None:
    new = folder(store, 1, 2, 3, 4)
    akin, useless, first, second = (
        folder(store, 1),
        folder(store, 9),
        folder(store, 2, 9),
        folder(store, 2, 3),
    )
    assert SIZE * 3 < weigh(store, [new], [akin]) < SIZE * 3 + 2_000
    needed = difference(store, [new], [akin], [useless, first, second])
    assert SIZE * 2 < sum(needed.values()) < SIZE * 2 + 2_000
    # The first that holds a thing is taken, one that adds nothing is not.
    assert list(
        cover(store, [[useless], [first], [akin], [second], [folder(store, 2, 3, 5)]], needed)
    ) == [1, 3]
    assert weigh(store, [new], [akin, first, second]) < SIZE + 2_000


def test_missing_objects_weigh_most(store: Store) -> None:
    absent = Node(NodeKind.FILE, SHA1.hash("blob", b"absent"))
    with store.writer() as writer:
        new = write_folder({b"absent": absent}, writer.put_tree)
        there = write_folder({b"elsewhere": absent}, writer.put_tree)
    store.objects.refresh()
    assert weigh(store, [new], []) > 1 << 20
    assert weigh(store, [new], [there]) < 1_000
    assert set(difference(store, [new], [], [there])) == {absent.oid}


def test_similar_versions_are_recognised_by_their_trees(store: Store) -> None:
    old, more = (Node(NodeKind.FOLDER, folder(store, *seeds)) for seeds in ((1, 2), (1, 2, 3)))
    assert differs_little(store, old, old)
    assert differs_little(store, more, old)
    assert not differs_little(store, old, more)
    few, other = (Node(NodeKind.FOLDER, folder(store, seed, size=1_000)) for seed in (1, 2))
    assert differs_little(store, few, other)
    assert not differs_little(store, Node(NodeKind.FOLDER, SHA1.hash("tree", b"absent")), few)
