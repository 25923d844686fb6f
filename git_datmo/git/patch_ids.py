"""Ids of the changes that commits make, which survive a rebase or cherry-pick (git-patch-id)."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.git.command import Git, failure
from git_datmo.model import Oid

_DIFF = ("diff-tree", "-p", "--no-ext-diff", "--no-textconv")


def patch_ids(git: Git, commits: Sequence[Oid]) -> dict[Oid, str]:
    """Return the patch ids of at most some hundred commits; '' for a merge or an empty commit."""
    found = dict.fromkeys(commits, "")
    for line in _patches(
        git, (*_DIFF, "--root", "--stdin"), "".join(f"{commit}\n" for commit in commits)
    ):
        patch, _, commit = line.partition(" ")
        found[Oid.parse(commit)] = patch
    return found


def range_patch_id(git: Git, base: Oid, tip: Oid) -> str:
    """Return the patch id of everything that changes from `base` to `tip`; '' for nothing.

    A commit that squashes the branch has the same id.
    """
    lines = _patches(git, (*_DIFF, str(base), str(tip)), "")
    return lines[0].partition(" ")[0] if lines else ""


def _patches(git: Git, diff: Sequence[str], asked: str) -> list[str]:
    with (
        git.start(*diff) as differ,
        # With `--stable`, the order of the files does not count (git-patch-id).
        git.start("patch-id", "--stable", stdin=differ.stdout) as reader,
    ):
        assert differ.stdin is not None
        assert differ.stdout is not None
        # With our copy open, git would not notice that the reader has ended.
        differ.stdout.close()
        differ.stdin.write(asked.encode())
        differ.stdin.close()
        said, _ = reader.communicate()
        if differ.wait():
            raise failure(diff, differ.returncode, b"")
    return said.decode().splitlines()
