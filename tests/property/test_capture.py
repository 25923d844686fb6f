"""Test that a folder captured in one pass becomes the object that is written from the leaves up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings

from git_datmo.model import SHA1, Oid
from git_datmo.objects import ingest
from git_datmo.objects.store import HashOnly, Store
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.payloads.store_payloads import add
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import open_workspace
from git_datmo.setup.init_repository import initialise
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.stat_cache_edit import CacheEdit
from tests.support.folders_on_disk import Tree, lay, paths, trees
from tests.support.shell import Shell


def plainly(tree: Tree, empty: set[bytes], path: bytes = b"data") -> Oid:
    """Return the folder's object, written from the leaves up."""
    nodes = {}
    for name, item in tree.items():
        if isinstance(item, dict):
            below = path + b"/" + name
            if not item:
                empty.add(below)
            nodes[name] = Node(NodeKind.FOLDER, plainly(item, empty, below))
        else:
            nodes[name] = Node(NodeKind.FILE, SHA1.hash("blob", item))
    return write_folder(nodes, lambda content: SHA1.hash("tree", content))


@settings(max_examples=max(1, settings().max_examples // 2))
@given(tree=trees)
def test_folder_captured_in_one_pass_has_its_id(
    tree: Tree, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = Path(tmp_path_factory.mktemp("laid"))
    lay(os.fsencode(top / "data"), tree)
    edit, empty = CacheEdit(SHA1), set[bytes]()
    captured = Capturer(store, top, edit, QUIET).whole("data", HashOnly(store))
    assert captured.content.object == plainly(tree, empty)
    assert captured.empty_folders == empty
    assert captured.content.files == len(paths(tree))
    recorded = [path for path, _ in edit.entries()]
    assert recorded == sorted(paths(tree))
    assert edit._ordered


def test_large_file_of_another_size_is_not_compared(
    tmp_path: Path, sealed: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compare a file of equal size only, which may have been touched without a change."""
    compared: list[int] = []
    digest = ingest._digest

    def counted(fd: int) -> tuple[bytes, int]:
        compared.append(fd)
        return digest(fd)

    monkeypatch.setattr(ingest, "_digest", counted)
    repo = Shell(tmp_path, sealed)
    repo.git("init", "-q")
    content = os.urandom(3_000_000)
    with open_workspace(sealed, tmp_path) as ws:
        initialise(ws)
    for number, changed in enumerate([content, content[1:], content[:1] + content[2:]]):
        repo.write("large", changed)
        os.utime(tmp_path / "large", (number, number))
        with open_workspace(sealed, tmp_path) as ws:
            add(ws, ["large"])
    assert len(compared) == 1
