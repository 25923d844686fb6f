"""Choose the installed packages that belong to the user's work, without those of git-datmo."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from git_datmo.environments.interpreter_probe import Distribution, Probe, normalise

OWN = "git-datmo"
SEEDS = frozenset({"pip", "setuptools", "wheel", "uv"})

# In a notebook, each line of code is a JSON string, so a quote may come first.
_IMPORT = re.compile(
    rb'^[ \t]*"?(?:from[ \t]+([A-Za-z_]\w*)|import[ \t]+([^#;\r\n"\\]+))', re.MULTILINE
)


def imported_modules(sources: Iterable[bytes]) -> frozenset[str]:
    """Return the top-level modules that sources and notebooks import; rather too many than too
    few."""
    found: set[str] = set()
    for source in sources:
        for match in _IMPORT.finditer(source):
            names = [match[1]] if match[1] else match[2].split(b",")
            found.update(
                name.split()[0].split(b".")[0].decode("ascii", "replace")
                for name in names
                if name.split()
            )
    return frozenset(found)


def kept_distributions(probe: Probe, *, imported: Collection[str] = ()) -> tuple[Distribution, ...]:
    """Return the distributions of the user's work, by name.

    Left out are git-datmo and packages that only it needs, the operating system's, and an
    environment's initial ones. Kept are packages that a person requested, that the code imports, or
    that kept ones require.
    """
    # In reverse order, so that the first distribution of a name stays, as in an import.
    known = {normalise(found.name): found for found in reversed(probe.distributions)}
    guests = _reached(known, [OWN]) - {OWN}
    roots = []
    for name, found in known.items():
        if name == OWN:
            continue
        # Installers mark what an environment begins with as requested, too. Of these packages, a
        # request counts for setuptools alone.
        is_requested = found.requested and (name not in SEEDS or name == "setuptools")
        is_needed = is_requested or any(module in imported for module in found.modules)
        is_of_others = name in guests or name in SEEDS or bool(found.vendor)
        if is_needed or not is_of_others:
            roots.append(name)
    # A package must not be kept only because git-datmo requires it.
    without_own = {name: found for name, found in known.items() if name != OWN}
    return tuple(known[name] for name in sorted(_reached(without_own, roots)))


def _reached(known: Mapping[str, Distribution], start: Iterable[str]) -> set[str]:
    """Return `start` and everything that it requires, as far as installed."""
    waiting = [name for name in start if name in known]
    reached = set(waiting)
    while waiting:
        for needed in map(normalise, known[waiting.pop()].requires):
            if needed in known and needed not in reached:
                reached.add(needed)
                waiting.append(needed)
    return reached
