"""Check what a remote must hold at every instant: its own refs keep everything that notes and
records name."""

from __future__ import annotations

import json
from typing import Any

from tests.support.shell import Shell

RECORDS, NOTES, KEEPS = "refs/datmo/records", "refs/notes/datmo", "refs/datmo/keep/"


def has_ref(hub: Shell, ref: str) -> bool:
    return hub.run("git", "rev-parse", "-q", "--verify", ref, ok=False).returncode == 0


def blobs(hub: Shell, ref: str) -> dict[str, bytes]:
    """Return every file of a ref's tree by its path."""
    if not has_ref(hub, ref):
        return {}
    listed = [line.split("\t") for line in hub.git("ls-tree", "-r", ref).splitlines()]
    ids = "".join(f"{head.split()[2]}\n" for head, _ in listed)
    raw = hub.run("git", "cat-file", "--batch", stdin=ids.encode()).stdout.encode()
    found = {}
    for _, path in listed:
        head, _, raw = raw.partition(b"\n")
        size = int(head.split()[2])
        found[path], raw = raw[:size], raw[size + 1 :]
    return found


def contents(document: dict[str, Any]) -> set[str]:
    """Return the ids of all content that a record names."""
    run = document.get("run") or {}
    named = [*document.get("payloads", ()), *run.get("inputs", ())]
    named += [
        one for one in (document.get("code"), document.get("environment"), run.get("log")) if one
    ]
    return {one["object"] for one in named}


def missing_on(hub: Shell) -> list[str]:
    """Return the objects that a note or record of `hub` names, and that are missing or unreachable.

    Read notes, records and objects in this order, so that the result also holds during a push.
    """
    notes = blobs(hub, NOTES)
    # The tree of the records holds their format marker and tombstones, too.
    files = {
        path: raw
        for path, raw in blobs(hub, RECORDS).items()
        if path != "format" and not path.startswith("redacted/")
    }
    records = {path.replace("/", "").removesuffix(".json"): raw for path, raw in files.items()}
    problems: list[str] = []
    named = (
        (path, line.split()[0])
        for path, note in notes.items()
        for line in note.decode().splitlines()
    )
    problems += [
        f"the note on {path} names the record {oid}, not there"
        for path, oid in named
        if oid not in records
    ]
    documents = {name: json.loads(raw) for name, raw in records.items()}
    dropped = {
        oid for each in documents.values() if each["kind"] == "drop" for oid in each["records"]
    }
    living = {name: each for name, each in documents.items() if name not in dropped}
    wanted = {oid: name for name, each in living.items() for oid in contents(each)}
    if not wanted:
        return problems
    here = hub.git(
        "cat-file", "--batch-check", stdin="".join(f"{oid}\n" for oid in wanted).encode()
    ).splitlines()
    missing = [line.split()[0] for line in here if line.endswith(" missing")]
    problems += [
        f"record {wanted.pop(oid)} names the object {oid}, which is not there" for oid in missing
    ]
    tips = hub.git("for-each-ref", "--format=%(objectname)", KEEPS).split()
    kept = (
        set(hub.git("rev-list", "--objects", "--no-object-names", "--missing=print", *tips).split())
        if tips
        else set()
    )
    needs = hub.git(
        "rev-list",
        "--objects",
        "--no-object-names",
        "--missing=print",
        "--stdin",
        stdin="\n".join(wanted).encode(),
    )
    for oid in needs.split():
        if oid.startswith("?"):
            problems.append(f"a payload needs the object {oid[1:]}, which is not there")
        elif oid not in kept:
            problems.append(f"a payload needs the object {oid}, which no keep ref keeps")
    return problems
