"""List of the files of a backend that cannot list itself.

The list is a ref on the git remote whose tree has an LFS pointer for each file.
"""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from git_datmo.backends.file_backend import NAME
from git_datmo.git.command import Git
from git_datmo.git.object_database import write_loose
from git_datmo.git.object_encoding import (
    BLOB,
    TreeEntry,
    commit_tree,
    encode_commit,
    encode_tree,
    parse_tree,
)
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.git.remote_commands import Rejected, Remote, fetch_refs, probe, push_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET
from git_datmo.records.namespaces import NAMESPACES

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000
ATTEMPTS = 30
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize"
    rb" (0|[1-9][0-9]{0,18})\n\Z"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """File as its SHA-256 in hex and its size in bytes."""

    oid: str
    size: int

    def encode(self) -> bytes:
        """Return the content of the pointer file (git-lfs, docs/spec.md)."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n"
        ).encode()


def list_refs(url: str) -> tuple[str, ...]:
    """Return the possible refs of the list for the server at `url`, best first.

    The user name in the URL does not matter, so all users of a server share its list.
    """
    parts = urlsplit(url)
    plain = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
    name = hashlib.sha256(plain.encode()).hexdigest()[:40]
    return tuple(f"{ns.name}/packs/{name}" for ns in NAMESPACES)


class Listing:
    """List on a git remote at any of `refs`.

    `git` uses the store, and `objects` are its objects.
    """

    def __init__(
        self, git: Git, remote: Remote, refs: Sequence[str], objects: PackedObjects
    ) -> None:
        self._git = git
        self._remote = remote
        self._refs = refs
        self._objects = objects

    def read(self) -> dict[str, Pointer]:
        """Return the pointer of each listed file."""
        found: dict[str, Pointer] = {}
        for tip in self._fetch().values():
            found |= self._entries(tip)
        return found

    def add(self, new: Mapping[str, Pointer]) -> None:
        """Add files to the list; retry if another client changes it at the same time.

        Raises `Rejected` if the remote refuses, or if the list changes at each of `ATTEMPTS`
        attempts.
        """
        for attempt in range(ATTEMPTS):
            there = self._fetch()
            ref, tip = next(iter(there.items()), (self._refs[0], None))
            have = self._entries(tip)
            wanted = {**have, **new}
            if wanted == have:
                return
            try:
                self._push(self._write(wanted, tip), [ref] if there else self._refs, tip)
            except Rejected as error:
                if not error.moved or attempt == ATTEMPTS - 1:
                    raise
            else:
                return
            # Pauses grow and differ, so that clients do not collide again.
            time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))  # noqa: S311

    def _push(self, commit: Oid, refs: Sequence[str], tip: Oid | None) -> None:
        """Push a commit to the first of `refs` that the remote accepts.

        Raises `Rejected` if the ref has moved from `tip`, or if no ref is accepted.
        """
        for ref in refs:
            try:
                return push_refs(
                    self._git,
                    self._remote,
                    [f"{commit}:{ref}"],
                    QUIET,
                    # The ref must still be at the list that was read.
                    f"--force-with-lease={ref}:{tip or ''}",
                )
            except Rejected as error:
                if error.moved or ref == refs[-1]:
                    raise
        return None

    def _fetch(self) -> dict[str, Oid]:
        """Fetch the lists of the remote and return their tips by ref."""
        offered = probe(self._git, self._remote, *self._refs).refs
        tips = {ref: offered[ref] for ref in self._refs if ref in offered}
        # Tips that the store has were fetched before.
        missing = [f"+{ref}:{ref}" for ref, tip in tips.items() if tip not in self._objects]
        if missing:
            fetch_refs(self._git, self._remote, missing, QUIET, "--quiet")
            self._objects.refresh()
        return tips

    def _entries(self, tip: Oid | None) -> dict[str, Pointer]:
        """Return the pointers in a list; ignore other files."""
        commit = self._objects.find(tip) if tip is not None else None
        tree = self._objects.find(commit_tree(commit[1])) if commit is not None else None
        found = {}
        for entry in parse_tree(tree[1], self._objects.format) if tree is not None else ():
            name, blob = entry.name.decode("ascii", "replace"), self._objects.find(entry.oid)
            match = _POINTER.match(blob[1]) if blob is not None else None
            if match and NAME.match(name):
                found[name] = Pointer(match[1].decode(), int(match[2]))
        return found

    def _write(self, entries: Mapping[str, Pointer], tip: Oid | None) -> Oid:
        """Write a commit with the list `entries` on top of `tip`."""

        def write(kind: str, content: bytes) -> Oid:
            return write_loose(self._objects.folder, self._objects.format, kind, content)

        tree = write(
            "tree",
            encode_tree(
                TreeEntry(name.encode(), BLOB, write("blob", each.encode()))
                for name, each in entries.items()
            ),
        )
        return write(
            "commit",
            encode_commit(tree, [tip] if tip is not None else [], IDENTITY, TIME, "datmo: packs"),
        )
