"""Escape text from records, paths, servers and errors for terminals and shells."""

from __future__ import annotations

import re

# C0 and C1 controls except the tab, line separators, direction marks and overrides, and bytes that
# are C1 controls.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufeff\udc80-\udc9f]"
)
_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r"})


def make_printable(text: str) -> str:
    """Return `text` as a line with U+FFFD in place of each control character."""
    # Most text is printable, and this test is much faster than the substitution.
    return text if text.isprintable() else _UNSAFE.sub("\ufffd", text)


def escape_json(text: str) -> str:
    """Return a JSON text with control characters escaped. Its meaning stays the same."""
    return (
        text if text.isprintable() else _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    )


def quote_word(word: str) -> str:
    """Return `word` quoted for a shell.

    Words with control characters get the `$'…'` form of bash, zsh and ksh.
    """
    import shlex

    if word.isprintable() or not _UNSAFE.search(word):
        return shlex.quote(word)
    return f"$'{''.join(map(_escape_letter, word))}'"


def quote_words(words: list[str] | tuple[str, ...]) -> str:
    """Return `words` as arguments of a shell command, each quoted."""
    return " ".join(map(quote_word, words))


def _escape_letter(letter: str) -> str:
    """Return a character escaped for `$'…'`."""
    if letter in "\r\n" or not _UNSAFE.match(letter):
        return letter.translate(_ESCAPES)
    return "".join(f"\\{byte:03o}" for byte in letter.encode("utf-8", "surrogateescape"))
