"""A long history of experiments, and a query over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.contest import Box, Command, Stage
from benchmarks.tools.ours import Ours
from git_datmo.model import Oid
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace, open_workspace

FIRST_PARENT = "from refs/heads/main^0\n"
QUERY = "log --where"
FIRST_QUERY = "log --where, no cache yet"
# The query finds the experiments between these shares of the history.
FOUND_FROM, FOUND_TO = 0.90, 0.95


def make_history(house: Box, count: int, commits: int = 0) -> None:
    """Make snapshots, attached at once, and spread them evenly over commits.

    Without `commits`, each snapshot has its own commit.
    """
    tool = Ours()
    tool.start(house)
    house.data.write_bytes(bytes(range(256)) * 4096)
    house.run("git", "datmo", "add-data", house.payload)
    lines = "".join(_commits(commits or count))
    house.run("git", "fast-import", "--quiet", "--force", stdin=lines.encode())
    house.run("git", "reset", "-q", "--hard")
    with open_workspace(house.env, house.work) as ws:
        ws.ledger.attach(*_snapshots(ws, house, count))


def query_words(count: int) -> tuple[str, ...]:
    """Return the words of the query over a history of `count` snapshots."""
    least, most = _accuracy(int(FOUND_FROM * count)), _rate(int(FOUND_TO * count))
    condition = f"accuracy > {least!r} and params.rate <= {most!r}"
    return ("log", "--where", condition, "--sort", "-accuracy", "--oneline")


def query_finds(count: int) -> list[str]:
    """Return the messages of the snapshots that the query finds, in its order."""
    numbers = range(int(FOUND_FROM * count) + 1, int(FOUND_TO * count) + 1)
    return [_message(number) for number in reversed(numbers)]


def query_stages(house: Box, count: int) -> tuple[Stage, Stage]:
    """Return the query without git-datmo's caches, and then with them."""
    query = house.command("git", "datmo", *query_words(count))

    def first_query(_: Box) -> Command:
        shutil.rmtree(Path(house.work, ".git", "datmo", "told"), ignore_errors=True)
        Path(house.work, ".git", "datmo", "catalog").unlink(missing_ok=True)
        return query

    return (Stage(FIRST_QUERY, first_query), Stage(QUERY, lambda _: query))


def _message(number: int) -> str:
    return f"attempt {number}"


def _accuracy(number: int) -> float:
    return 0.5 + number / 100_000


def _rate(number: int) -> float:
    return number / 1000


def _commits(count: int) -> Iterator[str]:
    for number in range(count):
        text, when = f"step = {number}\n", 1_700_000_000 + number
        yield f"commit refs/heads/main\ncommitter A U Thor <author@example.com> {when} +0000\n"
        yield f"data 4\nstep\n{'' if number else FIRST_PARENT}"
        yield f"M 100644 inline code.py\ndata {len(text)}\n{text}\n"


def _snapshots(ws: Workspace, house: Box, count: int) -> Iterator[Snapshot]:
    payloads = tuple(tracked.payload for tracked in ws.tracking().payloads)
    listed = house.run("git", "log", "--reverse", "--format=%H %T", "main").split()
    # The first commit is older than the ones that were imported.
    commits, trees = listed[2::2], listed[3::2]
    for number in range(count):
        at = number * len(commits) // count
        yield Snapshot(
            commit=Oid.parse(commits[at]),
            tree=Oid.parse(trees[at]),
            patch="",
            created=f"2024-05-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
            author=Person("A U Thor", "author@example.com"),
            message=_message(number),
            why="",
            payloads=payloads,
            parameters={"rate": _rate(number), "depth": number % 12},
            metrics={"accuracy": _accuracy(number), "loss": 1 / (1 + number)},
            code=None,
            clean=True,
            environment=None,
            run=None,
        )
