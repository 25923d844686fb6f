"""Match patterns of strangers with `re` only if no text can make it slow.

`re` backtracks, so some patterns take exponential time. Checks of columns match by RE2, which is
linear. The few texts of a contract (enum values, examples) are matched by `re` if the pattern is
of a form that backtracks at most quadratically, and the text is short.
"""

from __future__ import annotations

import re
from functools import lru_cache

_LONGEST_PATTERN = 1_000
_LONGEST_TEXT = 1_000
# A class, an escape, or one character.
_ATOM = r"(?:\[\^?\]?(?:\\.|[^\]\\])*\]|\\[dDwWsSbB.^$|()\[\]{}*+?/\\-]|[^\\()\[\]{}*+?|^$])"
_COUNT = r"\{\d{1,3}(?:,\d{0,3})?\}"
_REPEATED = re.compile(rf"{_ATOM}(?:[*+?]|{_COUNT})?")
_UNBOUNDED = re.compile(r"[*+]|\{\d{1,3},\}")
_MOST_UNBOUNDED = 2
# Groups are allowed where nothing repeats them: they are alternatives of plain sequences.
_GROUP = re.compile(r"\((?:\?:)?([^()]*)\)(?![*+?{])")


def search(pattern: str, text: str) -> bool | None:
    """Return whether a pattern is somewhere in a text; None if `re` could be slow or differ."""
    compiled = _compile(pattern)
    if compiled is None or len(text) > _LONGEST_TEXT:
        return None
    return compiled.search(text) is not None


@lru_cache(256)
def _compile(pattern: str) -> re.Pattern[str] | None:
    if len(pattern) > _LONGEST_PATTERN or not _is_safe(pattern):
        return None
    try:
        # `$` of ECMA-262 and RE2 is the end of the text; Python's is also before a last line end.
        # Classes such as `\d` are ASCII in RE2.
        return re.compile(_with_strict_end(pattern), re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


def _is_safe(pattern: str) -> bool:
    """Return whether a pattern has no repeated group, look-around or reference, and at most two
    unbounded repeats in an alternative."""
    flat = pattern
    alternatives: list[str] = []
    for group in _GROUP.finditer(pattern):
        alternatives.extend(group[1].split("|"))
        flat = flat.replace(group[0], "", 1)
    alternatives.extend(flat.split("|"))
    repeats = sum(len(_UNBOUNDED.findall(_without_classes(part))) for part in alternatives)
    return repeats <= _MOST_UNBOUNDED and all(map(_is_sequence, alternatives))


def _without_classes(part: str) -> str:
    # A `*` in a class or after a backslash repeats nothing.
    return re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", part)


def _is_sequence(part: str) -> bool:
    """Return whether a part is atoms with counts, perhaps between anchors."""
    body = part.removeprefix("^")
    if body.endswith("$") and not body.endswith("\\$"):
        body = body[:-1]
    return _REPEATED.sub("", body) == ""


def _with_strict_end(pattern: str) -> str:
    return re.sub(r"(?<!\\)\$(?=$|\||\))", r"\\Z", pattern)
