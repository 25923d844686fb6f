"""Parse and record the resources that a run may use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from git_datmo.errors import UsageError

_SIZE = re.compile(r"([0-9]+)([kmgt]?)(?:i?b)?\Z", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_GPUS = re.compile(r"all\Z|[0-9]+\Z|[A-Za-z0-9][A-Za-z0-9-]*(?:,[A-Za-z0-9][A-Za-z0-9-]*)*\Z")


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """The limits of a run, for engines that can enforce them.

    `memory` is in bytes, None for no limit. `cpus` is a number of processors, None for no limit.
    `gpus` is `all`, a number, or ids separated by commas, '' for none. `devices` are files of
    `/dev`. `network` allows the use of the network.
    """

    memory: int | None = None
    cpus: float | None = None
    gpus: str = ""
    devices: tuple[str, ...] = ()
    network: bool = False

    def values(self) -> dict[str, int | float | str | bool]:
        """Return the limits as a record has them."""
        fields = {
            "memory_limit": self.memory,
            "cpu_limit": self.cpus,
            "gpus": self.gpus or None,
            "devices": " ".join(self.devices) or None,
            "network": self.network or None,
        }
        return {name: value for name, value in fields.items() if value is not None}


NO_LIMITS = ResourceLimits()


def recorded_limits(values: Mapping[str, object]) -> ResourceLimits:
    """Return the limits in a record that a rerun applies; invalid values are ignored.

    Anyone can write a record, so it never gives access to devices or the network.
    """
    # In Python, `True` is an integer too.
    memory, cpus, gpus = values.get("memory_limit"), values.get("cpu_limit"), values.get("gpus")
    return ResourceLimits(
        memory=memory
        if isinstance(memory, int) and not isinstance(memory, bool) and memory > 0
        else None,
        cpus=float(cpus)
        if isinstance(cpus, int | float) and not isinstance(cpus, bool) and 0 < cpus < 1e6
        else None,
        gpus=gpus if isinstance(gpus, str) and _GPUS.match(gpus) else "",
    )


def parse_memory(text: str) -> int:
    """Return the bytes of a size like `512m` or `8g`; raise `UsageError` for any other text."""
    match = _SIZE.match(text)
    if match is None or not int(match[1]):
        raise UsageError(f"'{text}' is not an amount of memory", "write it like 512m or 8g")
    return int(match[1]) << 10 * _POWERS[match[2].lower()]


def parse_cpus(text: str) -> float:
    """Return a number of processors; raise `UsageError` for any other text."""
    try:
        cpus = float(text)
    except ValueError:
        cpus = 0.0
    if not 0 < cpus < 1e6:
        raise UsageError(f"'{text}' is not a number of processors", "write it like 2 or 0.5")
    return cpus


def parse_gpus(text: str) -> str:
    """Return `all`, a number, or ids; raise `UsageError` for any other text."""
    if not _GPUS.match(text):
        raise UsageError(
            f"'{text}' names no GPUs", "give 'all', a number, or their ids with commas"
        )
    return text
