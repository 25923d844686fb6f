"""Id of a set of payloads, and the commit trailer `Datmo-Data` that contains it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from git_datmo.model import Payload

KEY = "Datmo-Data"
DIGITS = 40

# Leading blanks are allowed, since `git merge --squash` indents the messages that it joins.
LINE = re.compile(
    rf"^[ \t]*{KEY}[ \t]*:[ \t]*([0-9a-f]{{{DIGITS}}})[ \t\r]*$", re.IGNORECASE | re.MULTILINE
)


def data_id(payloads: Iterable[Payload]) -> str:
    """Return the id of a set of payloads from their paths, forms and objects.

    Order and roles do not matter.
    """
    by_path = {p.path.encode("utf-8", "surrogateescape"): p.content for p in payloads}
    digest = hashlib.sha256()
    for path, content in sorted(by_path.items()):
        digest.update(
            b"%s\0%s\0%s\n" % (path, str(content.form).encode(), str(content.object).encode())
        )
    return digest.hexdigest()[:DIGITS]


def parse_trailers(message: str) -> tuple[str, ...]:
    """Return the ids of all `Datmo-Data` lines of a commit message.

    Each id occurs once, in order of appearance.
    """
    return tuple(dict.fromkeys(match.lower() for match in LINE.findall(message)))
