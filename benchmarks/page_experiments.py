"""Make a repository with many experiments, for measurements of the page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from git_datmo.model import Oid
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.workspace import open_workspace
from tests.support.shell import Shell, seal


def make_repository(folder: Path, count: int, columns: int) -> Shell:
    """Make a repository with experiments of one commit, each with this many values."""
    shell = Shell(folder / "repo", seal(folder / "home"))
    shell.cwd.mkdir()
    shell.git("init", "-q", ".")
    shell.commit("train.py", "pass\n")
    shell.git("datmo", "init")
    with open_workspace(shell.env, shell.cwd) as ws:
        head = ws.head()
        assert head is not None
        ws.ledger.attach(*_snapshots(head, count, columns))
    return shell


def _snapshots(head: Oid, count: int, columns: int) -> Iterator[Snapshot]:
    """Yield experiments with half parameters and half metrics."""
    dice = Random(1)
    half = columns // 2
    for number in range(count):
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_700_000_000 + number))
        yield Snapshot(
            head, head, "", f"{second}.000000Z", Person("Ada", "ada@example.com"), f"run {number}",
            "", (), {f"p{n}": dice.choice((1e-3, 1e-2, 64, "adam")) for n in range(half)},
            {f"m{n}": dice.random() for n in range(columns - half)}, None, True, None,
            Run(("python", "train.py"), exit_code=0, seconds=3.0, status="success"),
        )  # fmt: skip
