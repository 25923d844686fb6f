"""Find hints in sources of programs that depend on variables, CPUs, hashes or the locale.

Sources are only searched with patterns, so the results are not proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

# Variables that many programs read and that do not affect results.
_COMMON = frozenset(
    {
        "HOME",
        "PATH",
        "PWD",
        "USER",
        "USERNAME",
        "LOGNAME",
        "SHELL",
        "TERM",
        "COLUMNS",
        "LINES",
        "DISPLAY",
        "EDITOR",
    }
    | {
        "TMPDIR",
        "TEMP",
        "TMP",
        "HOSTNAME",
        "CI",
        "NO_COLOR",
        "PYTHONPATH",
        "VIRTUAL_ENV",
        "CONDA_PREFIX",
    }
)
_READS = (
    re.compile(
        rb"\benviron(?:\.get\(|\.pop\(|\.setdefault\(|\[)\s*[\"']([A-Za-z_][A-Za-z0-9_]*)[\"']"
    ),
    re.compile(rb"\bgetenv\(\s*[\"']([A-Za-z_][A-Za-z0-9_]*)[\"']"),
)
_SHELL_READS = (re.compile(rb"\$\{?([A-Za-z_][A-Za-z0-9_]*)"),)
_HASHES = re.compile(
    rb"(?<![\w.])hash\(|\bfor\s+\w+\s+in\s+(?:set\(|\{[^:{}]*\}\s*:)|\b(?:list|tuple|enumerate)\(\s*set\("
)
_COUNTS_CPUS = re.compile(
    rb"\bcpu_count\(|\bsched_getaffinity\(|\bn_jobs\s*=\s*-1\b|\bget_num_threads\(|\bnproc\b|\bmax_workers\s*=\s*None\b"
)
_LOCALE = re.compile(
    rb"\blocale\.(?:setlocale|getlocale|getpreferredencoding|strcoll|strxfrm|format_string|str|atof|currency)\("
    rb"|\bstrftime\([^)\n]*%[aAbBcxXp]"
)
_SHELL_LOCALE = re.compile(
    rb"(?:^|[|;&(]|\bthen\b|\bdo\b)\s*(?:sort|comm|join|uniq|ls)\b", re.MULTILINE
)
_SHELL = (".sh", ".bash")


def find_variables(
    sources: Mapping[str, bytes], recorded: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield the unrecorded variables that a source reads, each with the first source that reads it.

    `sources` are texts by path.
    """
    known, found = {*recorded, *_COMMON}, set[str]()
    for path, text in sorted(sources.items()):
        for pattern in _SHELL_READS if path.endswith(_SHELL) else _READS:
            for match in pattern.finditer(text):
                name = match[1].decode()
                if name not in known | found:
                    found.add(name)
                    yield name, path


def find_hashing(sources: Mapping[str, bytes]) -> str | None:
    """Return the first source that depends on a hash or on the order of a set, or None."""
    return next((path for path, text in sorted(sources.items()) if _HASHES.search(text)), None)


def find_cpu_count(sources: Mapping[str, bytes]) -> str | None:
    """Return the first source that asks for the number of CPUs, or None."""
    return next((path for path, text in sorted(sources.items()) if _COUNTS_CPUS.search(text)), None)


def find_locale(sources: Mapping[str, bytes]) -> str | None:
    """Return the first source that sorts or formats by the locale, or None."""
    patterns = {path: _SHELL_LOCALE if path.endswith(_SHELL) else _LOCALE for path in sources}
    return next(
        (path for path, text in sorted(sources.items()) if patterns[path].search(text)), None
    )
