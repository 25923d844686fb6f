"""Refuses to share what looks like a secret: what is on a remote cannot be called back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress

from git_datmo.engines.manifest import DOCKERFILE, MANIFEST
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.secrecy.rules import find_secrets, is_suspicious
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.records.types import Record, Snapshot
from git_datmo.store.layout import Kind, Node, read_chunks, read_folder, root_node

ALLOWED = "datmo.notsecret"
SHORTEST = 7
_KEY = re.compile(r'^ *"(\w+)": ', re.MULTILINE)


def refuse_secrets(ws: Workspace, records: Iterable[Oid], named: Iterable[tuple[Oid, Record]]) -> None:
    """Raise `DatmoError` for the first place in what is about to be shared that looks like a secret.

    `records` go by themselves, those of `named` with their log and environment. What is not here was shared before.
    """
    allowed = tuple(ws.repo.config.all(ALLOWED))
    for oid in records:
        text = ws.odb.read(oid, "blob").decode("utf-8", "replace")
        for secret in () if _is_allowed(oid, allowed) else find_secrets(text):
            key = _KEY.findall(text[: secret.start])
            raise DatmoError(
                f"not shared: record '{oid}' has what looks like a secret ({secret.kind}) in its"
                f" '{key[-1] if key else 'text'}'",
                f"make it invalid where it was issued; then share it: git config --add {ALLOWED} {str(oid)[:10]}",
            )
    for oid, record in named:
        if isinstance(record, Snapshot) and not _is_allowed(oid, allowed):
            for place, kind in _places(ws, record):
                raise DatmoError(
                    f"not shared: {place} of snapshot '{oid}' has what looks like a secret ({kind})",
                    f"'git datmo drop {str(oid)[:10]}' keeps it here; where it is none, share it:"
                    f" git config --add {ALLOWED} {str(oid)[:10]}",
                )


def _is_allowed(oid: Oid, allowed: Iterable[str]) -> bool:
    return any(len(word) >= SHORTEST and str(oid).startswith(word.lower()) for word in allowed)


def _places(ws: Workspace, snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """The line of the log, or the environment's file, and the kind of each secret."""
    if snapshot.run is not None and snapshot.run.log is not None:
        content = _content(ws, root_node(snapshot.run.log))
        if is_suspicious(content.decode("latin-1")):
            for number, line in enumerate(content.decode("latin-1").splitlines(), 1):
                for secret in find_secrets(line):
                    yield f"line {number} of the log", secret.kind
    if snapshot.environment is not None:
        for name, node in _files(ws, snapshot.environment.object):
            for secret in find_secrets(_content(ws, node).decode("latin-1")):
                yield f"the environment's '{name}'", secret.kind


def _files(ws: Workspace, environment: Oid) -> Iterator[tuple[str, Node]]:
    with suppress(Incomplete):
        for name, node in read_folder(environment, ws.store.read_tree):
            if name in (MANIFEST.encode(), DOCKERFILE.encode()) and node.kind is Kind.FILE:
                yield name.decode(), node


def _content(ws: Workspace, node: Node) -> bytes:
    try:
        blobs = list(read_chunks(node.oid, ws.store.read_tree)) if node.chunked else [node.oid]
        return b"".join(ws.store.read(blob, "blob") for blob in blobs)
    except Incomplete:
        return b""
