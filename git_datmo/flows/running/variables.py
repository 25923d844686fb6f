"""Find the environment variables that programs read by name, in their sources: a hint and no proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

# What every program may ask for, and what decides nothing that is computed.
_COMMON = frozenset(
    {"HOME", "PATH", "PWD", "USER", "USERNAME", "LOGNAME", "SHELL", "TERM", "COLUMNS", "LINES", "DISPLAY", "EDITOR"}
    | {"TMPDIR", "TEMP", "TMP", "HOSTNAME", "CI", "NO_COLOR", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX"}
)
_READS = (
    re.compile(rb"\benviron(?:\.get\(|\.pop\(|\.setdefault\(|\[)\s*[\"']([A-Za-z_][A-Za-z0-9_]*)[\"']"),
    re.compile(rb"\bgetenv\(\s*[\"']([A-Za-z_][A-Za-z0-9_]*)[\"']"),
)
_SHELL_READS = (re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)"),)
_HASHES = re.compile(
    rb"(?<![\w.])hash\(|\bfor\s+\w+\s+in\s+(?:set\(|\{[^:{}]*\}\s*:)|\b(?:list|tuple|enumerate)\(\s*set\("
)


def find_variables(sources: Mapping[str, bytes], recorded: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the variables that some source reads and no record has, each with the first source that does."""
    known, found = {*recorded, *_COMMON}, set[str]()
    for path, text in sorted(sources.items()):
        for pattern in _SHELL_READS if path.endswith((".sh", ".bash")) else _READS:
            for match in pattern.finditer(text):
                name = match[1].decode()
                if name not in known | found:
                    found.add(name)
                    yield name, path


def find_hashing(sources: Mapping[str, bytes]) -> str | None:
    """Return the first source whose results depend on the order of a set, or on a hash; None for none."""
    return next((path for path, text in sorted(sources.items()) if _HASHES.search(text)), None)
