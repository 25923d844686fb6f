"""The class of machine that something runs on: what its figures may depend on; nothing that names a machine."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from git_datmo.records.types import Value

_CPUS = Path("/proc/cpuinfo")


def describe_machine() -> dict[str, Value]:
    """What a run's figures may depend on beside its environment; nothing that names the machine."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cpus": os.cpu_count() or 0,
        "memory": pages,
    }


def _processor() -> str:
    """The model of the CPU: two of one architecture may round differently, since libraries choose by it."""
    try:
        lines = _CPUS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
