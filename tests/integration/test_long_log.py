"""Test that a long log comes from its cache, and is equal with a lost or damaged one."""

from __future__ import annotations

import shutil
from pathlib import Path

from git_datmo.model import Oid
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo
from tests.support.shell import Shell

COUNT = 40
AUTHOR = Person("A \x1b[31m", "a@example.com")


def snapshot(commit: Oid, number: int) -> Snapshot:
    figures = {"rate": number / 10}
    when = f"2024-05-01T12:00:{number:02d}.000000Z"
    text = f"attempt {number}"
    return Snapshot(
        commit, commit, "", when, AUTHOR, text, "", (), figures, figures, None, True, None, None
    )


def test_long_log_is_equal_with_and_without_render_cache(repo: Shell) -> None:
    commit = Oid.parse(repo.git("rev-parse", "HEAD"))
    with open_workspace(repo.env, repo.cwd) as ws:
        made = [snapshot(commit, number) for number in range(COUNT)]
        ids = ws.ledger.attach(*made)
        ws.ledger.attach(
            Receipt(ids[7], commit, made[7].created, AUTHOR, "identical", 0, 1.0, {}, (), (), {})
        )
    told = Path(repo.cwd, ".git", "datmo", "told")

    def logs() -> tuple[str, str]:
        lines = datmo(repo, "log").stdout
        assert lines == datmo(repo, "log", str(commit)).stdout
        return lines, datmo(repo, "log", "--data", "--json").stdout

    first = logs()
    assert first[0].count("\nAuthor: A \ufffd[31m") == first[1].count("\n") == COUNT
    assert first[0].count("\n    reproduced ") == first[1].count('{"author": "A \\u001b[31m", ')
    files = {path: path.read_bytes() for path in told.iterdir()}
    assert len(files) == 2

    # The cached lines are enough: the records' blobs may be gone.
    objects = Path(repo.cwd, ".git", "objects")
    loose = [objects / str(oid)[:2] / str(oid)[2:] for oid in ids[:20]]
    for path in loose:
        path.rename(f"{path}.away")
    assert logs() == first
    for path in loose:
        Path(f"{path}.away").rename(path)

    for path, raw in files.items():
        path.write_bytes(raw.replace(b"attempt 3", b"attempt X")[:-100])
    assert logs() == first
    shutil.rmtree(told)
    assert logs() == first
