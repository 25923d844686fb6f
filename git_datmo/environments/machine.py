"""Describe the machine of a run in words that many machines share."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Fact = bool | int | float | str

SECONDS = 20
DRIVER = Path("/proc/driver/nvidia/version")
PROCESSORS = Path("/proc/cpuinfo")
TOOLKIT = Path("/usr/local/cuda/version.json")
_VERSION = re.compile(r"\b[0-9]+(?:\.[0-9]+)+\b")


def describe_machine(
    environ: Mapping[str, str], *, system: Sequence[str] = (), locale: str = ""
) -> dict[str, Fact]:
    """Return facts about the machine, none of which identifies it or a person.

    The versions of the Debian packages `system` are included. `locale` is the command's.
    """
    facts: dict[str, Fact] = {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count() or 0,
        "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }
    # A batch system or `taskset` may allow fewer CPUs than the machine has.
    if (usable := usable_cpus()) != facts["cpus"]:
        facts["usable_cpus"] = usable
    named = {
        "processor": _processor(),
        "locale": locale,
        "libc": " ".join(platform.libc_ver()).strip(),
        "nvidia_driver": _first_version(DRIVER),
        "cuda_toolkit": _first_version(TOOLKIT),
        "system_packages": _installed(system, environ),
    }
    return {**facts, **{name: fact for name, fact in named.items() if fact}, **_graphics(environ)}


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0


def _processor() -> str:
    """Return the CPU model. Libraries choose code by it, so two models may round differently."""
    match = re.search(r"^model name\s*: (.*)$", _text(PROCESSORS), re.MULTILINE)
    return " ".join(match[1].split()) if match else platform.processor()


def _first_version(path: Path) -> str:
    match = _VERSION.search(_text(path))
    return match[0] if match else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _graphics(environ: Mapping[str, str]) -> dict[str, Fact]:
    """Return the GPUs, the driver, and the latest CUDA version that it supports (`nvidia-smi`)."""
    query = [
        "nvidia-smi",
        "--query-gpu=name,memory.total,driver_version",
        "--format=csv,noheader,nounits",
    ]
    rows = [[cell.strip() for cell in line.split(",")] for line in ask(query, environ).splitlines()]
    rows = [row for row in rows if len(row) == 3]
    if not rows:
        return {}
    facts: dict[str, Fact] = {
        "gpus": len(rows),
        "gpu": ", ".join(dict.fromkeys(row[0] for row in rows)),
    }
    facts["nvidia_driver"] = rows[0][2]
    # `nvidia-smi` counts in MiB.
    if all(row[1].isdigit() for row in rows):
        facts["gpu_memory"] = min(int(row[1]) for row in rows) << 20
    if found := re.search(r"CUDA Version: ([0-9.]+)", ask(["nvidia-smi"], environ)):
        facts["cuda"] = found[1]
    return facts


def _installed(packages: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return which of some Debian packages are installed, with versions."""
    names = sorted({package.partition("=")[0] for package in packages})
    if not names:
        return ""
    lines = ask(
        ["dpkg-query", "-W", "-f", "${Package}=${Version}\n", "--", *names], environ
    ).split()
    return " ".join(line for line in lines if not line.endswith("="))


def ask(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Return a program's output about the machine; '' if it is missing or does not answer."""
    program = shutil.which(argv[0], path=environ.get("PATH", os.defpath))
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            # Callers parse the output, so it must not be translated.
            env={**environ, "LC_ALL": "C"},
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")
