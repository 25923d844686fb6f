"""The terminal that a command speaks to: where it prints, whether in colour, through which pager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TextIO

from git_datmo.progress import Progress
from git_datmo.redact import hide_passwords

COLOURS = {"red": "31", "green": "32", "yellow": "33", "cyan": "36", "bold": "1", "dim": "2"}


@dataclass
class Console:
    """Everything that a command takes from outside."""

    environ: Mapping[str, str]
    cwd: Path
    out: IO[str]
    err: TextIO
    coloured: bool = field(default=False)

    def print(self, text: str = "") -> None:
        self.out.write(text + "\n")

    def tell(self, text: str) -> None:
        """A remark for the person, beside the output."""
        self.err.write(text + "\n")

    def warn(self, text: str) -> None:
        self.tell(f"warning: {hide_passwords(text)}")

    def print_json(self, document: Any) -> None:
        """One JSON object on a line of its own."""
        self.print(json.dumps(document, ensure_ascii=False, sort_keys=True))

    def paint(self, colour: str, text: str) -> str:
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[m" if self.coloured else text

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
        self.err.write(f"{question} [y/N] ")
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
            from git_datmo.git.run import run_git

            asked = ["config", "--get-colorbool", "color.ui", "true"]
            self.coloured = run_git(asked, self.environ, self.cwd).stdout.strip() == b"true"

    @contextmanager
    def paged(self) -> Iterator[None]:
        """Let git's pager show what is printed inside, where that is a terminal."""
        if not self.out.isatty():
            yield
            return
        from git_datmo.git.run import run_git

        pager = os.fsdecode(run_git(["var", "GIT_PAGER"], self.environ, self.cwd).stdout).strip()
        if pager in ("", "cat"):
            yield
            return
        env = {**os.environ, "LESS": self.environ.get("LESS", "FRX"), "LV": self.environ.get("LV", "-c")}
        # The pager is a shell command by git's definition (git-var, GIT_PAGER).
        with subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, text=True, env=env) as child:  # noqa: S602
            assert child.stdin is not None
            terminal, self.out = self.out, child.stdin
            # A reader that leaves the pager early has seen enough.
            with suppress(BrokenPipeError):
                try:
                    yield
                finally:
                    self.out = terminal
                    child.stdin.close()
