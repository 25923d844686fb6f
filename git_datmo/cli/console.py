"""The terminal that a command speaks to: where it prints, whether in colour, through which
pager."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TextIO

from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.terminal_text import escape_json, make_printable

# Only this process knows which colours are its own, so text from elsewhere cannot have any.
_OWN = os.urandom(8).hex()
_COLOUR = re.compile(rf"(\x1b\[\d*m){_OWN}")

COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass
class Console:
    """Give a command its environment, and show its text to people.

    Text may come from a stranger: each method leaves out all that a terminal would obey, but for
    colours by `paint`.
    """

    environ: Mapping[str, str]
    cwd: Path
    out: IO[str]
    err: TextIO
    coloured: bool = field(default=False)

    def print(self, text: str = "") -> None:
        """Print one line of output."""
        self.out.write(_make_line(text))

    def print_lines(self, text: str) -> None:
        """Print output of several lines; the caller made what is from elsewhere in it printable."""
        self.out.write("".join(map(_make_line, text.split("\n"))))

    def tell(self, text: str) -> None:
        """Write one line to standard error."""
        self.err.write(_make_line(text))

    def warn(self, text: str) -> None:
        """Write a warning of one line to standard error."""
        self.tell(f"warning: {hide_passwords(text)}")

    def print_json(self, document: Any) -> None:
        """Print one JSON object on a line of its own."""
        self.out.write(_make_json(document))

    def tell_json(self, document: Any) -> None:
        """Write one JSON object to standard error."""
        self.err.write(_make_json(document))

    def paint(self, colour: str, text: str) -> str:
        """Return `text` in a colour, where this console has colours; only this console can show the
        result."""
        return f"\x1b[{COLOURS[colour]}m{_OWN}{text}\x1b[m{_OWN}" if self.coloured else text

    def progress(self) -> Progress:
        """A meter, which draws on a terminal alone."""
        from git_datmo.cli.meter import Meter

        return Meter(self.err)

    def read_lines(self) -> list[str]:
        """Return the lines that come by standard input; none where that is a terminal."""
        return [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().splitlines()

    def ask(self, question: str) -> bool:
        """Return whether the person says yes; False where there is nobody to ask."""
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        self.err.write(f"{make_printable(question)} [y/N] ")
        self.err.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def has_terminal(self) -> bool:
        """Return whether a person types and reads what a command inside would show."""
        return sys.stdin.isatty() and self.out.isatty()

    def size(self) -> tuple[int, int]:
        """The rows and columns of the terminal."""
        size = os.get_terminal_size(self.out.fileno())
        return size.lines, size.columns

    def use_colours(self) -> None:
        """Colour as git's `color.ui` says; only a terminal is ever asked about."""
        if self.out.isatty() and "NO_COLOR" not in self.environ:
            from git_datmo.git.command import run_git

            asked = ["config", "--get-colorbool", "color.ui", "true"]
            self.coloured = run_git(asked, self.environ, self.cwd).stdout.strip() == b"true"

    @contextmanager
    def paged(self) -> Iterator[None]:
        """Let git's pager show what is printed inside, where that is a terminal."""
        if not self.out.isatty():
            yield
            return
        from git_datmo.git.command import run_git

        pager = os.fsdecode(run_git(["var", "GIT_PAGER"], self.environ, self.cwd).stdout).strip()
        if pager in ("", "cat"):
            yield
            return
        env = {
            **os.environ,
            "LESS": self.environ.get("LESS", "FRX"),
            "LV": self.environ.get("LV", "-c"),
        }
        # The pager is a shell command by git's definition (git-var, GIT_PAGER).
        with subprocess.Popen(  # noqa: S602
            pager,
            shell=True,
            stdin=subprocess.PIPE,
            env=env,
            encoding=sys.stdout.encoding,
            errors=sys.stdout.errors,
        ) as child:
            assert child.stdin is not None
            terminal, self.out = self.out, child.stdin
            # A reader that leaves the pager early has seen enough.
            with suppress(BrokenPipeError):
                try:
                    yield
                finally:
                    self.out = terminal
                    child.stdin.close()


def _make_line(text: str) -> str:
    """Return `text` as a line with its end, in which nothing but our own colours is obeyed by a
    terminal."""
    if text.isprintable():
        return text + "\n"
    pieces = _COLOUR.split(text)
    # Every second piece is a colour.
    pieces[::2] = map(make_printable, pieces[::2])
    return "".join(pieces) + "\n"


def _make_json(document: Any) -> str:
    return escape_json(json.dumps(document, ensure_ascii=False, sort_keys=True)) + "\n"
