"""Split conditions and lists of names into words, texts in quotes, operators and marks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from git_datmo.errors import UsageError

# Longer operators come first, since the alternatives are tried from left to right.
_TOKEN = re.compile(
    r"\s*(?:(?P<operator><=|>=|==|!=|!~|[<>=~])"
    r"|(?P<mark>[()\[\],])"
    r"|(?P<quoted>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<word>[^\s()\[\],'\"<>=!~]+))",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Token:
    """A token of kind `operator`, `mark`, `quoted` or `word`; a quoted text without its quotes."""

    kind: str
    text: str
    start: int


def split_tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text; raise `UsageError` where none begins."""
    position, end = 0, len(text.rstrip())
    while position < end:
        found = _TOKEN.match(text, position)
        if found is None:
            rest = text[position:].strip()
            quote = rest[:1] in ("'", '"')
            raise UsageError(
                f"{'a quote is not closed' if quote else 'invalid character'} at '{rest[:_SHOWN]}'",
                "see 'git datmo help log' for conditions",
            )
        kind = str(found.lastgroup)
        value = found[kind]
        if kind == "quoted":
            value = _ESCAPE.sub(r"\1", value[1:-1])
        yield Token(kind, value, found.start(kind))
        position = found.end()


class Tokens:
    """Tokens of a text, taken from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(split_tokens(text))
        self._index = 0

    @property
    def peek(self) -> Token | None:
        """Return the next token, or None at the end."""
        return self._tokens[self._index] if self._index < len(self._tokens) else None

    def take_word(self, word: str) -> bool:
        """Take the next token if it is this word, in any case."""
        token = self.peek
        found = token is not None and token.kind == "word" and token.text.lower() == word
        self._index += found
        return found

    def take_mark(self, mark: str) -> bool:
        """Take the next token if it is this mark."""
        token = self.peek
        found = token is not None and token.kind == "mark" and token.text == mark
        self._index += found
        return found

    def take_operator(self) -> str:
        """Take the next token if it is an operator; return it, or ''."""
        token = self.peek
        if token is None or token.kind != "operator":
            return ""
        self._index += 1
        return token.text

    def take_value(self) -> Token:
        """Take a word or a text in quotes."""
        token = self.peek
        kind = "quoted" if token is not None and token.kind == "quoted" else "word"
        return self.take(kind, "a value")

    def take(self, kind: str, expected: str) -> Token:
        """Take the next token, which must be of this kind."""
        token = self.peek
        if token is None or token.kind != kind:
            raise self.error(expected)
        self._index += 1
        return token

    def require_mark(self, mark: str) -> None:
        """Take this mark, which must be next."""
        if not self.take_mark(mark):
            raise self.error(f"'{mark}'")

    def error(self, expected: str) -> UsageError:
        """Return the error for a text in which something else follows."""
        token = self.peek
        if token is None:
            what = f"'{self._text[-_SHOWN:]}' ends, and {expected} is missing"
        else:
            rest = self._text[token.start :]
            what = f"{expected} is expected before '{rest[:_SHOWN]}'"
        return UsageError(what, "see 'git datmo help log' for conditions")
