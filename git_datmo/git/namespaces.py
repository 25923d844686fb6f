"""Where a remote has what is shared: hosts differ in the refs that they take, so there is more than one place.

The first namespace that a host takes is the one to write to; a reader looks in all of them. Branches come last, since
a plain `git clone` brings all branches along, and with them what they keep. A person may set any other whose last name
is `git-datmo`, by which readers find it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

RECORDS_REF = "refs/datmo/records"
NOTES_REF = "refs/notes/datmo"
# What remotes had when they were last seen, as refs/remotes has it of branches.
REMOTE_REFS = "refs/datmo-remotes/"


@dataclass(frozen=True, slots=True)
class Namespace:
    """A remote's refs for records, notes and keep refs (`keep` ends in a slash), told by their common beginning.

    `label` goes behind a remote's name where its refs are remembered here.
    """

    name: str
    records: str
    notes: str
    keep: str
    label: str = ""

    def of(self, remote: str) -> str:
        """The name under which this namespace of a remote is remembered."""
        return remote + self.label

    def remembered(self, remote: str) -> tuple[str, str]:
        """The refs by which its records and notes are remembered."""
        return f"{REMOTE_REFS}{self.of(remote)}/records", f"{REMOTE_REFS}{self.of(remote)}/notes"

    def keep_ref(self, epoch: int) -> str:
        return f"{self.keep}{epoch}"

    def has(self, ref: str) -> bool:
        return ref in (self.records, self.notes) or ref.startswith(self.keep)


def _below(name: str, label: str) -> Namespace:
    return Namespace(name, f"{name}/records", f"{name}/notes", f"{name}/keep/", label)


NAMESPACES = (
    Namespace("refs/datmo", RECORDS_REF, NOTES_REF, "refs/datmo/keep/"),
    _below("refs/notes/git-datmo", "/in-notes"),
    _below("refs/heads/git-datmo", "/in-heads"),
)
BRANCHES = NAMESPACES[-1]

# What `git ls-remote` is asked for; a pattern that does not begin with `refs/` fits any beginning.
PATTERNS = ("refs/datmo/keep/*", RECORDS_REF, NOTES_REF, "git-datmo/keep/*", "git-datmo/records", "git-datmo/notes")

# Refs that git itself keeps of other repositories, or of its own work, are nobody's namespace.
_CUSTOM = re.compile(r"refs/(?!remotes/|datmo)(?P<path>[^\s~^:?*\[\\]+/git-datmo)\Z")
_SHARED = re.compile(r"(?P<name>refs/.+/git-datmo)/(?:records|notes|keep/.+)\Z")
_EPOCH = re.compile(r"[1-9][0-9]*\Z")


def named_namespace(name: str) -> Namespace | None:
    """Return the namespace with a name; None for a name that cannot be one."""
    known = next((ns for ns in NAMESPACES if ns.name == name), None)
    custom = _CUSTOM.match(name)
    return known or (_below(name, f"/in/{custom['path']}") if custom else None)


def namespace_of(ref: str) -> Namespace | None:
    """The namespace that a remote's ref belongs to."""
    known = next((ns for ns in NAMESPACES if ns.has(ref)), None)
    shared = _SHARED.match(ref)
    return known or (named_namespace(shared["name"]) if shared else None)


def epoch_of(ref: str) -> int:
    """The epoch of a keep ref, counted from 1; 0 for any other ref."""
    ns = namespace_of(ref)
    number = ref[len(ns.keep) :] if ns is not None and ref.startswith(ns.keep) else ""
    return int(number) if _EPOCH.match(number) else 0


def in_use(refs: Iterable[str]) -> tuple[Namespace, ...]:
    """The namespaces in which a remote has records or keeps something."""
    found = ((ref, namespace_of(ref)) for ref in refs)
    present = {ns.name: ns for ref, ns in found if ns is not None and (epoch_of(ref) or ref == ns.records)}
    usual = [ns for ns in NAMESPACES if ns.name in present]
    return (*usual, *(present[name] for name in sorted(present.keys() - {ns.name for ns in usual})))
