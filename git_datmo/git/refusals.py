"""What hosts say where a push is too much for them, in the words that are known of them."""

from __future__ import annotations

import re

from git_datmo.errors import Damaged, DatmoError, GitFailed, Incomplete
from git_datmo.git.remote import Rejected
from git_datmo.model import Oid

# git's own index-pack, HTTP servers, GitLab, Azure DevOps, Bitbucket.
_TOO_LARGE = re.compile(
    r"exceeds maximum allowed size|\bHTTP 413\b|returned error: 413|[Ee]ntity [Tt]oo [Ll]arge"
    r"|size is greater than the limit|(?:pack|push)\b.{0,40}\b(?:too large|size limit|exceeds)",
)
_RATE_LIMIT = re.compile(r"\bHTTP 429\b|returned error: 429|\brate.limit|\btoo many (?:requests|pushes)", re.IGNORECASE)

# What git says where a connection ended in the middle of a push; a proxy may answer for a server that went away.
_DROP = re.compile(
    r"hung up unexpectedly|unexpected disconnect|[Cc]onnection (?:was )?reset|[Bb]roken pipe"
    r"|(?:HTTP|returned error:) 50[234]\b"
)
_DENIED = re.compile(r"(?:HTTP|returned error:) 4[0-9][0-9]\b")

# git, and JGit where it gives nothing but what refs point at.
_ABSENCE = re.compile(r"\bnot our ref\b|\bunadvertised object\b|\bwant [0-9a-f]+ not valid\b")

# git's own pack-objects and rev-list.
_LACKS = re.compile(r"(?:unable to read|[Cc]ould not read|missing \w+|bad \w+ object) '?([0-9a-f]{64}|[0-9a-f]{40})\b")

# What git says at either end of a push whose objects are damaged at this one.
_DAMAGE = re.compile(
    r"\bunpacker error\b|\bunpack(?:-objects)? failed\b|\binflate\b|\bis corrupt\b|\bbad (?:packed )?object\b"
    r"|\bindex-pack (?:failed|abnormal)|\bcorrupt packed object\b|\bpack-objects died\b"
    r"|\bunable to (?:read|unpack) [0-9a-f]{40}"
)


# What git says where a remote's refs lead to objects that are damaged, absent or of another kind.
_UNSOUND = re.compile(
    r"did not send all necessary objects|\bindex-pack failed|\bnot a valid object|\bbad object\b"
    r"|\bmissing necessary objects|\bpack-objects died\b|\btoo-short tree|\bmalformed"
    r"|\bunresolved deltas?\b|\bis corrupt|\bobject \w+ is a \w+, not a"
)


def is_unsound(error: GitFailed) -> bool:
    """Return whether a fetch failed by what a remote's refs lead to."""
    return _UNSOUND.search(error.stderr) is not None


def may_be_damage(error: DatmoError) -> bool:
    """Return whether a push failed in a way in which it does where objects are damaged here."""
    return isinstance(error, Damaged) or _DAMAGE.search(_said(error)) is not None


def is_absence(error: DatmoError) -> bool:
    """Return whether a host does not have an object, or does not give it by its id."""
    return _ABSENCE.search(_said(error)) is not None


def missing_objects(error: DatmoError) -> set[Oid]:
    """Return the objects without which a push could not be made, as far as the error names them."""
    if isinstance(error, Incomplete):
        return set(map(Oid.parse, error.missing))
    return {Oid.parse(oid) for oid in _LACKS.findall(_said(error))}


def is_too_large(error: DatmoError) -> bool:
    """Return whether a host refused a push for its size."""
    return _TOO_LARGE.search(_said(error)) is not None


def is_drop(error: DatmoError) -> bool:
    """Return whether a connection ended in the middle of a push."""
    said = _said(error)
    return not isinstance(error, Rejected) and _DROP.search(said) is not None and _DENIED.search(said) is None


def is_rate_limit(error: DatmoError) -> bool:
    """Return whether a host wants to be asked less often."""
    return _RATE_LIMIT.search(_said(error)) is not None


def _said(error: DatmoError) -> str:
    """All that git and the host said."""
    if isinstance(error, Rejected):
        return f"{error.what}\n{error.said}"
    return error.stderr if isinstance(error, GitFailed) else error.what
