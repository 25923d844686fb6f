"""Refuse pushes that would lose the data that others shared."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from git_datmo.records.namespaces import NAMESPACES, NOTES_REF, namespace_of
from git_remote_datmo.protocol import TEXT


@dataclass(frozen=True, slots=True)
class Push:
    """Ref in a push. `loses` says that the push may remove commits from it.

    `source` is the local name of the new value; '' if it is unknown or the push deletes the ref.
    """

    target: str
    loses: bool
    source: str = ""


def parse_push_line(line: bytes) -> Push:
    """Parse `push [+]<source>:<target>`; an empty source deletes the target."""
    refspec = line.decode(*TEXT).removeprefix("push ")
    # A source can have a colon (`HEAD:path`), the name of a ref cannot (git-check-ref-format).
    source, _, target = refspec.rpartition(":")
    return Push(target, loses=refspec.startswith((":", "+")), source=source.removeprefix("+"))


def is_shared_ref(name: str) -> bool:
    """Return True if git-datmo alone moves this ref on a remote."""
    own = (f"{NOTES_REF}/", *(f"{ns.name}/" for ns in NAMESPACES))
    return name == NOTES_REF or name.startswith(own) or namespace_of(name) is not None


Refused = dict[str, str]


def refusals(batch: Sequence[Push], there: Container[str]) -> Refused:
    """Return the refs of a batch with a reason each, if the batch would lose shared data.

    Returns an empty mapping otherwise. A `push --mirror` is the usual cause. The batch is refused
    as a whole. `there` contains the remote's refs.
    """
    lost = {
        push.target
        for push in batch
        if push.loses and is_shared_ref(push.target) and push.target in there
    }
    return (
        {push.target: LOST if push.target in lost else "not pushed" for push in batch}
        if lost
        else {}
    )


LOST = "git-datmo shares this ref; a mirror push would lose data"
NOT_SHARED = "not pushed, since git-datmo could not share its data"


def errors(refused: Refused) -> bytes:
    """Return the answer to a batch that is refused."""
    return (
        "".join(f"error {target} {why}\n" for target, why in refused.items()).encode(*TEXT) + b"\n"
    )


def listed_refs(listing: bytes) -> dict[str, str]:
    """Return the refs in the answer to `list`, with their ids."""
    rows = (line.split(" ") for line in listing.decode(*TEXT).splitlines())
    return {row[1]: row[0] for row in rows if len(row) > 1 and row[1].startswith("refs/")}
