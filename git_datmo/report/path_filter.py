"""Choose experiments by the paths of code and payloads that they change."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from git_datmo.history.commit_data import Claim, walk_commits
from git_datmo.history.experiment_rows import read_rows
from git_datmo.history.experiments import History, Revisions
from git_datmo.model import Oid
from git_datmo.query.evaluate import Row
from git_datmo.query.names import DATA
from git_datmo.repository.workspace import Workspace


class PathFilter:
    """Accepts experiments whose commit changes the code at one of `paths`.

    It also accepts those whose payload at, above or below a path is not their parents' payload.
    Snapshots that only follow the data count as parents if the list has them (`follows`). If not,
    the next experiments after them have their changes, as commits do in a simplified `git log`.
    """

    def __init__(
        self,
        ws: Workspace,
        history: History,
        revisions: Revisions,
        paths: tuple[str, ...],
        *,
        follows: bool,
    ) -> None:
        self._ws, self._history, self._revisions = ws, history, revisions
        self._paths = tuple(path.strip("/") for path in paths)
        self._follows = follows
        self._parent_rows: dict[str, Row] = {}

    @cached_property
    def _commits(self) -> frozenset[str]:
        """Return the commits that change the code at a path."""
        walked = walk_commits(
            self._ws.repo.git, self._revisions.arguments, *self._revisions.refs, paths=self._paths
        )
        return frozenset(str(commit.oid) for commit in walked)

    def accepts(self, row: Row) -> bool:
        """Return True if an experiment changes one of the paths."""
        if row["commit"] in self._commits:
            return True
        changed = [name for name in row if name.startswith(DATA) and self._touches(name)]
        return bool(changed) and not self._is_as_before(row, changed)

    def _touches(self, name: str) -> bool:
        """Return True if the payload of a name is at, above or below a path."""
        payload = name.removeprefix(DATA)
        return any(
            path in ("", ".", payload)
            or path.startswith(f"{payload}/")
            or payload.startswith(f"{path}/")
            for path in self._paths
        )

    def _is_as_before(self, row: Row, names: list[str]) -> bool:
        """Return True if a parent of the snapshot has the same payloads under these names."""
        for parent in self._listed_parents(str(row["id"])):
            before = self._read_parent(parent)
            if all(before.get(name) == row[name] for name in names):
                return True
        return False

    def _listed_parents(self, record: str) -> Iterator[str]:
        """Yield the next records before one that are not left out of the list."""
        waiting, seen = self._parents(record), set[str]()
        while waiting:
            parent = waiting.pop()
            if parent in seen:
                continue
            seen.add(parent)
            found = self._history.catalog.get(parent)
            if found is not None and found.follows and not self._follows:
                waiting += self._parents(parent)
            else:
                yield parent

    def _parents(self, record: str) -> list[str]:
        found = self._history.catalog.get(record)
        return list(found.parents) if found is not None else []

    def _read_parent(self, record: str) -> Row:
        """Return the values of a parent; none for one that is missing or dropped."""
        if record not in self._parent_rows:
            found = self._history.catalog.get(record)
            claims = [Claim(found, Oid.parse(found.commit), "note")] if found is not None else []
            rows = read_rows(self._history, claims)[1]
            self._parent_rows[record] = rows[0] if rows else {}
        return self._parent_rows[record]
