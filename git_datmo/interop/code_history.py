"""List commits of the code with their authors and times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone

from git_datmo.git.object_encoding import commit_tree
from git_datmo.model import Oid, Payload
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class CodeCommit:
    """A commit of the code: its id, parents, author, time as in records, and subject."""

    oid: str
    parents: tuple[str, ...]
    author: Person
    time: str
    subject: str


def list_commits(ws: Workspace, *arguments: str) -> Iterator[CodeCommit]:
    """Yield commits of the code, as `git log` finds them."""
    # `%s` has no line break, so each commit is one line.
    form = "--format=%H%x00%P%x00%an%x00%ae%x00%cI%x00%s"
    for line in ws.repo.git.text("log", form, *arguments, "--").splitlines():
        oid, parents, name, mail, time, subject = line.split("\0")
        yield CodeCommit(oid, tuple(parents.split()), Person(name, mail), _utc(time), subject)


def _utc(time: str) -> str:
    """Return a time of git's as records have it."""
    # Python 3.10 does not parse `Z`.
    moment = datetime.fromisoformat(time.replace("Z", "+00:00")).astimezone(timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_data_record(
    ws: Workspace, oid: Oid, commit: CodeCommit, payloads: tuple[Payload, ...], tag: str
) -> Snapshot:
    """Return a record of the commit `oid` that has data, and no parameters, metrics or run.

    Author, time and message are those of `commit`, which can be an experiment on top of `oid`.
    """
    return Snapshot(
        commit=oid,
        tree=commit_tree(ws.odb.read(oid, "commit")),
        patch=ws.repo.patch_id(oid),
        created=commit.time,
        author=commit.author,
        message=commit.subject,
        why="",
        payloads=payloads,
        parameters={},
        metrics={},
        code=None,
        clean=True,
        environment=None,
        run=None,
        tags=(tag,),
    )
