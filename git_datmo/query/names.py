"""Names of the values of an experiment, and how short names are completed."""

from __future__ import annotations

from collections.abc import Container, Iterable

from git_datmo.errors import DatmoError
from git_datmo.suggest import nearest

BUILT_IN = {
    "id": "id of the snapshot",
    "commit": "id of the commit that the experiment belongs to",
    "created": "time of the record (UTC)",
    "author": "name of the author",
    "email": "address of the author",
    "message": "message",
    "why": "reason",
    "command": "command of the run",
    "status": "success, failed, interrupted or killed",
    "tags": "tags; = tests whether the experiment has a tag",
    "exit_code": "exit code of the run",
    "seconds": "duration of the run",
    "engine": "engine of the run",
    "clean": "true if the code was committed",
    "tree": "id of the tree of the commit",
    "code": "id of the stored code",
    "environment": "id of the stored environment",
}
"""The names that every experiment may have, with their meanings."""
METRICS, PARAMETERS, DATA = "metrics.", "params.", "data."
SHORT = (METRICS, PARAMETERS)
"""Prefixes that a short name may leave out."""


_OF_CURVE = ("min", "max", "best", "goal")


def is_of_curve(name: str, known: Container[str]) -> bool:
    """Return True for the smallest, largest or best value of a metric with a curve, or its goal."""
    metric, _, which = name.rpartition(".")
    return which in _OF_CURVE and metric in known


def is_goal(name: str, known: Container[str]) -> bool:
    """Return True for the goal of a metric with a curve."""
    return name.endswith(".goal") and is_of_curve(name, known)


class Names:
    """The names of the values of some experiments."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = frozenset(known).union(BUILT_IN)

    def find(self, name: str) -> str:
        """Return the full name for `name`.

        Raises `DatmoError` if no experiment has the value, or if a metric and a parameter have the
        same name.
        """
        # A full name comes first, so that a short name never hides it.
        if name in self._known:
            return name
        full = [prefix + name for prefix in SHORT if prefix + name in self._known]
        if len(full) == 1:
            return full[0]
        if full:
            raise DatmoError(
                f"'{name}' is a metric and a parameter", f"write {' or '.join(map(repr, full))}"
            )
        raise DatmoError(f"no experiment has a value '{_cut(name)}'", self._hint_for(name))

    def metrics(self) -> list[str]:
        """Return the names of the metrics, sorted, without further values of their curves."""
        return sorted(
            name
            for name in self._known
            if name.startswith(METRICS) and not is_of_curve(name, self._known)
        )

    def _hint_for(self, name: str) -> str:
        """Return the hint for an unknown name."""
        short = {
            known.removeprefix(prefix): known
            for prefix in SHORT
            for known in self._known
            if known.startswith(prefix)
        }
        near = nearest(name, [*self._known, *short])
        if near:
            return f"did you mean '{_cut(near)}'?"
        some = sorted(short)[:8]
        listed = ", ".join(f"'{_cut(each)}'" for each in some)
        more = ", and more" if len(short) > len(some) else ""
        return f"known values are {listed}{more}" if some else "they have no metrics and parameters"


def _cut(text: str) -> str:
    """Return a text for a message, cut if it is long."""
    return text if len(text) <= 100 else f"{text[:100]}…"
