"""Which of the installed packages belong to the user's work: git-datmo is a guest in the user's environment."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from git_datmo.engines.probe import Distribution, Probe, normalise

OWN = "git-datmo"
SEEDS = frozenset({"pip", "setuptools", "wheel", "uv"})

_IMPORT = re.compile(rb'^[ \t]*"?(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#;\r\n"\\]+))', re.MULTILINE)


def imported_modules(sources: Iterable[bytes]) -> frozenset[str]:
    """The top-level modules that Python sources (and notebooks) import, over-counting rather than missing one."""
    found: set[str] = set()
    for source in sources:
        for match in _IMPORT.finditer(source):
            names = [match[1]] if match[1] else match[2].split(b",")
            found.update(name.split()[0].split(b".")[0].decode("ascii", "replace") for name in names if name.split())
    return frozenset(found)


def kept_distributions(probe: Probe, *, imported: Collection[str] = ()) -> tuple[Distribution, ...]:
    """The distributions that belong to the user's work, by name.

    Left out: git-datmo and what only it needs, what the operating system brought, and the seeds of an environment;
    except for what a person asked for, what the code imports, and all that these and other kept ones require.
    """
    known = {normalise(found.name): found for found in reversed(probe.distributions)}
    guests = _reached(known, [OWN]) - {OWN}
    roots = []
    for name, found in known.items():
        asked = found.requested and (name not in SEEDS or name == "setuptools")
        needed = asked or any(module in imported for module in found.modules)
        if name != OWN and (needed or not (name in guests or name in SEEDS or found.vendor)):
            roots.append(name)
    without_own = {name: found for name, found in known.items() if name != OWN}
    return tuple(known[name] for name in sorted(_reached(without_own, roots)))


def _reached(known: Mapping[str, Distribution], start: Iterable[str]) -> set[str]:
    """All that `start` requires, and itself, as far as installed."""
    waiting = [name for name in start if name in known]
    reached = set(waiting)
    while waiting:
        for needed in map(normalise, known[waiting.pop()].requires):
            if needed in known and needed not in reached:
                reached.add(needed)
                waiting.append(needed)
    return reached
