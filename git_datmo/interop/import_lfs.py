"""Make experiments that hold the files which commits have in Git LFS."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.interop.code_history import CodeCommit, list_commits, make_data_record
from git_datmo.interop.import_runs import Imported, known_tags
from git_datmo.interop.lfs_fetch import fetch_or_hint
from git_datmo.model import Content, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.stored_curves import store_folder
from git_datmo.repository.workspace import Workspace

# A pointer (git-lfs, docs/spec.md) has fewer bytes than this.
POINTER_LIMIT = 1024
# `version` is the first key, and the others are sorted.
_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:([0-9a-f]{64})\nsize ([0-9]+)\n"
)
HINT = "neither this clone nor the LFS server has it"


@dataclass(slots=True)
class _PointerReader:
    """Pointers and contents that were seen. `pointers` has None for blobs that are none.

    `hint` says what to do about a missing file.
    """

    ws: Workspace
    hint: str = HINT
    pointers: dict[str, str | None] = field(default_factory=dict)
    contents: dict[str, Content] = field(default_factory=dict)


def import_lfs(ws: Workspace, *, progress: Progress = QUIET) -> Imported:
    """Make an experiment for each commit of HEAD's history that changes files in Git LFS.

    Git tracks the pointers of these files, so the experiments do not define the data of commits.
    Files that are missing are fetched from the LFS server. All experiments are stored in one step.
    A commit that was imported before is not imported again.
    """
    reading, there = _PointerReader(ws), known_tags(ws)
    changing = list(_changing(reading))
    new = [(commit, pointers) for commit, pointers in changing if f"lfs:{commit.oid}" not in there]
    incomplete = [
        commit.oid
        for commit, pointers in new
        if not all(_file(ws, sha256).is_file() for sha256 in pointers.values())
    ]
    if incomplete:
        reading.hint = fetch_or_hint(ws, incomplete, progress) or HINT
    made, lost = list[Snapshot](), list[str]()
    progress.begin("Importing", len(new))
    with ws.locked():
        for commit, pointers in new:
            progress.advance(1)
            try:
                made.append(_snapshot(reading, commit, pointers))
            except (DatmoError, OSError) as error:
                what = f"{error.what}; {error.hint}" if isinstance(error, DatmoError) else error
                lost.append(f"{commit.oid[:10]}, {what}")
        progress.finish()
        oids = ws.ledger.attach(*made) if made else ()
    return Imported(oids, len(changing) - len(new), tuple(lost))


def _changing(reading: _PointerReader) -> Iterator[tuple[CodeCommit, Mapping[str, str]]]:
    """Yield the commits of HEAD's history that change files in Git LFS, with their pointers."""
    before: dict[str, Mapping[str, str]] = {}
    for commit in list_commits(reading.ws, "--topo-order", "--reverse", "HEAD"):
        pointers = _pointers(reading, commit.oid)
        before[commit.oid] = pointers
        # A merge that has the pointers of a parent changes nothing.
        if pointers and pointers not in [before.get(parent) for parent in commit.parents]:
            yield commit, pointers


def _pointers(reading: _PointerReader, commit: str) -> dict[str, str]:
    """Return the SHA-256 of each file that a commit has in Git LFS, by path."""
    listed = reading.ws.repo.git.run("ls-tree", "-r", "-z", "-l", "--full-tree", commit)
    found = dict[str, str]()
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, kind, oid, size = head.decode().split()
        # A submodule has no size, so the kind is tested first.
        if kind == "blob" and mode != "120000" and int(size) < POINTER_LIMIT:
            if oid not in reading.pointers:
                content = reading.ws.odb.read(oid, "blob", POINTER_LIMIT)
                match = _POINTER.match(content)
                reading.pointers[oid] = match[1].decode() if match else None
            pointer = reading.pointers[oid]
            if pointer is not None:
                found[os.fsdecode(path)] = pointer
    return found


def _snapshot(reading: _PointerReader, commit: CodeCommit, pointers: Mapping[str, str]) -> Snapshot:
    """Return the record of a commit; raise `DatmoError` if the data of a file are missing."""
    payloads = tuple(
        Payload(path, Role.DATA, _store(reading, path, pointers[path])) for path in sorted(pointers)
    )
    # Git tracks the pointers at the same paths, so that the data cannot be the commit's own.
    oid, tag = Oid.parse(commit.oid), f"lfs:{commit.oid}"
    return replace(make_data_record(reading.ws, oid, commit, payloads, tag), side=True)


def _file(ws: Workspace, sha256: str) -> Path:
    """Return the path at which Git LFS keeps a file in this clone."""
    return Path(ws.repo.common_dir, "lfs", "objects", sha256[:2], sha256[2:4], sha256)


def _store(reading: _PointerReader, path: str, sha256: str) -> Content:
    """Store the content of a file, once, and return it."""
    if sha256 not in reading.contents:
        file = _file(reading.ws, sha256)
        if not file.is_file():
            raise DatmoError(f"whose file '{path}' is missing ({sha256[:10]})", reading.hint)
        reading.contents[sha256] = store_folder(reading.ws, file)
    return reading.contents[sha256]
