"""Describe the differences between engines.

Decisions depend on capabilities, never on an engine's name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The capabilities of an engine.

    An `isolated` engine separates a command from the machine's other files, processes and network,
    so a stranger's command may run in it. An engine that `rebuilds_environment` gives the command
    the recorded packages. An engine that `enforces_limits` limits its memory, processors and
    devices. An engine that `reaches_other_machines` accepts an address to run at. `weakness` is
    shown next to a verdict.
    """

    isolated: bool = False
    rebuilds_environment: bool = False
    enforces_limits: bool = False
    reaches_other_machines: bool = False
    weakness: str = ""


CONTAINER = Capabilities(
    isolated=True, rebuilds_environment=True, enforces_limits=True, reaches_other_machines=True
)
VENV = Capabilities(
    rebuilds_environment=True,
    weakness="a virtual environment isolates less than a container: the system's own libraries"
    " took part",
)
HOST = Capabilities(weakness="it ran with what is installed here: nothing was rebuilt")

# The engines of this package, by the names that a user gives. The first is the default for reruns.
BUILT_IN = {"docker": CONTAINER, "venv": VENV, "host": HOST}
