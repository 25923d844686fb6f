"""The section of a page that a run writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.page import grid
from benchmarks.trackers.rows import Row, table

HEADING = "## Beside experiment trackers"
ABOUT = """\
The tools take turns: {rounds} rounds of calls, then imports, then kills. A call logs one scalar at a step, and its time
is that until it returns. The times of a round begin after the first call. A tool stops after {limit} s of calls. The
figures are the medians of the rounds. Processor time is that of the logging process with its threads. W&B writes in a
second process, which is not counted. All stored values are read back by git-datmo's readers and compared with the
logged ones. DVCLive's call is `log_metric`, without the summary that its `next_step` writes.

A kill ends the session of the script with SIGKILL, at a random moment within {latest:g} s after the first returned call. A
process that a tool starts in a session of its own survives. The values are read {settling:g} s later. The scripts log without a
pause, which is the worst case for a tool that writes later. git-datmo logs from {processes} processes at once, and its kill
ends `git datmo run` too. The other tools are killed at most {peer_kills} times.

"No cache yet" is a query after git-datmo's caches were removed, with the files in the page cache. The last two columns
are the seconds of the whole measurement with its checks, of all rounds together. Only git-datmo has bounds."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The command, the machine, the versions, and the load before and after."""

    command: str
    machine: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    missing: tuple[str, ...]
    load: tuple[str, str]


def render(rows: Sequence[Row], about: str, facts: Circumstances) -> str:
    """Return the section."""
    lines = [HEADING, "", f"Written by `{facts.command}`.", "", *about.split("\n"), ""]
    lines += table(rows)
    if facts.missing:
        lines += ["", f"Left out, because it is not installed: {', '.join(facts.missing)}."]
    machine = (
        *facts.machine,
        *facts.versions,
        ("load at the start", facts.load[0]),
        ("load at the end", facts.load[1]),
    )
    return "\n".join([*lines, "", *grid(("machine", ""), machine), ""])
