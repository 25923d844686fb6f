"""Compare the code of two experiments by `git diff`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from git_datmo.git.scratch_repository import Scratch
from git_datmo.history.experiments import Found
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import require_objects

# Neither settings nor attributes of the user change the patch.
OPTIONS = (
    *("--no-ext-diff", "--no-textconv", "--no-color", "-M", "--src-prefix=a/", "--dst-prefix=b/"),
    *("--submodule=short", "--abbrev=10"),
)
PATCH, STAT = ("-p",), ("--stat=100", "--summary")


def code_patch(
    ws: Workspace,
    one: Found,
    other: Found,
    paths: Sequence[str],
    *,
    stat: bool,
    progress: Progress,
) -> str:
    """Return the patch from the code of `one` to that of `other`, or its summary with `stat`.

    Stored code has uncommitted changes. If one experiment has no stored code, their commits are
    compared. The text is '' for equal code.
    """
    form = STAT if stat else PATCH
    old, new = one.snapshot.code, other.snapshot.code
    if old is None or new is None:
        commits = [str(found.snapshot.commit) for found in (one, other)]
        said = ws.repo.git.run("diff", *OPTIONS, *form, "--end-of-options", *commits, "--", *paths)
        return said.decode("utf-8", "replace")
    if old.object == new.object:
        return ""
    for found, code in ((one, old), (other, new)):
        require_objects(ws, [root_node(code)], found.id, progress, size=code.size)
    # Only files that differ become entries, so both trees stay small.
    changed = [
        difference
        for difference in compare(root_node(old), root_node(new), ws.store.read_tree)
        if _is_file(difference.old) or _is_file(difference.new)
    ]
    scratch = ws.scratch
    trees = [
        _write_tree(scratch, name, ((b"/".join(path), node) for path, node in nodes))
        for name, nodes in (
            ("old", [(each.path, each.old) for each in changed]),
            ("new", [(each.path, each.new) for each in changed]),
        )
    ]
    said = scratch.git.run("diff-tree", "-r", *OPTIONS, *form, *trees, "--", *paths)
    return said.decode("utf-8", "replace")


def _is_file(node: Node | None) -> bool:
    return node is not None and node.kind is not NodeKind.FOLDER


def _write_tree(scratch: Scratch, name: str, nodes: Iterable[tuple[bytes, Node | None]]) -> str:
    """Write files as a tree of git and return its id. A large file is replaced by its id."""
    lines = []
    for path, node in nodes:
        if node is None or node.kind is NodeKind.FOLDER:
            continue
        oid = node.oid
        if node.chunked:
            oid = scratch.write("blob", f"large file with the object {node.oid}\n".encode())
        lines.append(b"%o %s\t%s\0" % (node.kind.mode, str(oid).encode(), path))
    # `--index-info` adds to an index, so each tree has its own.
    git = replace(scratch.git, index_file=scratch.path / f"index-{name}")
    git.run("update-index", "-z", "--index-info", stdin=b"".join(lines))
    # Without the option, git looks up the object of every file (git-write-tree(1)).
    return git.text("write-tree", "--missing-ok")
