"""Find the snapshots that define which data a commit has.

Let S be the snapshots, neither dropped nor side ones, of a commit and its ancestors. A snapshot
belongs to the commit that it names, to commits whose note or trailer names it, and to rewritten
versions of its commit. The snapshots of S that no other one of S reaches define the data. If they
are several, their payloads are united (`docs/FORMAT.md`, section 7.2). Notes and trailers count
only on a commit that no snapshot of S names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from git_datmo.git.command import Git
from git_datmo.history.rewritten_commits import Commit, Rewritten
from git_datmo.history.trailer_index import TrailerIndex, shallow_boundary
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog, Row
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Claim:
    """A snapshot that belongs to a commit, and the proof.

    `way` is 'trailer', a proof of `rewritten_commits`, or 'note'. The last also stands for a
    snapshot that names the commit itself.
    """

    row: Row
    commit: Oid
    way: str


@dataclass(frozen=True, slots=True)
class Unshared:
    """A commit whose trailer names data that no known record has."""

    commit: str
    data: str


@dataclass(frozen=True, slots=True)
class CommitData:
    """The snapshots that define a commit's data, sorted by id; several if data wait to be united.

    `unshared` are commits, newest first, whose data were never shared as far as this clone knows.
    `is_cut_off` says that a shallow clone ends before the question can be decided.
    """

    commit: Oid
    heads: tuple[Claim, ...]
    unshared: tuple[Unshared, ...]
    is_cut_off: bool

    @property
    def ids(self) -> tuple[str, ...]:
        """Return the ids of the snapshots."""
        return tuple(head.row.record for head in self.heads)


class Ancestry:
    """The history of one commit; git is asked about many commits at once."""

    def __init__(self, ws: Workspace, tip: Oid) -> None:
        self._ws, self._tip = ws, str(tip)
        self._known: dict[str, bool] = {self._tip: True}

    def within(self, commits: Iterable[str]) -> set[str]:
        """Return those of `commits` that are the tip or one of its ancestors."""
        wanted = set(commits)
        new = [commit for commit in wanted if commit not in self._known]
        if new:
            outside = self._outside(new)
            self._known.update({commit: commit not in outside for commit in new})
        return {commit for commit in wanted if self._known[commit]}

    def _outside(self, commits: list[str]) -> set[str]:
        """Return those of `commits` that are missing or no ancestors of the tip."""
        # Git stops at an id that it does not have, so missing commits are not asked for.
        present = {commit for commit in commits if is_present(self._ws, commit)}
        if not present:
            return set(commits)
        # `rev-list ^TIP COMMIT...` lists everything that does not lead from the tip, which may be
        # more than the commits themselves.
        names = "".join(f"{name}\n" for name in (f"^{self._tip}", *present)).encode()
        listed = set(self._ws.repo.git.text("rev-list", "--stdin", stdin=names).split())
        return (set(commits) - present) | (listed & present)


def is_present(ws: Workspace, commit: str) -> bool:
    """Return True if this repository has the commit."""
    found = ws.odb.find(commit)
    return found is not None and found[0] == "commit"


class DataFinder:
    """Finds the data of one commit among the snapshots of a catalog."""

    def __init__(self, ws: Workspace, catalog: Catalog, commit: Oid) -> None:
        self._ws, self._catalog, self._commit = ws, catalog, commit
        self._graph = catalog.graph
        self._rows = {row.record: row for row in catalog.rows if row.is_data}
        self.ancestry = Ancestry(ws, commit)

    @cached_property
    def _trailers(self) -> TrailerIndex:
        return TrailerIndex(self._ws, self._commit)

    @cached_property
    def _noted_on(self) -> dict[str, list[str]]:
        """Return the commits whose notes name each snapshot."""
        found: dict[str, list[str]] = {}
        for commit, note in self._catalog.notes.items():
            for record in note.records:
                if record in self._rows:
                    found.setdefault(record, []).append(commit)
        return found

    def find(self) -> CommitData:
        """Return the snapshots that define the commit's data."""
        # Claims by commit, note or trailer come first. A rewritten commit is only looked for beside
        # them, since it takes git's work for each commit.
        claims = self._own_claims()
        claims.update(self._rewritten_claims(claims))
        heads = tuple(claims[record] for record in self._graph.heads(claims))
        return CommitData(self._commit, heads, self._unshared(heads), self._is_cut_off(heads))

    def _own_claims(self) -> dict[str, Claim]:
        """Return the newest snapshots for which this history has a commit, note or trailer.

        Snapshots are examined from the heads of the graph on. Older ones behind a found snapshot
        are not examined.
        """
        found: dict[str, Claim] = {}
        looked_at: set[str] = set()
        pending = set(self._graph.heads(self._rows))
        while pending:
            looked_at |= pending
            named = {record: [(self._rows[record].commit, "note")] for record in pending}
            proven = self._prove(named)
            # Notes and trailers are examined only if the commit itself is not in the history.
            others = {
                record: self._proofs(self._rows[record])
                for record in pending
                if record not in proven
            }
            proven.update(self._prove(others))
            found.update(proven)
            # The parents of a snapshot without proof can still be data of this commit.
            pending = self._candidates_below(pending - proven.keys()) - looked_at
        return found

    def _prove(self, proofs: Mapping[str, Sequence[tuple[str, str]]]) -> dict[str, Claim]:
        """Return the claims of snapshots of which a proof (a commit and a way) is in the
        history."""
        within = self.ancestry.within(commit for proof in proofs.values() for commit, _ in proof)
        found = {}
        for record, proof in proofs.items():
            for commit, way in proof:
                if commit in within:
                    found[record] = Claim(self._rows[record], Oid.parse(commit), way)
                    break
        return found

    def _proofs(self, row: Row) -> list[tuple[str, str]]:
        """Return the commits whose notes or trailers name a snapshot, each with its way.

        A commit that a snapshot names is left out. Git copied the note or the trailer from the
        commit that it was rebased or picked from, and its own snapshot has united the data.
        """
        noted = self._noted_on.get(row.record, ())
        trailers = self._trailers.by_data.get(row.data, ())
        found = [
            *((commit, "note") for commit in noted),
            *((commit, "trailer") for commit in trailers),
        ]
        return [(commit, way) for commit, way in found if not self._is_named(commit)]

    def _is_named(self, commit: str) -> bool:
        """Return True if a snapshot that can be data names the commit."""
        return any(row.is_data for row in self._catalog.of_commit(commit))

    def _candidates_below(self, records: Iterable[str]) -> set[str]:
        """Return the nearest snapshots that `records` lead to and that can be a commit's data."""
        found: set[str] = set()
        stack = [parent for record in records for parent in self._graph.parents(record)]
        seen: set[str] = set()
        while stack:
            record = stack.pop()
            if record in seen:
                continue
            seen.add(record)
            if record in self._rows:
                found.add(record)
            else:
                stack += self._graph.parents(record)
        return found

    def _rewritten_claims(self, own: dict[str, Claim]) -> dict[str, Claim]:
        """Return the claims of the nearest commit on the first-parent line by tree, patch or range.

        The search ends at a commit with a snapshot of its own, which already includes older ones.
        """
        finder = Rewritten(self._ws, self._catalog, [str(self._commit)])
        # Without a lost commit there is nothing to claim, and the walk is saved.
        if not finder.has_lost:
            return {}
        known = {claim.row.commit for claim in own.values()} | {
            str(claim.commit) for claim in own.values()
        }
        for commit in walk_commits(self._ws.repo.git, (str(self._commit),), "--first-parent"):
            if str(commit.oid) in known or self._has_own(commit):
                return {}
            claims = [
                Claim(row, commit.oid, way)
                for row, way in finder.claims([commit]).get(commit.oid, [])
                if row.is_data and row.record not in own
            ]
            if claims:
                return {claim.row.record: claim for claim in claims}
        return {}

    def _has_own(self, commit: Commit) -> bool:
        """Return True if a snapshot names the commit, or the commit's note names a snapshot."""
        name = str(commit.oid)
        note = self._catalog.notes.get(name)
        noted = note is not None and any(record in self._rows for record in note.records)
        return noted or self._is_named(name)

    def _unshared(self, heads: Iterable[Claim]) -> tuple[Unshared, ...]:
        """Return the commits newer than all `heads` whose trailers name data of no known record."""
        unknown = {
            commit: data
            for commit, ids in self._trailers.by_commit.items()
            for data in ids
            if not self._catalog.has_known_data(data)
        }
        if not unknown:
            return ()
        newer = self._newer_than(heads)
        return tuple(Unshared(commit, unknown[commit]) for commit in newer if commit in unknown)

    def _newer_than(self, heads: Iterable[Claim]) -> list[str]:
        """Return the commits of this history that no head is a descendant of, newest first."""
        names = [str(self._commit), *(f"^{head.commit}" for head in heads)]
        return self._ws.repo.git.text(
            "rev-list",
            "--topo-order",
            "--stdin",
            stdin="".join(f"{name}\n" for name in names).encode(),
        ).split()

    def _is_cut_off(self, heads: tuple[Claim, ...]) -> bool:
        """Return True if a snapshot beyond the boundary of a shallow clone could count."""
        boundary = set(shallow_boundary(self._ws.repo.common_dir))
        if not boundary:
            return False
        # A snapshot that the heads were made from cannot be newer than they are.
        behind = self._graph.reached(head.row.record for head in heads)
        candidates = [row for row in self._rows.values() if row.record not in behind]
        # A commit that is present was examined already, and is not part of this history.
        if all(is_present(self._ws, row.commit) for row in candidates):
            return False
        return not boundary.isdisjoint(self._newer_than(heads))


def walk_commits(
    git: Git, arguments: tuple[str, ...], *options: str, paths: tuple[str, ...] = ()
) -> Iterator[Commit]:
    """Yield the commits of a revision range as `git rev-list` lists them; raise `GitFailed` for
    a bad one. With `paths`, yield only those that change one of them."""
    import subprocess

    from git_datmo.git.command import failure

    argv = ["rev-list", "--format=%H %T %P", "--no-commit-header", *options]
    argv += ["--end-of-options", *arguments, "--", *paths]
    with git.start(*argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        try:
            for line in child.stdout:
                commit, tree, *parents = line.decode().split()
                yield Commit(Oid.fromhex(commit), tree, tuple(parents))
            said = child.stderr.read()
            if child.wait():
                raise failure(argv, child.returncode, said)
        finally:
            # A caller that has found its commit stops reading. Git would wait for it forever.
            child.terminate()
