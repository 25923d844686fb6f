"""State in which respects engines differ. Decisions rest on these, never on an engine's name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The properties of an engine on which a decision may rest.

    An `isolated` engine keeps a command from the machine's other files, processes and network, so
    a stranger's command may run there. One that `rebuilds_environment` gives the command the
    recorded packages. One that `enforces_limits` holds it to memory, processors and devices. One
    that `reaches_other_machines` can be told where to run. `weakness` is said beside a verdict.
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

# The engines of this package, by the names that a person gives. The first is the default of a
# rerun.
BUILT_IN = {"docker": CONTAINER, "venv": VENV, "host": HOST}
