"""Read versions, hashes and indexes from lock and project files. Pure except for its parsers.

A file that its own tool could not read is skipped. The environment is what is installed; a lock
only adds to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from git_datmo.environments.lock_formats import (
    read_conda_lock,
    read_pipfile,
    read_poetry,
    read_pylock,
    read_uv,
)
from git_datmo.environments.locked_versions import Lock
from git_datmo.environments.requirement_lists import (
    read_conda_environment,
    read_pyproject,
    read_requirements,
)

LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml")
PROJECTS = ("environment.yml", "environment.yaml", "pyproject.toml")
SIZE_LIMIT = 16 << 20

_REQUIREMENTS = re.compile(r"requirements[\w.-]*\.(?:txt|lock)\Z")


def is_lock(name: str) -> bool:
    """Return True if `read_lock` knows files of this name."""
    return name in LOCKS or name in PROJECTS or _REQUIREMENTS.match(name) is not None


def most_exact(files: Mapping[str, bytes]) -> Lock | None:
    """Return the most exact of some files; of equal ones, the more usual."""
    found = [
        lock
        for name, content in sorted(files.items())
        if (lock := read_lock(name, content)) is not None
    ]
    ranks = {name: -index for index, name in enumerate((*LOCKS, "requirements.txt", *PROJECTS))}
    return max(
        found, key=lambda lock: (*lock.exactness[:2], ranks.get(lock.path, -99)), default=None
    )


def read_lock(name: str, content: bytes) -> Lock | None:
    """Parse a file; None if it names no package."""
    read = _READERS.get(name) or (read_requirements if _REQUIREMENTS.match(name) else None)
    if read is None or len(content) > SIZE_LIMIT:
        return None
    try:
        lock = read(name, content.decode())
    except Exception:  # noqa: BLE001 - parsers of strangers' files: whatever they raise, see the module's docstring
        return None
    return lock if lock.pins or lock.ranges or lock.conda or lock.python else None


_READERS: Mapping[str, Callable[[str, str], Lock]] = {
    "uv.lock": read_uv,
    "pylock.toml": read_pylock,
    "poetry.lock": read_poetry,
    "pdm.lock": read_poetry,
    "Pipfile.lock": read_pipfile,
    "conda-lock.yml": read_conda_lock,
    "environment.yml": read_conda_environment,
    "environment.yaml": read_conda_environment,
    "pyproject.toml": read_pyproject,
}
