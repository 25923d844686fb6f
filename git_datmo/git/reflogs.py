"""Remove passwords from reflogs.

`git clone` removes the password of a plain URL from the reflog, but not that of a helper's URL.
"""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo import fsio
from git_datmo.git.command import Git
from git_datmo.git.refs import read_refs
from git_datmo.git.user_repository import UserRepository
from git_datmo.redact import hide_passwords


def forget_clone_password(repo: UserRepository) -> None:
    """Remove the password of the clone's URL from the repository's reflogs.

    A clone begins every reflog with that URL, so the first entry of any reflog shows whether one
    has a password.
    """
    logs = repo.common_dir / "logs"
    # A reftable has the reflogs in its tables.
    if not logs.is_dir():
        _delete_entries(repo.git)
        return
    head = repo.git_dir / "logs" / "HEAD"
    if not head.exists() or not _has_password(head.read_bytes().partition(b"\n")[0]):
        return
    for path in logs.rglob("*"):
        if path.is_file() and _has_password(path.read_bytes()):
            fsio.write_file(path, _hide(path.read_bytes()))


def _hide(content: bytes) -> bytes:
    return hide_passwords(content.decode("utf-8", "surrogateescape")).encode(
        "utf-8", "surrogateescape"
    )


def _has_password(content: bytes) -> bool:
    return b"@" in content and _hide(content) != content


def _delete_entries(git: Git) -> None:
    """Delete the entries from reflogs that are no files (reftable), and have git write its
    tables again."""
    if not list(_entries_with_password(git, "HEAD")):
        return
    for ref in ("HEAD", *read_refs(git, "refs/")):
        # Entry 0 is the newest. From the oldest on, no deletion changes a number that is still
        # needed.
        for number in reversed(list(_entries_with_password(git, ref))):
            git.run("reflog", "delete", f"{ref}@{{{number}}}")
    git.run("pack-refs", "--all")


def _entries_with_password(git: Git, ref: str) -> Iterator[int]:
    listed = git.finish("log", "-g", "--format=%gs", ref, "--").stdout
    for number, message in enumerate(listed.splitlines()):
        if _has_password(message):
            yield number
