"""Change refs by compare-and-swap, all in one transaction (git-update-ref, `--stdin`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git, failure
from git_datmo.model import Oid


@dataclass(frozen=True, slots=True)
class RefChange:
    """The change of a ref from `old` to `new`; None stands for a ref that does not exist."""

    ref: str
    old: Oid | None
    new: Oid | None


class RefMoved(DatmoError):
    """A ref that another process changed first: read it again and retry."""


def read_refs(git: Git, *prefixes: str) -> dict[str, Oid]:
    """Return the refs below `prefixes` and their objects."""
    lines = git.text("for-each-ref", "--format=%(objectname) %(refname)", *prefixes).splitlines()
    return {name: Oid.parse(oid) for oid, _, name in (line.partition(" ") for line in lines)}


def read_ref(git: Git, ref: str) -> Oid | None:
    done = git.finish("rev-parse", "--verify", "-q", "--end-of-options", ref)
    return Oid.parse(done.stdout.decode().strip()) if done.returncode == 0 else None


def change_refs(git: Git, changes: Iterable[RefChange], *, why: str) -> None:
    """Apply changes together; raise `RefMoved` if any ref is no longer what was read."""
    lines = ["start"]
    for change in changes:
        # Zeros in the length of the object format mean that the ref must not exist.
        none = "0" * (2 * len(change.old or change.new or b""))
        if change.new is None:
            lines.append(f"delete {change.ref}\0{change.old or none}")
        else:
            lines.append(f"update {change.ref}\0{change.new}\0{change.old or none}")
    stdin = "\0".join([*lines, "prepare", "commit", ""]).encode()
    argv = ("update-ref", "-m", f"datmo: {why}", "--stdin", "-z")
    done = git.finish(*argv, stdin=stdin)
    if done.returncode:
        # Git has no exit status of its own for a lost race, only these words in the C locale.
        if (
            b"lock" in done.stderr
            or b"but expected" in done.stderr
            or b"already exists" in done.stderr
        ):
            raise RefMoved(
                "another process changed the records at the same moment", "run the command again"
            )
        raise failure(argv, done.returncode, done.stderr)
