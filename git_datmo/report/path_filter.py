"""Choose experiments by the paths of code and payloads that they change."""

from __future__ import annotations

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
    """

    def __init__(
        self, ws: Workspace, history: History, revisions: Revisions, paths: tuple[str, ...]
    ) -> None:
        self._ws, self._history, self._revisions = ws, history, revisions
        self._paths = tuple(path.strip("/") for path in paths)
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
        own = self._history.catalog.get(str(row["id"]))
        for parent in own.parents if own is not None else ():
            before = self._read_parent(parent)
            if all(before.get(name) == row[name] for name in names):
                return True
        return False

    def _read_parent(self, record: str) -> Row:
        """Return the values of a parent; none for one that is missing or dropped."""
        if record not in self._parent_rows:
            found = self._history.catalog.get(record)
            claims = [Claim(found, Oid.parse(found.commit), "note")] if found is not None else []
            rows = read_rows(self._history, claims)[1]
            self._parent_rows[record] = rows[0] if rows else {}
        return self._parent_rows[record]
