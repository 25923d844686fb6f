"""Reduce terminal output to the text that the terminal finally shows, for a log."""

from __future__ import annotations

import codecs
import re

# The number of last lines that can still change, since progress bars move the cursor up.
ROWS = 100
# A line of more characters is broken. It is not a progress bar.
LONGEST = 1 << 16

_TOKENS = re.compile(
    r"(?P<csi>\x1b\[(?P<numbers>[0-9;?]*)[ -/]*(?P<final>[@-~]))"
    r"|(?P<osc>\x1b\][^\x07\x1b]*(?:\x07|\x1b\\))"
    r"|(?P<escape>\x1b[^\[\]])"
    r"|(?P<control>[\r\n\b])"
    r"|(?P<text>[^\x1b\r\n\b]+)"
)
# The beginning of an escape sequence, which may continue in the next bytes.
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*|\][^\x07\x1b]*\x1b?)?\Z")
UNFINISHED_LIMIT = 4096


class Screen:
    """An emulator that turns a terminal's bytes into the lines that it finally shows."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._rest = ""
        self._lines = [""]
        self._row = self._column = 0

    def feed(self, data: bytes) -> bytes:
        """Process `data`; return the lines that can no longer change."""
        text = self._rest + self._decoder.decode(data)
        unfinished = _UNFINISHED.search(text)
        # A sequence that never ends must not hold back all later output.
        end = (
            unfinished.start()
            if unfinished and len(unfinished[0]) < UNFINISHED_LIMIT
            else len(text)
        )
        text, self._rest = text[:end], text[end:]
        for token in _TOKENS.finditer(text):
            match token.lastgroup:
                case "text":
                    self._write(token["text"])
                case "control":
                    self._control(token["control"])
                case "csi" | "final" | "numbers":
                    self._move(token["numbers"], token["final"])
        return self._scrolled(ROWS)

    def finish(self) -> bytes:
        """Return all remaining lines. The last has a line end only if the program wrote it."""
        left = self._scrolled(1)
        last, self._lines, self._row, self._column = self._lines[0], [""], 0, 0
        return left + _encoded(last)

    def _scrolled(self, keep: int) -> bytes:
        """Remove all but the last `keep` lines, and return them."""
        count = max(0, len(self._lines) - keep)
        gone, self._lines = self._lines[:count], self._lines[count:]
        self._row = max(0, self._row - count)
        return b"".join(_encoded(line) + b"\n" for line in gone)

    def _write(self, text: str) -> None:
        """Write text at the cursor, over existing text."""
        # The cursor can be beyond the end of the line.
        line = self._lines[self._row].ljust(self._column)
        end = self._column + len(text)
        self._lines[self._row] = line[: self._column] + text + line[end:]
        self._column = end
        if end > LONGEST:
            self._break_line()

    def _break_line(self) -> None:
        """Move the cursor to the start of the next line."""
        self._row += 1
        self._column = 0
        if self._row == len(self._lines):
            self._lines.append("")

    def _control(self, character: str) -> None:
        """Handle a line end, carriage return or backspace."""
        if character == "\n":
            self._break_line()
        elif character == "\r":
            self._column = 0
        else:
            self._column = max(0, self._column - 1)

    def _move(self, numbers: str, final: str) -> None:
        """Handle a control sequence that moves the cursor or erases (ECMA-48); ignore others."""
        first = numbers.partition(";")[0]
        count = int(first) if first.isdecimal() else 0
        line = self._lines[self._row]
        if final == "A":
            self._row = max(0, self._row - max(1, count))
        elif final == "B":
            self._row = min(len(self._lines) - 1, self._row + max(1, count))
        elif final == "C":
            self._column = min(LONGEST, self._column + max(1, count))
        elif final == "D":
            self._column = max(0, self._column - max(1, count))
        elif final == "G":
            self._column = min(LONGEST, max(1, count) - 1)
        elif final == "K":
            kept = {0: line[: self._column], 1: " " * self._column + line[self._column :]}
            self._lines[self._row] = kept.get(count, "")
        elif final == "J" and count == 0:
            self._lines[self._row] = line[: self._column]
            del self._lines[self._row + 1 :]


def _encoded(line: str) -> bytes:
    """Return the bytes of a line without final blanks.

    Progress bars erase longer text with blanks.
    """
    return line.rstrip(" ").encode("utf-8", "surrogateescape")
