"""Find the snapshots of commits that a rebase, squash or cherry-pick replaced.

A commit claims a snapshot by one of five proofs, unless the snapshot's own commit is its
descendant:

- trailer: a `Datmo-Data` line of the commit's message names the snapshot's data;
- tree: both commits have the same tree, and both changed something to get it;
- code: the snapshot ran on a parent of the commit, with the changes that the commit has;
- patch: both commits make the same change (git-patch-id);
- range: the commit makes the same change as the branch of the snapshot's commit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from git_datmo import fsio
from git_datmo.git.patch_ids import patch_ids, range_patch_id
from git_datmo.history.trailer_index import TrailerIndex, Trailers
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, Row
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a history walk."""

    oid: Oid
    tree: str
    parents: tuple[str, ...]


class Rewritten:
    """Finds snapshots whose commits the history of `tips` lost.

    With `whole`, snapshots of commits in the history count too. So a change that was reverted and
    made again is found. `inside` are commits that are known to be in the history of the tips.
    """

    def __init__(
        self,
        ws: Workspace,
        catalog: Catalog,
        tips: Sequence[str],
        *,
        whole: bool = False,
        inside: Container[str] = (),
    ) -> None:
        self._ws, self._catalog, self._tips, self._whole = ws, catalog, tips, whole
        self._inside = inside
        self._patches: dict[str, str] = {}

    def claims(self, commits: Sequence[Commit]) -> dict[Oid, list[tuple[Row, str]]]:
        """Return the snapshots that each commit can claim, oldest first, with their proofs.

        The patch ids of all commits are computed together.
        """
        found = {commit.oid: claims for commit in commits if (claims := list(self.of_code(commit)))}
        if self._lost:
            patches = self._patches_of(commits)
            for commit in commits:
                claims = [*found.get(commit.oid, ()), *self._of(commit, patches[commit.oid])]
                # In reverse order, so that the first proof of a record stays.
                by_record = {row.record: (row, way) for row, way in reversed(claims)}
                found[commit.oid] = sorted(by_record.values(), key=lambda claim: claim[0].order)
        return found

    def of_code(self, commit: Commit) -> Iterator[tuple[Row, str]]:
        """Yield the runs on a parent of the commit with uncommitted changes that this commit
        has."""
        for row in self._catalog.with_tree(commit.tree):
            # The run had uncommitted changes if its tree is not that of its own commit.
            if row.commit in commit.parents and self._ws.repo.resolve(
                row.commit, "tree"
            ) != Oid.parse(commit.tree):
                yield row, "code"

    def _of(self, commit: Commit, patch: str) -> list[tuple[Row, str]]:
        ways = {
            "trailer": self._with_trailers_of(commit),
            "tree": self._catalog.with_tree(commit.tree),
            "patch": self._catalog.with_patch(patch),
            "range": self._ranges.get(patch, []) if patch else [],
        }
        found: dict[str, tuple[Row, str]] = {}
        for way, rows in ways.items():
            for row in rows:
                if way == "tree" and self._is_of_many(commit, patch, row):
                    continue
                if (
                    row.commit in self._lost
                    and row.record not in found
                    and self._may_stem(commit, row)
                ):
                    found[row.record] = row, way
        return sorted(found.values(), key=lambda claim: claim[0].order)

    def _is_of_many(self, commit: Commit, patch: str, row: Row) -> bool:
        """Return True if the tree proves nothing: a commit without changes shares its tree with
        others."""
        if not self._is_elsewhere(row):
            return False
        # A merge has no patch id either, but it has a tree of its own.
        changes_nothing = not patch and len(commit.parents) < 2
        return changes_nothing or (not row.patch and row.commit in self._missing)

    @property
    def has_lost(self) -> bool:
        """Return True if there is any snapshot that a commit could claim."""
        return bool(self._lost)

    def _with_trailers_of(self, commit: Commit) -> list[Row]:
        """Return the snapshots whose data the trailers of a commit name."""
        named = self._trailers.get(str(commit.oid), ())
        return [row for data in named for row in self._catalog.with_data(data)]

    @cached_property
    def _trailers(self) -> Trailers:
        found: Trailers = {}
        for tip in self._tips:
            found.update(TrailerIndex(self._ws, Oid.parse(tip)).by_commit)
        return found

    def _patches_of(self, commits: Sequence[Commit]) -> dict[Oid, str]:
        """Return the patch ids of commits; a snapshot already holds that of its own commit."""
        known: dict[Oid, str] = {}
        for commit in commits:
            note = self._catalog.notes.get(str(commit.oid))
            rows = [self._catalog.get(record) for record in note.records] if note else []
            own = [row.patch for row in rows if row is not None and row.commit == str(commit.oid)]
            # A merge has no patch of its own, so git is not asked for it.
            if own or len(commit.parents) > 1:
                known[commit.oid] = own[0] if own else ""
        return known | self._cached([commit.oid for commit in commits if commit.oid not in known])

    def _cached(self, commits: Sequence[Oid]) -> dict[Oid, str]:
        cache = PatchCache(self._ws)
        self._patches = self._patches or cache.read()
        new = [commit for commit in commits if str(commit) not in self._patches]
        if new:
            made = {
                str(commit): patch for commit, patch in patch_ids(self._ws.repo.git, new).items()
            }
            cache.add(made)
            self._patches |= made
        return {commit: self._patches[str(commit)] for commit in commits}

    def _may_stem(self, commit: Commit, row: Row) -> bool:
        """Return False if the snapshot's commit is a descendant of `commit`, which then cannot come
        from it.

        Nothing is known of a missing commit. No clock is asked.
        """
        if row.commit == str(commit.oid) or row.commit in self._missing:
            return True
        # Git says no with status 1; any other status is an error (git-merge-base).
        return (
            self._ws.repo.git.finish(
                "merge-base", "--is-ancestor", str(commit.oid), row.commit
            ).returncode
            == 1
        )

    @cached_property
    def _snapshots(self) -> dict[str, list[Row]]:
        """Return the snapshots of each commit that has some."""
        grouped: dict[str, list[Row]] = {}
        for row in self._catalog.rows:
            if row.kind == "snapshot":
                grouped.setdefault(row.commit, []).append(row)
        return grouped

    @cached_property
    def _unsure(self) -> list[str]:
        """Return the snapshots' commits that may be missing, or outside of the tips' history."""
        return [commit for commit in self._snapshots if commit not in self._inside]

    @cached_property
    def _missing(self) -> frozenset[str]:
        """Return the snapshots' commits that this repository does not have."""
        unsure = self._unsure
        if not unsure:
            return frozenset()
        names = "".join(f"{commit}\n" for commit in unsure).encode()
        answers = self._ws.repo.git.text("cat-file", "--batch-check", stdin=names).splitlines()
        return frozenset(answer.split()[0] for answer in answers if answer.endswith(" missing"))

    @cached_property
    def _outside(self) -> dict[str, list[str]]:
        """Return the commits outside of the tips' history that lead to snapshots' commits, with
        parents."""
        return dict(self._list_outside(self._unsure)) if self._unsure else {}

    @cached_property
    def _lost(self) -> frozenset[str]:
        """Return the commits whose snapshots may be claimed."""
        if self._whole:
            return frozenset(self._snapshots)
        # A missing commit is lost in any case: nothing in this repository leads to it.
        return self._missing | (self._outside.keys() & self._snapshots.keys())

    def _list_outside(
        self, starts: Iterable[str], *options: str
    ) -> Iterator[tuple[str, list[str]]]:
        names = "".join(
            f"{name}\n" for name in (*(f"^{tip}" for tip in self._tips), *starts)
        ).encode()
        # Commits that records name can be missing in this clone.
        done = self._ws.repo.git.finish(
            "rev-list", "--ignore-missing", "--parents", *options, "--stdin", stdin=names
        )
        for line in done.stdout.decode().splitlines():
            commit, *parents = line.split()
            yield commit, parents

    def _is_elsewhere(self, row: Row) -> bool:
        return row.commit in self._missing or row.commit in self._outside

    @cached_property
    def _ranges(self) -> dict[str, list[Row]]:
        """Return the snapshots of linear branches by the patch id of the whole branch."""
        lost = self._outside.keys() & self._snapshots.keys()
        if not lost:
            return {}
        # A branch may have gone on after its last snapshot, and may be gone itself.
        outside = self._outside | dict(
            self._list_outside((), "--branches", "--remotes", "--reflog")
        )
        inner = {parent for parents in outside.values() for parent in parents}
        found: dict[str, list[Row]] = {}
        for tip in sorted(lost | (outside.keys() - inner)):
            base, commits = _line(tip, outside)
            rows = [row for commit in commits for row in self._snapshots.get(commit, ())]
            if base and rows and len(commits) > 1:
                found.setdefault(self._range_patch(base, tip), []).extend(rows)
        return found

    def _range_patch(self, base: str, tip: str) -> str:
        cache, name = PatchCache(self._ws), f"{base}..{tip}"
        self._patches = self._patches or cache.read()
        if name not in self._patches:
            self._patches[name] = range_patch_id(self._ws.repo.git, Oid.parse(base), Oid.parse(tip))
            cache.add({name: self._patches[name]})
        return self._patches[name]


def _line(tip: str, outside: dict[str, list[str]]) -> tuple[str, list[str]]:
    """Return the commit at which a linear branch leaves the history, and the branch's commits from
    `tip` down.

    The first is '' if the branch has a merge or never meets the history.
    """
    commits: list[str] = []
    while tip in outside:
        commits.append(tip)
        if len(outside[tip]) != 1:
            return "", commits
        tip = outside[tip][0]
    return tip, commits


class PatchCache:
    """A cache of patch ids by commit or 'BASE..TIP', which never change."""

    def __init__(self, ws: Workspace) -> None:
        self._path = ws.shared_state / "patches"

    def read(self) -> dict[str, str]:
        try:
            lines = self._path.read_text("ascii").split("\n")
        except (FileNotFoundError, ValueError):
            return {}
        # The last line may be incomplete while another process writes.
        return {
            name: patch.strip()
            for name, tab, patch in (line.partition("\t") for line in lines[:-1])
            if tab
        }

    def add(self, patches: dict[str, str]) -> None:
        lines = "".join(f"{name}\t{patch}\n" for name, patch in patches.items())
        # Patch ids that cannot be written are computed again.
        with contextlib.suppress(OSError):
            fsio.append(self._path, f"\n{lines}".encode("ascii"))
