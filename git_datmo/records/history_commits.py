"""Make the commits of the histories of records and of notes.

A tombstone is an empty file `redacted/<id>` in the trees of both histories. It says that the record
`<id>` was redacted. A history without the tombstone in its tree may contain the record's text. So
it never becomes part of a history with the tombstone, which begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from git_datmo.git.command import Git
from git_datmo.git.object_database import Odb
from git_datmo.git.object_encoding import commit_tree, encode_commit
from git_datmo.git.tree_edit import edit_tree
from git_datmo.model import Oid
from git_datmo.records.listing import list_notes, list_redacted, tombstone_path
from git_datmo.records.notes import unite, without_records

# The most bytes of a note that is read.
NOTE_LIMIT = 16 << 20

Changes = Mapping[bytes, Oid | None]


class HistoryCommits:
    """Makes commits on top of those of a ref of records or of notes.

    `identity` returns the author of the commits ('Name <mail>').
    """

    def __init__(
        self, git: Git, odb: Odb, identity: Callable[[], str], clock: Callable[[], float]
    ) -> None:
        self._git, self._odb, self._identity, self._clock = git, odb, identity, clock

    def redacted(self, *tips: Oid | None) -> frozenset[Oid]:
        """Return the records that the tombstones of any commit of `tips` name."""
        each = (list_redacted(self._odb, tip) for tip in tips if tip is not None)
        return frozenset[Oid]().union(*each)

    def leads_to(self, tip: Oid | None, ancestor: Oid) -> bool:
        """Return True if `ancestor` is `tip` or an ancestor of it."""
        if tip is None or tip == ancestor:
            return tip is not None
        done = self._git.finish("merge-base", "--is-ancestor", str(ancestor), str(tip))
        return done.returncode == 0

    def replaces(self, new: Oid | None, old: Oid | None) -> bool:
        """Return True if `new` has tombstones that `old` does not have, and replaces it."""
        if new is None or old is None or self.leads_to(new, old):
            return False
        # Tombstones are never taken back, so the history with more of them is the later one.
        return self.redacted(new) > self.redacted(old)

    def tree(self, commit: Oid) -> Oid:
        """Return the tree id of a commit."""
        return commit_tree(self._odb.read(commit, "commit"))

    def note_changes(
        self, old: Oid | None, lines: Mapping[Oid, bytes], redacted: frozenset[Oid]
    ) -> dict[bytes, Oid | None]:
        """Return the new blob of each note of `old` that gains `lines` or loses redacted records.

        A note that has no line any more is None.
        """
        paths = list_notes(self._odb, old) if old is not None else {}
        # Without a new redaction, only notes that gain a line change.
        touched = set(lines) if redacted == self.redacted(old) else {*lines, *paths}
        changes: dict[bytes, Oid | None] = {}
        for commit in touched:
            text = str(commit).encode()
            path, blob = paths.get(commit, (text[:2] + b"/" + text[2:], None))
            mine = self._odb.read(blob, "blob", NOTE_LIMIT) if blob is not None else b""
            united = unite(mine, lines.get(commit, b""))
            if redacted:
                united = unite(without_records(united, redacted))
            changes[path] = self._odb.write("blob", united) if united else None
        return changes

    def make(
        self,
        old: Oid | None,
        merged: Oid | None,
        changes: Changes,
        redacted: frozenset[Oid],
        why: str,
    ) -> Oid | None:
        """Return a commit of the tree of `old` with `changes`, on top of `old` and `merged`.

        `redacted` are all records without text in the result. A parent without all of their
        tombstones is left out. If `old` or `merged` already is the result, return it. Return None
        if the commit would be empty.
        """
        base = old if self._may_stay(old, redacted) else None
        other = merged if self._may_stay(merged, redacted) else None
        if other is not None and self.leads_to(base, other):
            other = None
        wanted = dict(changes)
        # Without an old tree, nothing can be removed.
        if old is None:
            wanted = {path: blob for path, blob in changes.items() if blob is not None}
        if old is None and other is None and not wanted:
            return None
        if base is None and redacted:
            # The new history begins without the old one, so it needs all tombstones itself.
            wanted |= self._tombstones(redacted)
        return self._commit(old, base, other, wanted, why)

    def _commit(
        self, old: Oid | None, base: Oid | None, other: Oid | None, changes: Changes, why: str
    ) -> Oid:
        """Return `old` or `other` if that is the result, else a new commit."""
        old_tree = self.tree(old) if old is not None else None
        tree = edit_tree(self._odb, old_tree, changes) if changes or old_tree is None else old_tree
        if old is not None and other is None and base is not None and tree == old_tree:
            return old
        # A fast-forward: clones that unite in turn end at the same commit.
        if (
            other is not None
            and self.tree(other) == tree
            and (base is None or self.leads_to(other, base))
        ):
            return other
        parents = [parent for parent in (base, other) if parent is not None]
        content = encode_commit(
            tree, parents, self._identity(), int(self._clock()), f"datmo: {why}"
        )
        return self._odb.write("commit", content)

    def _may_stay(self, tip: Oid | None, redacted: frozenset[Oid]) -> bool:
        """Return True if a commit has all tombstones of `redacted`."""
        return tip is not None and self.redacted(tip) == redacted

    def _tombstones(self, redacted: Iterable[Oid]) -> dict[bytes, Oid]:
        """Return the tombstones of records."""
        empty = self._odb.write("blob", b"")
        return dict.fromkeys(map(tombstone_path, redacted), empty)
