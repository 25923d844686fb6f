"""Refs change by compare-and-swap in one transaction, or not at all (git-update-ref, `--stdin`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.run import Git, failure
from git_datmo.model import Oid


@dataclass(frozen=True, slots=True)
class RefChange:
    """`ref` goes from `old` (None: it must not exist) to `new` (None: it is deleted)."""

    ref: str
    old: Oid | None
    new: Oid | None


class RefMoved(DatmoError):
    """Somebody else changed a ref first: read again and try again."""


def read_refs(git: Git, *prefixes: str) -> dict[str, Oid]:
    """Every ref below `prefixes` with what it points at."""
    lines = git.text("for-each-ref", "--format=%(objectname) %(refname)", *prefixes).splitlines()
    return {name: Oid.parse(oid) for oid, _, name in (line.partition(" ") for line in lines)}


def read_ref(git: Git, ref: str) -> Oid | None:
    done = git.finish("rev-parse", "--verify", "-q", "--end-of-options", ref)
    return Oid.parse(done.stdout.decode().strip()) if done.returncode == 0 else None


def change_refs(git: Git, changes: Iterable[RefChange], *, why: str) -> None:
    """Apply `changes` together; raises `RefMoved` when one of them no longer is what was read."""
    lines = ["start"]
    for change in changes:
        none = "0" * (2 * len(change.old or change.new or b""))
        if change.new is None:
            lines.append(f"delete {change.ref}\0{change.old or none}")
        else:
            lines.append(f"update {change.ref}\0{change.new}\0{change.old or none}")
    stdin = "\0".join([*lines, "prepare", "commit", ""]).encode()
    argv = ("update-ref", "-m", f"datmo: {why}", "--stdin", "-z")
    done = git.finish(*argv, stdin=stdin)
    if done.returncode:
        if b"lock" in done.stderr or b"but expected" in done.stderr or b"already exists" in done.stderr:
            raise RefMoved("another process changed the records at the same moment", "run the command again")
        raise failure(argv, done.returncode, done.stderr)
