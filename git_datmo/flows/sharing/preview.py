"""List what a push would send to a remote: each part of each record, with its size and why the record has it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from git_datmo.errors import Incomplete
from git_datmo.flows.sharing.pushed import head_pushed
from git_datmo.flows.sharing.share import plan
from git_datmo.flows.workspace import Workspace
from git_datmo.git.remote import find_remote
from git_datmo.model import Content, Oid, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Image, Record, Run, Snapshot
from git_datmo.store.layout import Kind, Node, read_folder, root_node


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that would leave this machine; `size` is what it holds, of which the remote may have some already."""

    kind: str
    name: str
    size: int
    reason: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """A record that the remote lacks, with what it brings along."""

    id: Oid
    kind: str
    title: str
    parts: tuple[Part, ...]


def preview(ws: Workspace, remote: str = "", *, progress: Progress = QUIET) -> tuple[str, tuple[Leaving, ...]]:
    """Return the remote's address and the records that it lacks; raises `DatmoError` where a push would be refused."""
    target = find_remote(ws.repo.config, remote or ws.repo.default_remote() or "", "", push=True)
    records = plan(ws, target, head_pushed(ws, target.name), dry=True, progress=progress).objects.records
    return target.address, tuple(_leaving(ws, oid) for oid in records)


def _leaving(ws: Workspace, oid: Oid) -> Leaving:
    record = ws.ledger.record(oid, checked=True)
    text = getattr(record, "message", "") or getattr(record, "verdict", "") or getattr(record, "why", "")
    return Leaving(oid, record.kind, text.split("\n")[0], tuple(_parts(ws, record)))


def _parts(ws: Workspace, record: Record) -> Iterator[Part]:
    if isinstance(record, Image):
        yield Part("image", record.platform, record.content.size, "frozen with 'git datmo env freeze'")
    if not isinstance(record, Snapshot):
        return
    run = record.run
    written = set(run.outputs) if run is not None else set()
    for payload in record.payloads:
        reason = "written by the run" if payload.path in written else _reason(payload.role)
        yield Part(str(payload.role), payload.path, payload.content.size, reason)
    if record.code is not None:
        yield Part("code", f"{record.code.files} files", record.code.size, "files that git tracks, as they were")
        for name, size in _beyond_commit(ws, record.commit, record.code):
            yield Part("code", name, size, "untracked; the command named, imported or executed it")
    if record.environment is not None:
        yield Part("environment", "", record.environment.size, "packages, variables, Dockerfile")
    if run is not None:
        yield from _run_parts(run, {payload.object for payload in record.payloads})


def _run_parts(run: Run, now: set[Oid]) -> Iterator[Part]:
    """Yield what a run has beside the payloads as they are `now`."""
    for payload in run.inputs:
        if payload.object not in now:
            yield Part("input", payload.path, payload.content.size, "as it was before the run")
    for payload in run.tracked:
        yield Part("output", payload.path, payload.content.size, "a file of git's that the run wrote")
    if run.log is not None:
        yield Part("log", "", run.log.size, "what the command printed")


def _reason(role: Role) -> str:
    return "tracked by 'git datmo add-data'" if role is Role.DATA else "tracked since an earlier run or add"


def _beyond_commit(ws: Workspace, commit: Oid, code: Content) -> Iterator[tuple[str, int]]:
    """Yield the files of the code whose paths the commit does not have."""
    done = ws.repo.git.finish("ls-tree", "-r", "-z", "--name-only", "--full-tree", str(commit))
    committed = set(done.stdout.split(b"\0"))
    with suppress(Incomplete):
        for path, node in _files(ws, b"", root_node(code)):
            if path not in committed:
                yield path.decode("utf-8", "replace"), 0 if node.chunked else ws.store.size(node.oid)


def _files(ws: Workspace, path: bytes, node: Node) -> Iterator[tuple[bytes, Node]]:
    if node.kind is not Kind.FOLDER:
        yield path, node
        return
    for name, below in read_folder(node.oid, ws.store.read_tree):
        yield from _files(ws, path + b"/" + name if path else name, below)
