"""Find installed packages that do not match a lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from git_datmo.environments.lock_files import LOCKS, PROJECTS
from git_datmo.environments.locked_versions import Lock, fits, is_same_version


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A package that does not match the lock; `installed` is '' for a missing one."""

    name: str
    installed: str
    asked: str


def contradictions(
    lock: Lock,
    installed: Mapping[str, str],
    conda: Mapping[str, str] | None = None,
    python: str = "",
) -> tuple[Contradiction, ...]:
    """Yield installed packages that do not match the lock.

    `python` is the interpreter's version. A pinned package that is missing may belong to another
    platform, extra or group. One that a list requires unconditionally is reported.
    """
    found = []
    if python and lock.python and not fits(python, lock.python):
        found.append(Contradiction("python", python, lock.python))
    found += _pin_contradictions(lock, installed)
    for name, wanted in sorted(lock.ranges.items()):
        here = installed.get(name, "")
        if not here or not fits(here, wanted):
            found.append(Contradiction(name, here, wanted or "any version"))
    found += _conda_contradictions(lock, installed, conda)
    return tuple(found)


def _pin_contradictions(lock: Lock, installed: Mapping[str, str]) -> Iterator[Contradiction]:
    for name, pins in sorted(lock.pins.items()):
        here = installed.get(name)
        if here is None:
            # A list of requirements names all that it wants. A lock file also names packages of
            # other platforms, extras and groups.
            if lock.path not in LOCKS or name in lock.required:
                yield Contradiction(name, "", pins[0].version)
        elif not any(is_same_version(pin.version, here) for pin in pins):
            versions = sorted({pin.version for pin in pins})
            yield Contradiction(name, here, " or ".join(versions))


def _conda_contradictions(
    lock: Lock, installed: Mapping[str, str], conda: Mapping[str, str] | None
) -> Iterator[Contradiction]:
    # Without conda's own list, a pip package of the same name counts.
    by_conda = conda or installed
    for name, allowed in sorted(lock.conda.items()):
        here = by_conda.get(name, "")
        if here:
            is_wrong = not any(fits(here, wanted) for wanted in allowed)
        else:
            is_wrong = lock.path in PROJECTS and bool(conda)
        if is_wrong:
            yield Contradiction(name, here, " or ".join(allowed))
