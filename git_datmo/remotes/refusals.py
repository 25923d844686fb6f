"""Recognize in hosts' messages why a push was refused."""

from __future__ import annotations

import re

from git_datmo.errors import Damaged, DatmoError, GitFailed, Incomplete
from git_datmo.git.remote_commands import Rejected
from git_datmo.model import Oid

# From git's index-pack, HTTP servers, GitLab, Azure DevOps, Bitbucket.
_TOO_LARGE = re.compile(
    r"exceeds maximum allowed size|\bHTTP 413\b|returned error: 413|[Ee]ntity [Tt]oo [Ll]arge"
    r"|size is greater than the limit|(?:pack|push)\b.{0,40}\b(?:too large|size limit|exceeds)",
)
_RATE_LIMIT = re.compile(
    r"\bHTTP 429\b|returned error: 429|\brate.limit|\btoo many (?:requests|pushes)", re.IGNORECASE
)

# Git's messages for a connection that ended during a push. A proxy may answer for a server that is
# gone.
_DROP = re.compile(
    r"hung up unexpectedly|unexpected disconnect|[Cc]onnection (?:was )?reset|[Bb]roken pipe"
    r"|(?:HTTP|returned error:) 50[234]\b"
)
_DENIED = re.compile(r"(?:HTTP|returned error:) 4[0-9][0-9]\b")

# From git, and from JGit, which sends only what refs point at.
_ABSENCE = re.compile(r"\bnot our ref\b|\bunadvertised object\b|\bwant [0-9a-f]+ not valid\b")

# From git's pack-objects and rev-list.
_LACKS = re.compile(
    r"(?:unable to read|[Cc]ould not read|missing \w+|bad \w+ object)"
    r" '?([0-9a-f]{64}|[0-9a-f]{40})\b"
)

# Git's messages at either end of a push whose local objects are damaged.
_DAMAGE = re.compile(
    r"\bunpacker error\b|\bunpack(?:-objects)? failed\b|\binflate\b|\bis corrupt\b|\bbad"
    r" (?:packed )?object\b"
    r"|\bindex-pack (?:failed|abnormal)|\bcorrupt packed object\b|\bpack-objects died\b"
    r"|\bunable to (?:read|unpack) [0-9a-f]{40}"
)


# Words of git and of `pack_entries.py` for refs to damaged, absent, huge or other objects.
_UNSOUND = re.compile(
    r"did not send all necessary objects|\bindex-pack failed|\bnot a valid object|\bbad object\b"
    r"|\bmissing necessary objects|\bpack-objects died\b|\btoo-short tree|\bmalformed"
    r"|\bunresolved deltas?\b|\bis corrupt|\bobject \w+ is a \w+, not a|\bcame in a pack\b"
)


def is_unsound(error: GitFailed) -> bool:
    """Return whether a fetch failed by what a remote's refs lead to."""
    return _UNSOUND.search(error.stderr) is not None


def may_be_damage(error: DatmoError) -> bool:
    """Return True if a push failed as it does if local objects are damaged."""
    return isinstance(error, Damaged) or _DAMAGE.search(_said(error)) is not None


def is_absence(error: DatmoError) -> bool:
    """Return True if a host does not have an object, or does not send it by id."""
    return _ABSENCE.search(_said(error)) is not None


def missing_objects(error: DatmoError) -> set[Oid]:
    """Return the missing objects that an error names."""
    if isinstance(error, Incomplete):
        return set(map(Oid.parse, error.missing))
    return {Oid.parse(oid) for oid in _LACKS.findall(_said(error))}


def is_too_large(error: DatmoError) -> bool:
    """Return True if a host refused a push for its size."""
    return _TOO_LARGE.search(_said(error)) is not None


def is_drop(error: DatmoError) -> bool:
    """Return True if a connection ended in the middle of a push."""
    said = _said(error)
    return (
        # A host that rejects a ref has answered, so the connection was not cut off.
        not isinstance(error, Rejected)
        and _DROP.search(said) is not None
        and _DENIED.search(said) is None
    )


def is_rate_limit(error: DatmoError) -> bool:
    """Return True if a host asks for fewer requests."""
    return _RATE_LIMIT.search(_said(error)) is not None


def _said(error: DatmoError) -> str:
    """Return all messages of git and the host."""
    if isinstance(error, Rejected):
        return f"{error.what}\n{error.said}"
    return error.stderr if isinstance(error, GitFailed) else error.what
