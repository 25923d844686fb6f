"""Draw folders, and lay them down on disk."""

from __future__ import annotations

import os

import pytest
from hypothesis import strategies as st

from git_datmo.git.command import Git
from git_datmo.model import SHA1
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store

Tree = dict[bytes, "Tree | bytes"]
# Names whose order among files is another than among the paths below folders of these names.
names = st.sampled_from([b"a", b"a.b", b"a-", b"a0", b"b", b"b c", b"\xff", b"z"])

trees: st.SearchStrategy[Tree] = st.recursive(
    st.dictionaries(names, st.binary(max_size=3), max_size=4),
    lambda inner: st.dictionaries(names, inner | st.binary(max_size=3), max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    path = tmp_path_factory.mktemp("capture") / "store.git"
    create_store(Git(dict(os.environ)), path, SHA1)
    return Store(Git(dict(os.environ)), path, SHA1)


def lay(folder: bytes, tree: Tree) -> None:
    os.mkdir(folder)
    for name, item in tree.items():
        path = os.path.join(folder, name)
        if isinstance(item, dict):
            lay(path, item)
        else:
            with open(path, "wb") as file:
                file.write(item)


def paths(tree: Tree, path: bytes = b"data") -> set[bytes]:
    found = set()
    for name, item in tree.items():
        below = path + b"/" + name
        found |= paths(item, below) if isinstance(item, dict) else {below}
    return found
