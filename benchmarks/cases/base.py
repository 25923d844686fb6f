"""Settings, installed tools and common steps of the cases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from benchmarks.bounds import OURS, Bound
from benchmarks.contest import Box, Command, CommandFailed, Entrant, Stage, Table
from benchmarks.tools.base import Tool

# Those whose purpose is to keep data, among all that are measured.
KEEPERS = ("git-lfs", "DVC", "git-annex", "borg", "borg -C zstd", "restic", "bup", "oxen")


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers and sizes of the data; sizes are in bytes."""

    runs: int
    large: int
    push: int
    files: int
    many: int
    snapshots: int
    crowd: int


@dataclass(frozen=True, slots=True)
class Bench:
    """Folder and tools of a case."""

    folder: Path
    settings: Settings
    tools: tuple[Tool, ...]

    def boxes(self, payload: str = "", master: Path | None = None) -> Callable[[str], Box]:
        """Return a function that makes a fresh box for an entrant's run."""
        return lambda name: Box(self.folder / "runs" / name.replace(" ", "_"), payload, master)

    def without(self, *names: str) -> list[Tool]:
        return [tool for tool in self.tools if tool.name not in names]

    def only(self, *names: str) -> list[Tool]:
        return [tool for tool in self.tools if tool.name in names]


Outcome = tuple[Sequence[Table], Sequence[Bound]]


class Case(Protocol):
    """One part of the benchmark, which can be run alone."""

    @property
    def name(self) -> str: ...

    @property
    def about(self) -> str: ...

    def space(self, settings: Settings) -> int:
        """Return the bytes of disk that it needs at once."""

    def run(self, bench: Bench) -> Outcome: ...


def entrant(tool: Tool, *stages: Stage) -> Entrant:
    """A tool that starts with an empty repository and the payload in place."""

    def begin(box: Box) -> None:
        tool.start(box)
        box.place()

    return Entrant(tool.name, begin, stages, tool.stored)


def add(tool: Tool, name: str = "add") -> Stage:
    return Stage(name, tool.add)


def restore(tool: Tool) -> Stage:
    """The payload, as it is now, comes back from the store, and is compared byte by byte."""

    def prepare(box: Box) -> Command | None:
        tool.keep(box)
        box.remove()
        return tool.restore(box)

    return Stage("checkout", prepare, lambda box: same(box, box.data))


def same(box: Box, restored: Path) -> None:
    """Stop the tool where what it gave back is not what was stored; links are followed."""
    assert box.master is not None
    try:
        box.run("diff", "-rq", str(box.master), str(restored))
    except CommandFailed as error:
        raise CommandFailed(f"what was restored differs: {error}") from error


def smaller_than_others(table: Table, stage: str, but: Sequence[str]) -> Bound:
    """Our store takes less than that of any other that was measured, `but` for those that may take
    less."""
    sizes = {name: table.stored(stage, name) for name in table.names(stage) if name not in but}
    mine = sizes.pop(OURS, None)
    others = {name: size for name, size in sizes.items() if size is not None}
    what, limit = f"{table.title}: stored", f"less than any but {', '.join(but)}"
    if mine is None or not others:
        return Bound(what, limit, "not measured", None)
    least = min(others, key=others.__getitem__)
    return Bound(
        what,
        limit,
        f"{mine / 1e6:.1f} MB; {least} {others[least] / 1e6:.1f} MB",
        mine < others[least],
    )
