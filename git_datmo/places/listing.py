"""The list of a place that cannot list itself: a ref on the git remote, whose tree has an LFS pointer a file."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from git_datmo.git.namespaces import NAMESPACES
from git_datmo.git.objects import BLOB, Entry, commit_tree, encode_commit, encode_tree, parse_tree
from git_datmo.git.odb import write_loose
from git_datmo.git.packs import PackedObjects
from git_datmo.git.remote import Rejected, Remote, fetch_refs, probe, push_refs
from git_datmo.git.run import Git
from git_datmo.model import Oid
from git_datmo.places.files import NAME
from git_datmo.progress import QUIET

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000
ATTEMPTS = 30
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\noid sha256:([0-9a-f]{64})\nsize (0|[1-9][0-9]{0,18})\n\Z"
)


@dataclass(frozen=True, slots=True)
class Pointer:
    """A file by its SHA-256 in hex and its bytes."""

    oid: str
    size: int

    def encode(self) -> bytes:
        """The pointer file (git-lfs, docs/spec.md)."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.oid}\nsize {self.size}\n".encode()


def list_refs(url: str) -> tuple[str, ...]:
    """Where the list of the server at `url` may be, best first: the same for all who reach it, whatever their name."""
    parts = urlsplit(url)
    plain = f"{parts.netloc.rpartition('@')[2].lower()}{parts.path.rstrip('/')}"
    name = hashlib.sha256(plain.encode()).hexdigest()[:40]
    return tuple(f"{ns.name}/packs/{name}" for ns in NAMESPACES)


class Listing:
    """The list as the git remote has it at one of `refs`; `git` works on the store, whose objects are `objects`."""

    def __init__(self, git: Git, remote: Remote, refs: Sequence[str], objects: PackedObjects) -> None:
        self._git = git
        self._remote = remote
        self._refs = refs
        self._objects = objects

    def read(self) -> dict[str, Pointer]:
        found: dict[str, Pointer] = {}
        for tip in self._fetch().values():
            found |= self._entries(tip)
        return found

    def add(self, new: Mapping[str, Pointer]) -> None:
        """Add files; others may add theirs at the same time."""
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
            time.sleep(random.uniform(0, min(0.05 * 2**attempt, 2.0)))  # noqa: S311

    def _push(self, commit: Oid, refs: Sequence[str], tip: Oid | None) -> None:
        """To the first of `refs` that the remote takes."""
        for ref in refs:
            try:
                return push_refs(
                    self._git, self._remote, [f"{commit}:{ref}"], QUIET, f"--force-with-lease={ref}:{tip or ''}"
                )
            except Rejected as error:
                if error.moved or ref == refs[-1]:
                    raise
        return None

    def _fetch(self) -> dict[str, Oid]:
        """The lists that the remote has now, which are then here."""
        offered = probe(self._git, self._remote, *self._refs).refs
        tips = {ref: offered[ref] for ref in self._refs if ref in offered}
        lacking = [f"+{ref}:{ref}" for ref, tip in tips.items() if tip not in self._objects]
        if lacking:
            fetch_refs(self._git, self._remote, lacking, QUIET, "--quiet")
            self._objects.refresh()
        return tips

    def _entries(self, tip: Oid | None) -> dict[str, Pointer]:
        """What a list says; what is no pointer in it is passed over."""
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
        def write(kind: str, content: bytes) -> Oid:
            return write_loose(self._objects.folder, self._objects.format, kind, content)

        tree = write(
            "tree",
            encode_tree(Entry(name.encode(), BLOB, write("blob", each.encode())) for name, each in entries.items()),
        )
        return write("commit", encode_commit(tree, [tip] if tip is not None else [], IDENTITY, TIME, "datmo: packs"))
