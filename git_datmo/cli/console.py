"""Standard streams of a command: output, errors, colours, pager and questions."""

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

from git_datmo import timeouts
from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords
from git_datmo.terminal_text import escape_json, make_printable

# Random mark behind this process's own colour codes. Text from elsewhere cannot contain it, so its
# colour codes are removed.
_OWN = os.urandom(8).hex()
_CODE = r"\x1b\[[\d;]*m"
_COLOUR = re.compile(rf"({_CODE}){_OWN}")

COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass
class Console:
    """Environment, folder and streams of a command.

    Text may come from an untrusted source. Each method replaces control characters, except for the
    colours of `paint`.
    """

    environ: Mapping[str, str]
    cwd: Path
    out: IO[str]
    err: TextIO
    coloured: bool = field(default=False)

    def print(self, text: str = "") -> None:
        """Print a line of output."""
        self.out.write(_make_line(text))

    def print_lines(self, text: str) -> None:
        """Print several lines of output.

        The caller makes text from elsewhere printable, since line breaks in it would pass.
        """
        self.out.write("".join(map(_make_line, text.split("\n"))))

    def tell(self, text: str) -> None:
        """Write a line to standard error."""
        self.err.write(_make_line(text))

    def warn(self, text: str) -> None:
        """Write a warning to standard error as a single line, without passwords."""
        self.tell(f"warning: {hide_passwords(text)}")

    def print_json(self, document: Any) -> None:
        """Print a JSON object on a line of its own."""
        self.out.write(_make_json(document))

    def tell_json(self, document: Any) -> None:
        """Write a JSON object to standard error on a line of its own."""
        self.err.write(_make_json(document))

    def paint(self, colour: str, text: str) -> str:
        """Return `text` in a colour if this console has colours.

        Pass the result only to methods of a console, since they remove the mark behind each colour
        code.
        """
        return f"\x1b[{COLOURS[colour]}m{_OWN}{text}\x1b[m{_OWN}" if self.coloured else text

    def keep_colours(self, text: str) -> str:
        """Return `text` with marks behind all its colour codes, if this console has colours.

        The text is made by git-datmo or by a library that draws, from printable parts.
        """
        return re.sub(_CODE, lambda found: found[0] + _OWN, text) if self.coloured else text

    def progress(self) -> Progress:
        """Return a meter on standard error, which draws only on a terminal."""
        from git_datmo.cli.meter import Meter

        meter = Meter(self.err)
        # The meter also shows waits for a remote or a program.
        timeouts.set_indicator(meter)
        return meter

    def read_lines(self) -> list[str]:
        """Return the lines of standard input; none if it is a terminal."""
        # At a terminal, reading would wait for the user.
        return [] if sys.stdin is None or sys.stdin.isatty() else sys.stdin.read().splitlines()

    def ask(self, question: str) -> bool:
        """Ask the user a question; return True for yes.

        Returns False without asking unless standard input and standard error are terminals.
        """
        if not (sys.stdin.isatty() and self.err.isatty()):
            return False
        self.err.write(f"{make_printable(question)} [y/N] ")
        self.err.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    def has_terminal(self) -> bool:
        """Return True if standard input and output are terminals."""
        return sys.stdin.isatty() and self.out.isatty()

    def size(self) -> tuple[int, int]:
        """Return the rows and columns of the terminal."""
        size = os.get_terminal_size(self.out.fileno())
        return size.lines, size.columns

    def width(self) -> int:
        """Return the columns for output: those of the terminal, of `COLUMNS`, or 80."""
        columns = self.environ.get("COLUMNS", "")
        if columns.isdecimal() and 0 < int(columns) < 10_000:
            return int(columns)
        return (self.size()[1] if self.out.isatty() else 0) or 80

    def use_colours(self) -> None:
        """Use colours if standard output is a terminal and git's `color.ui` allows them.

        `NO_COLOR` in the environment disables colours.
        """
        if self.out.isatty() and "NO_COLOR" not in self.environ:
            from git_datmo.git.command import run_git

            # `true` tells git that the output is a terminal, since git cannot see it
            # (git-config(1)).
            query = ["config", "--get-colorbool", "color.ui", "true"]
            self.coloured = run_git(query, self.environ, self.cwd).stdout.strip() == b"true"

    def edit(self, text: str, path: Path) -> str:
        """Let the user write a text in git's editor; return it without lines that begin with '#'.

        `text` is what the editor shows first. The file at `path` is removed afterwards.
        """
        from git_datmo import fsio
        from git_datmo.errors import DatmoError
        from git_datmo.git.command import run_git

        editor = os.fsdecode(run_git(["var", "GIT_EDITOR"], self.environ, self.cwd).stdout).strip()
        if not editor:
            raise DatmoError("git has no editor to ask for a text", "give the text as an argument")
        fsio.write_file(path, text.encode())
        try:
            # Git defines the editor as a shell command (git-var, GIT_EDITOR).
            done = subprocess.run(  # noqa: S602
                [f'{editor} "$1"', editor, str(path)],
                shell=True,
                check=False,
                cwd=self.cwd,
                env=self.environ,
            )
            if done.returncode:
                raise DatmoError(f"the editor '{editor}' failed", "give the text as an argument")
            lines = path.read_text("utf-8", "replace").splitlines()
        finally:
            path.unlink(missing_ok=True)
        return "\n".join(line for line in lines if not line.startswith("#")).strip()

    @contextmanager
    def paged(self) -> Iterator[None]:
        """Send the output of the block to git's pager if standard output is a terminal."""
        if not self.out.isatty():
            yield
            return
        from git_datmo.git.command import run_git

        pager = os.fsdecode(run_git(["var", "GIT_PAGER"], self.environ, self.cwd).stdout).strip()
        # As in git, these mean that there is no pager.
        if pager in ("", "cat"):
            yield
            return
        # Git sets the same defaults (git-config(1), core.pager).
        env = {
            **os.environ,
            "LESS": self.environ.get("LESS", "FRX"),
            "LV": self.environ.get("LV", "-c"),
        }
        # Git defines the pager as a shell command (git-var, GIT_PAGER).
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
            # The user may quit the pager before the block has printed everything.
            with suppress(BrokenPipeError):
                try:
                    yield
                finally:
                    self.out = terminal
                    child.stdin.close()


def _make_line(text: str) -> str:
    """Return `text` as a line without control characters, except for our own colours."""
    if text.isprintable():
        return text + "\n"
    pieces = _COLOUR.split(text)
    # Pieces at odd indexes are colour codes of this process.
    pieces[::2] = map(make_printable, pieces[::2])
    return "".join(pieces) + "\n"


def _make_json(document: Any) -> str:
    """Return a document as a line of JSON with escaped control characters."""
    return escape_json(json.dumps(document, ensure_ascii=False, sort_keys=True)) + "\n"
