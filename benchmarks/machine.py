"""Describe the machine of a measurement."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

LIBRARIES = ("pyfastcdc", "isal", "xxhash", "dulwich")


def describe(folder: Path) -> Iterator[tuple[str, str]]:
    """Processor, memory, kernel, file system of `folder`, and the versions of what we stand on."""
    yield (
        "processor",
        f"{_field('/proc/cpuinfo', 'model name') or platform.processor()}, {os.cpu_count()} cores",
    )
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    yield "memory", f"{pages * page / 2**30:.1f} GiB"
    yield (
        "system",
        f"{_field('/etc/os-release', 'PRETTY_NAME', '=').strip(chr(34))}, kernel {platform.release()}",
    )
    yield "file system", _file_system(folder)
    yield "git", _first_line("git", "--version").removeprefix("git version ")
    yield "Python", platform.python_version()
    for name in LIBRARIES:
        yield name, metadata.version(name)


def load() -> str:
    """Return the load averages of the machine, with this benchmark."""
    return ", ".join(f"{value:.2f}" for value in os.getloadavg())


def _field(path: str, name: str, sign: str = ":") -> str:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next(
        (
            value.strip()
            for key, _, value in (line.partition(sign) for line in lines)
            if key.strip() == name
        ),
        "",
    )


def _first_line(*argv: str) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.split("\n")[0]


def _file_system(folder: Path) -> str:
    where = _first_line("findmnt", "-n", "-o", "FSTYPE,OPTIONS", "-T", str(folder))
    kind, _, options = where.partition(" ")
    return f"{kind} ({options.strip()})" if kind else "unknown"
