"""Text from records, paths, servers and errors, made safe for a terminal and for a shell."""

from __future__ import annotations

import re

# C0 and C1 controls except the tab, line separators, marks and overrides of direction, and bytes
# that are C1 controls.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\udc80-\udc9f]"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


def make_printable(text: str) -> str:
    """Return `text` as one line in which U+FFFD replaces each character that a terminal would
    obey."""
    # Most text is printable, and this test takes a fraction of the time of the substitution.
    return text if text.isprintable() else _UNSAFE.sub("\ufffd", text)


def escape_json(text: str) -> str:
    """Return a JSON text in which characters that a terminal would obey are escapes of the same
    meaning."""
    return (
        text if text.isprintable() else _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    )


def quote_word(word: str) -> str:
    """Return `word` quoted for a shell: as `$'…'` of bash, zsh and ksh where a terminal would obey
    part of it."""
    import shlex

    if word.isprintable() or not _UNSAFE.search(word):
        return shlex.quote(word)
    return f"$'{''.join(map(_escape_letter, word))}'"


def quote_words(words: list[str] | tuple[str, ...]) -> str:
    """Return `words` as arguments of a shell command, each quoted."""
    return " ".join(map(quote_word, words))


def _escape_letter(letter: str) -> str:
    if letter in "\r\n" or not _UNSAFE.match(letter):
        return letter.translate(_ESCAPES)
    return "".join(f"\\{byte:03o}" for byte in letter.encode("utf-8", "surrogateescape"))
