"""Test that a checkout's plan is equal for held and recomputed steps, and complete before the first
write."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.model import SHA1
from git_datmo.objects.store import Store
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.progress import QUIET
from git_datmo.worktree import checkout_planner
from git_datmo.worktree.checkout_plan import CheckoutConflict, Placement
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.stat_cache_edit import CacheEdit
from git_datmo.worktree.worktree_checkout import Checkout
from tests.support.folders_on_disk import Tree, lay, paths, trees

NOTHING = Differences((), (), (), ())
UNKNOWN = b"stored nowhere"


def keep(store: Store, top: Path, tree: Tree) -> Node:
    """Lay a tree down below `top` and store it."""
    lay(os.fsencode(top / "data"), tree)
    with store.writer() as writer:
        captured = Capturer(store, top, CacheEdit(SHA1), QUIET).whole("data", writer)
    store.objects.refresh()
    return root_node(captured.content)


def lying(folder: bytes) -> Tree:
    found: Tree = {}
    for entry in os.scandir(folder):
        if entry.is_dir():
            found[entry.name] = lying(entry.path)
        else:
            found[entry.name] = Path(os.fsdecode(entry.path)).read_bytes()
    return found


def said(plan: Placement) -> tuple[object, ...]:
    return (
        list(plan.written()),
        list(plan.removed()),
        plan.folders,
        plan.changes_files,
        bool(plan),
        plan.keep.keys(),
    )


@settings(max_examples=max(1, settings().max_examples // 2))
@given(old=trees, new=trees, data=st.data())
def test_plan_leads_from_one_tree_to_the_other(
    old: Tree,
    new: Tree,
    data: st.DataObject,
    store: Store,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    top = Path(tmp_path_factory.mktemp("planned"))
    (top / "new").mkdir()
    was, will = keep(store, top, old), keep(store, top / "new", new)
    edit = CacheEdit(SHA1)
    place = Checkout(store, top, edit, QUIET)
    few = place.plan("data", was, will, NOTHING)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout_planner, "FEW", 0)
        many = place.plan("data", was, will, NOTHING)
        assert said(few) == said(many)
        touched = [path for path, is_folder in few.removed() if not is_folder]
        touched += [path for path, _ in few.written() if path in paths(old)]
        if touched:
            changed = data.draw(st.sampled_from(touched))
            file = top / os.fsdecode(changed)
            before, stored = lying(os.fsencode(top / "data")), file.read_bytes()
            file.write_bytes(UNKNOWN)
            with pytest.raises(CheckoutConflict) as found:
                place.plan("data", was, will, Differences((changed,), (), (), ()))
            assert found.value.paths == (changed,)
            file.write_bytes(stored)
            assert lying(os.fsencode(top / "data")) == before
        place.apply(many)
    assert lying(os.fsencode(top / "data")) == new
    told = [path for path, _ in edit.entries()]
    assert told == sorted(set(told))
