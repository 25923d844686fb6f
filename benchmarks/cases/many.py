"""A million tiny files: stored, found unchanged, one of them changed."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks import data
from benchmarks.bounds import OURS, Bound, beside, within
from benchmarks.cases.base import Bench, Outcome, Settings
from benchmarks.contest import Box, Command, Entrant, Stage, Table, compete
from benchmarks.tools.base import size_of
from benchmarks.tools.ours import Ours

SIZE = 1 << 10
PAYLOAD = "data"
CHANGED = "one changed, snapshot"


class Many:
    """All runs use one folder of files, since neither side writes to them; the repositories are
    made anew."""

    name = "many"
    about = "a million tiny files (slow)"

    def space(self, settings: Settings) -> int:
        return 4 * settings.many * 4096

    def run(self, bench: Bench) -> Outcome:
        count = bench.settings.many
        table = Table(f"{count} files of 1 KiB")
        house = Box(bench.folder / "many", PAYLOAD)
        try:
            data.folder_of_files(house.data, count, SIZE)
            _track_with_git(house)
            compete(table, [_ours(house), _git(house)], bench.boxes(), bench.settings.runs)
        finally:
            house.delete()
        return [table], list(self._bounds(table))

    def _bounds(self, table: Table) -> Iterator[Bound]:
        yield from beside(table, "status", 2, ("git",))
        if table.has(CHANGED, OURS):
            late = table.wall(CHANGED, OURS) - table.wall("status", OURS)
            yield within(f"{table.title}: {CHANGED}, beyond a status", late, 1, "s")


def _plain(house: Box) -> str:
    return str(house.side / "plain.git")


def _track_with_git(house: Box) -> None:
    house.run("git", "init", "-q", "--bare", _plain(house))
    git = ("git", f"--git-dir={_plain(house)}", "--work-tree=.", "-c", "core.bare=false")
    # With the ids of what it compares by, and without the objects: `git add` takes longest to store
    # a million of them.
    names = sorted(
        str(path.relative_to(house.work)) for path in house.data.rglob("*") if path.is_file()
    )
    house.run(
        *git,
        "update-index",
        "--add",
        "--info-only",
        "-z",
        "--stdin",
        stdin="\0".join(names).encode(),
    )
    tree = house.run(*git, "write-tree", "--missing-ok").strip()
    house.run(*git, "update-ref", "HEAD", house.run(*git, "commit-tree", "-m", "all", tree).strip())
    house.run(*git, "status", "--porcelain")


def _git(house: Box) -> Entrant:
    argv = (
        "git",
        f"--git-dir={_plain(house)}",
        "--work-tree=.",
        "-c",
        "core.bare=false",
        "status",
        "--porcelain",
    )
    return Entrant("git", lambda _: None, (Stage("status", lambda _: house.command(*argv)),))


def _ours(house: Box) -> Entrant:
    tool = Ours()

    def begin(_: Box) -> None:
        house.run("rm", "-rf", ".git")
        tool.start(house)

    def unchanged(_: Box) -> Command:
        tool.keep(house)
        return house.command("git", "datmo", "status")

    def change(_: Box) -> Command:
        house.taken += 1
        (house.data / "0000" / "0000000.bin").write_bytes(
            data.random_block(f"change {house.taken}", SIZE)
        )
        return house.command("git", "datmo", "snapshot", "-m", "one changed")

    stages = (
        Stage("add", lambda _: tool.add(house)),
        Stage("status", unchanged),
        Stage(CHANGED, change),
    )
    return Entrant(
        OURS, begin, stages, lambda _: size_of(house.work / ".git" / "datmo" / "store.git")
    )
