"""List what a push would send: each part of each record, with its size and the reason for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import Incomplete, assert_never
from git_datmo.git.remote_commands import find_remote
from git_datmo.model import Content, Oid, Role
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.annotation_record import Annotation
from git_datmo.records.check_record import Check
from git_datmo.records.drop_record import Drop
from git_datmo.records.feedback_record import Feedback
from git_datmo.records.image_record import Image
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_registry import Record, find_kind
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.records.unknown_record import Unknown
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.push import plan
from git_datmo.sharing.pushed_refs import head_pushed
from git_datmo.sizes import show_count


@dataclass(frozen=True, slots=True)
class PreviewPart:
    """One piece of content that would leave this machine. The remote may have some of `size`
    already."""

    kind: str
    name: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A record that the remote does not have, with its parts."""

    id: Oid
    kind: str
    title: str
    parts: tuple[PreviewPart, ...]


def preview(
    ws: Workspace, remote: str = "", *, progress: Progress = QUIET
) -> tuple[str, tuple[Leaving, ...]]:
    """Return the remote's address and the records that it does not have.

    Raises `DatmoError` if a push would be refused.
    """
    target = find_remote(ws.repo.config, remote or ws.repo.default_remote() or "", "", push=True)
    records = plan(
        ws, target, head_pushed(ws, target.name), dry=True, progress=progress
    ).objects.records
    return target.address, tuple(_leaving(ws, oid) for oid in records)


def _leaving(ws: Workspace, oid: Oid) -> Leaving:
    record = ws.ledger.record(oid, checked=True)
    title = find_kind(record.kind).title(record)
    return Leaving(oid, record.kind, title.split("\n")[0], tuple(_parts(ws, record)))


def _parts(ws: Workspace, record: Record) -> Iterator[PreviewPart]:
    """Yield the parts of a record."""
    match record:
        case Snapshot():
            yield from _snapshot_parts(ws, record)
        case Image():
            reason = "frozen with 'git datmo env freeze'"
            yield PreviewPart("image", record.platform, record.content.size, reason)
        case Feedback():
            reason = "collected with 'git datmo feedback collect'"
            yield PreviewPart("feedback", str(record.snapshot)[:10], record.content.size, reason)
        case Receipt() | Annotation() | Drop() | Check() | ModelTest() | Unknown():
            pass
        case _:
            assert_never(record)
    for kept in record.more:
        yield PreviewPart(
            "object",
            kept.name,
            kept.content.size,
            "of a key or kind that only a newer git-datmo knows",
        )


def _snapshot_parts(ws: Workspace, record: Snapshot) -> Iterator[PreviewPart]:
    """Yield the parts of a snapshot."""
    run = record.run
    written = set(run.outputs) if run is not None else set()
    for payload in record.payloads:
        reason = "written by the run" if payload.path in written else _reason(payload.role)
        yield PreviewPart(str(payload.role), payload.path, payload.content.size, reason)
    if record.code is not None:
        yield PreviewPart(
            "code",
            show_count(record.code.files, "file"),
            record.code.size,
            "files that git tracks, as they were",
        )
        for name, size in _beyond_commit(ws, record.commit, record.code):
            yield PreviewPart(
                "code", name, size, "untracked; the command named, imported or executed it"
            )
    if record.environment is not None:
        yield PreviewPart(
            "environment", "", record.environment.size, "packages, variables, Dockerfile"
        )
    if run is not None:
        yield from _run_parts(run, {payload.object for payload in record.payloads})


def _run_parts(run: Run, now: set[Oid]) -> Iterator[PreviewPart]:
    """Yield the parts of a run that are not among the payloads as they are `now`."""
    for payload in run.inputs:
        if payload.object not in now:
            yield PreviewPart(
                "input", payload.path, payload.content.size, "as it was before the run"
            )
    for payload in run.tracked:
        yield PreviewPart(
            "output", payload.path, payload.content.size, "a file of git's that the run wrote"
        )
    if run.log is not None:
        yield PreviewPart("log", "", run.log.size, "what the command printed")
    if run.series is not None:
        yield PreviewPart("series", "", run.series.size, "the values of metrics over time")
    if run.artifacts is not None:
        yield PreviewPart("artifacts", "", run.artifacts.size, "what the command logged")


def _reason(role: Role) -> str:
    return (
        "tracked by 'git datmo add-data'"
        if role is Role.DATA
        else "tracked since an earlier run or add"
    )


def _beyond_commit(ws: Workspace, commit: Oid, code: Content) -> Iterator[tuple[str, int]]:
    """Yield the files of the code whose paths the commit does not have."""
    done = ws.repo.git.finish("ls-tree", "-r", "-z", "--name-only", "--full-tree", str(commit))
    committed = set(done.stdout.split(b"\0"))
    with suppress(Incomplete):
        for path, node in _files(ws, b"", root_node(code)):
            if path not in committed:
                yield (
                    path.decode("utf-8", "replace"),
                    0 if node.chunked else ws.store.size(node.oid),
                )


def _files(ws: Workspace, path: bytes, node: Node) -> Iterator[tuple[bytes, Node]]:
    if node.kind is not NodeKind.FOLDER:
        yield path, node
        return
    for name, below in read_folder(node.oid, ws.store.read_tree):
        yield from _files(ws, path + b"/" + name if path else name, below)
