"""Namespaces of the shared refs on a remote.

Hosts accept different refs, so several namespaces exist. A writer uses the first namespace that the
host accepts, and a reader looks in all of them. Branches come last, since a plain `git clone`
fetches all branches and the objects that they keep. A user may configure any other namespace whose
last component is `git-datmo`, so that readers find it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

RECORDS_REF = "refs/datmo/records"
NOTES_REF = "refs/notes/datmo"
# Refs of remotes when they were last seen, as `refs/remotes` has the branches of remotes.
REMOTE_REFS = "refs/datmo-remotes/"


@dataclass(frozen=True, slots=True)
class Namespace:
    """Refs on a remote for records, notes and keep refs, with a common prefix.

    `keep` ends with a slash. `label` is appended to the name of the remote where its refs are
    stored locally.
    """

    name: str
    records: str
    notes: str
    keep: str
    label: str = ""

    def of(self, remote: str) -> str:
        """Return the local name for this namespace of a remote."""
        return remote + self.label

    def remembered(self, remote: str) -> tuple[str, str]:
        """Return the local refs that store the remote's records and notes."""
        return f"{REMOTE_REFS}{self.of(remote)}/records", f"{REMOTE_REFS}{self.of(remote)}/notes"

    def keep_ref(self, epoch: int) -> str:
        """Return the keep ref of an epoch."""
        return f"{self.keep}{epoch}"

    def has(self, ref: str) -> bool:
        """Return True if a remote's ref belongs to this namespace."""
        return ref in (self.records, self.notes) or ref.startswith(self.keep)


def _below(name: str, label: str) -> Namespace:
    """Return a namespace with the usual names below `name`."""
    return Namespace(name, f"{name}/records", f"{name}/notes", f"{name}/keep/", label)


NAMESPACES = (
    Namespace("refs/datmo", RECORDS_REF, NOTES_REF, "refs/datmo/keep/"),
    _below("refs/notes/git-datmo", "/in-notes"),
    _below("refs/heads/git-datmo", "/in-heads"),
)
BRANCHES = NAMESPACES[-1]

# Patterns for `git ls-remote`. A pattern without `refs/` at the start matches any prefix.
PATTERNS = (
    "refs/datmo/keep/*",
    RECORDS_REF,
    NOTES_REF,
    "git-datmo/keep/*",
    "git-datmo/records",
    "git-datmo/notes",
)

# Refs in which git stores other repositories or its own work are never a namespace.
_CUSTOM = re.compile(r"refs/(?!remotes/|datmo)(?P<path>[^\s~^:?*\[\\]+/git-datmo)\Z")
_SHARED = re.compile(r"(?P<name>refs/.+/git-datmo)/(?:records|notes|keep/.+)\Z")
_EPOCH = re.compile(r"[1-9][0-9]*\Z")


def named_namespace(name: str) -> Namespace | None:
    """Return the namespace `name`, or None if it cannot be the name of a namespace."""
    known = next((ns for ns in NAMESPACES if ns.name == name), None)
    custom = _CUSTOM.match(name)
    return known or (_below(name, f"/in/{custom['path']}") if custom else None)


def namespace_of(ref: str) -> Namespace | None:
    """Return the namespace of a remote's ref, or None."""
    known = next((ns for ns in NAMESPACES if ns.has(ref)), None)
    shared = _SHARED.match(ref)
    return known or (named_namespace(shared["name"]) if shared else None)


def epoch_of(ref: str) -> int:
    """Return the epoch of a keep ref, counted from 1; 0 for any other ref."""
    ns = namespace_of(ref)
    number = ref[len(ns.keep) :] if ns is not None and ref.startswith(ns.keep) else ""
    return int(number) if _EPOCH.match(number) else 0


def in_use(refs: Iterable[str]) -> tuple[Namespace, ...]:
    """Return the namespaces that have records or keep refs among `refs`.

    Known namespaces come first, then others by name.
    """
    found = ((ref, namespace_of(ref)) for ref in refs)
    present = {
        ns.name: ns for ref, ns in found if ns is not None and (epoch_of(ref) or ref == ns.records)
    }
    usual = [ns for ns in NAMESPACES if ns.name in present]
    return (*usual, *(present[name] for name in sorted(present.keys() - {ns.name for ns in usual})))
