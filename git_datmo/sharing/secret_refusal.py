"""Refuse to share text that looks like a secret, since a remote cannot be made to forget it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import islice

from git_datmo.engines.image_archive import CONFIG
from git_datmo.environments.manifest import DOCKERFILE, MANIFEST
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.model import Oid
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.records.contents import list_objects
from git_datmo.records.image_record import Image
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.secret_rules import describe_rules, find_secrets, is_suspicious

ALLOWED = "datmo.notsecret"
SHORTEST = 7
# Larger or more files are not read.
TEXT_LIMIT, FILES_LIMIT = 1 << 20, 20_000
_KEY = re.compile(r'^ *"(\w+)": ', re.MULTILINE)


def refuse_secrets(
    ws: Workspace, records: Iterable[Oid], named: Iterable[tuple[Oid, Record]]
) -> None:
    """Raise `DatmoError` for the first position of a possible secret in a push.

    `records` are checked themselves, those of `named` with log, environment, code and outputs, or
    an image's configuration. Missing content was shared before.
    """
    allowed = tuple(ws.repo.config.all(ALLOWED))
    for oid in records:
        text = ws.odb.read(oid, "blob").decode("utf-8", "replace")
        for secret in () if _is_allowed(oid, allowed) else find_secrets(text):
            key = _KEY.findall(text[: secret.start])
            raise DatmoError(
                f"not shared: record '{oid}' has what looks like a secret ({secret.kind}) in its"
                f" '{key[-1] if key else 'text'}', by the rules of {describe_rules()}",
                f"make it invalid where it was issued; then share it: git config --add {ALLOWED}"
                f" {str(oid)[:10]}",
            )
    for oid, record in named:
        if not _is_allowed(oid, allowed):
            for place, kind in _places(ws, record):
                raise DatmoError(
                    f"not shared: {place} of {record.kind} '{oid}' has what looks like a secret"
                    f" ({kind}),"
                    f" by the rules of {describe_rules()}",
                    f"'git datmo drop {str(oid)[:10]}' keeps it here; where it is none, share it:"
                    f" git config --add {ALLOWED} {str(oid)[:10]}",
                )


def _is_allowed(oid: Oid, allowed: Iterable[str]) -> bool:
    return any(len(word) >= SHORTEST and str(oid).startswith(word.lower()) for word in allowed)


def _places(ws: Workspace, record: Record) -> Iterator[tuple[str, str]]:
    """Yield the file or line, and the kind, of each possible secret in a record's content.

    Objects of other kinds, and of keys of a later version, are searched whole.
    """
    others = record.more
    match record:
        case Image():
            yield from _in_files(ws, "image", record.content.object, {CONFIG})
        case Snapshot():
            yield from _in_snapshot(ws, record)
        case _:
            others = list_objects(record)
    for kept in others:
        yield from _in_texts(ws, kept.name, root_node(kept.content), frozenset(), by_name=False)


def _in_snapshot(ws: Workspace, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    yield from _in_log_and_environment(ws, snapshot)
    if snapshot.code is not None:
        # Files of the commit are pushed by git itself.
        committed = _blobs_of(ws, snapshot.commit)
        yield from _in_texts(ws, "", root_node(snapshot.code), committed, by_name=True)
    run = snapshot.run
    written = {*run.outputs} if run is not None else set[str]()
    outputs = [payload for payload in snapshot.payloads if payload.path in written]
    for payload in (*outputs, *(run.tracked if run is not None else ())):
        yield from _in_texts(
            ws, payload.path, root_node(payload.content), frozenset(), by_name=False
        )
    if run is not None and run.artifacts is not None:
        node = root_node(run.artifacts)
        yield from _in_texts(ws, "artifacts", node, frozenset(), by_name=False)


def _blobs_of(ws: Workspace, commit: Oid) -> frozenset[str]:
    """Return the ids of all files of a commit; none if it is missing."""
    done = ws.repo.git.finish(
        "ls-tree", "-r", "-z", "--format=%(objectname)", "--full-tree", str(commit)
    )
    return frozenset(done.stdout.decode().split("\0"))


def _in_texts(
    ws: Workspace, path: str, node: Node, known: Collection[str], *, by_name: bool
) -> Iterator[tuple[str, str]]:
    """Yield the file, line and kind of each possible secret in small text files at or below
    `path`."""
    with suppress(Incomplete):
        for name, file in islice(_files(ws, path, node), FILES_LIMIT):
            # A chunked file is larger than `TEXT_LIMIT`.
            if str(file.oid) in known or file.chunked:
                continue
            content = _content(ws, file)
            if (
                len(content) > TEXT_LIMIT
                # As for git, content with a NUL is no text.
                or b"\0" in content
                or not is_suspicious(content.decode("latin-1"))
            ):
                continue
            # Latin-1 decodes any bytes.
            for number, line in enumerate(content.decode("latin-1").split("\n"), 1):
                for secret in find_secrets(line, by_name=by_name):
                    yield f"line {number} of '{name}'", secret.kind


def _files(ws: Workspace, path: str, node: Node) -> Iterator[tuple[str, Node]]:
    if node.kind in (NodeKind.FILE, NodeKind.EXECUTABLE):
        yield path, node
    elif node.kind is NodeKind.FOLDER:
        for raw, below in read_folder(node.oid, ws.store.read_tree):
            name = raw.decode("utf-8", "replace")
            yield from _files(ws, f"{path}/{name}" if path else name, below)


def _in_log_and_environment(ws: Workspace, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    if snapshot.run is not None and snapshot.run.log is not None:
        content = _content(ws, root_node(snapshot.run.log))
        if is_suspicious(content.decode("latin-1")):
            for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
                for secret in find_secrets(line):
                    yield f"line {number} of the log", secret.kind
    if snapshot.environment is not None:
        yield from _in_files(ws, "environment", snapshot.environment.object, {MANIFEST, DOCKERFILE})


def _in_files(
    ws: Workspace, what: str, folder: Oid, names: Collection[str]
) -> Iterator[tuple[str, str]]:
    with suppress(Incomplete):
        for raw, node in read_folder(folder, ws.store.read_tree):
            name = raw.decode("utf-8", "replace")
            if name in names and node.kind is NodeKind.FILE:
                for secret in find_secrets(_content(ws, node).decode("latin-1")):
                    yield f"the {what}'s '{name}'", secret.kind


def _content(ws: Workspace, node: Node) -> bytes:
    try:
        blobs = list(read_chunks(node.oid, ws.store.read_tree)) if node.chunked else [node.oid]
        return b"".join(ws.store.read(blob, "blob") for blob in blobs)
    except Incomplete:
        return b""
