"""Write records, notes and objects that no git-datmo writes."""

from __future__ import annotations

import json
from typing import Any

from tests.support.commands import datmo
from tests.support.shell import Shell

BLOB, LINK, TREE = "100644", "120000", "40000"


def put(hub: Shell, kind: str, content: bytes) -> str:
    """Store any bytes as an object, without git's checks."""
    return hub.run(
        "git", "hash-object", "--literally", "-w", "-t", kind, "--stdin", stdin=content
    ).stdout.strip()


def put_tree(hub: Shell, *entries: tuple[str, bytes, str]) -> str:
    return put(
        hub,
        "tree",
        b"".join(b"%s %s\0" % (m.encode(), n) + bytes.fromhex(oid) for m, n, oid in entries),
    )


def plant(hub: Shell, raw: bytes, commit: str, line: str = "snapshot planted") -> str:
    """Put a blob among the remote's records, and name it in the commit's note."""
    oid = put(hub, "blob", raw)
    index = hub.having(GIT_INDEX_FILE=str(hub.cwd / "planting"), GIT_WORK_TREE=str(hub.cwd))
    if hub.git("for-each-ref", "refs/datmo/records"):
        index.git("read-tree", "refs/datmo/records")
    index.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{oid[:2]}/{oid[2:]}.json")
    parents = ["-p", "refs/datmo/records"] if hub.git("for-each-ref", "refs/datmo/records") else []
    hub.git(
        "update-ref",
        "refs/datmo/records",
        hub.git("commit-tree", *parents, "-m", "x", index.git("write-tree")),
    )
    hub.git("notes", "--ref=datmo", "append", "-m", f"{oid} {line}", commit)
    return oid


def genuine(shell: Shell, commit: str = "HEAD") -> dict[str, Any]:
    """Return the record of a commit's experiment, as a document to change."""
    document: dict[str, Any] = json.loads(datmo(shell, "show", commit, "--json").stdout)
    for own in ("id", "receipts", "checks", "tests", "found_by", "found_on", "commit_found"):
        document.pop(own, None)
    return document
