"""Prepare the folder of a demo, and run its commands: each is shown before it runs."""

from __future__ import annotations

import os
import queue
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from git_datmo.cli.console import Console
from git_datmo.errors import DatmoError, UsageError
from git_datmo.process_endings import end_children, end_tree, tied_child

# Seconds for a line of a command in the background, and for its end.
_ANSWER, _END = 120.0, 10.0


class BackgroundCommand:
    """A command that runs beside the others.

    Its lines are printed while the demo waits for one of them.
    """

    def __init__(self, child: subprocess.Popen[str], line: str, console: Console) -> None:
        self._child, self._line, self._console = child, line, console
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def wait_for(self, text: str) -> str:
        """Print lines of the command until one has `text`, and return that line.

        Raises `DatmoError` if the command ends before, or after too long a silence.
        """
        deadline = time.monotonic() + _ANSWER
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DatmoError(
                    f"the demo's command did not print '{text}' within {_ANSWER:.0f} seconds:"
                    f" {self._line}"
                ) from None
            if line is None:
                raise DatmoError(f"the demo's command ended too early: {self._line}")
            self._console.print(line)
            if text in line:
                return line

    def end(self) -> None:
        """End the command and its processes, and wait for their end."""
        self._child.terminate()
        try:
            self._child.wait(timeout=_END)
        except subprocess.TimeoutExpired:
            _end_all(self._child)


@dataclass(frozen=True)
class DemoPerson:
    """Person who runs commands; their output goes to this process's own streams.

    `who` contains the author variables of git.
    """

    who: Mapping[str, str]
    console: Console
    environ: Mapping[str, str]

    def run(self, folder: Path, line: str) -> None:
        """Show and run a command in a folder; raise `DatmoError` if it fails.

        If the demo is interrupted, the command and its processes are ended.
        """
        self._show(line)
        with tied_child(shlex.split(line), folder, self._variables()) as child:
            try:
                code = child.wait()
            except BaseException:
                _end_all(child)
                raise
        if code:
            raise DatmoError(f"the demo's command failed with exit code {code}: {line}")

    @contextmanager
    def running(self, folder: Path, line: str) -> Iterator[BackgroundCommand]:
        """Show and start a command in a folder; end it with the block."""
        self._show(f"{line} &")
        with tied_child(shlex.split(line), folder, self._variables(), is_read=True) as child:
            command = BackgroundCommand(child, line, self.console)
            try:
                yield command
            finally:
                command.end()

    def _show(self, line: str) -> None:
        self.console.print(
            self.console.paint("bold", f"{self.who['GIT_AUTHOR_NAME'].lower()}$ {line}")
        )
        # The command writes to the same stream, without this buffer.
        self.console.out.flush()

    def _variables(self) -> dict[str, str]:
        committer = {name.replace("AUTHOR", "COMMITTER"): value for name, value in self.who.items()}
        return {**self.environ, **self.who, **committer}


def _end_all(child: subprocess.Popen[str]) -> None:
    """End a process and its descendants, and read its status."""
    end_tree(child.pid)
    child.wait(timeout=_END)


@dataclass(frozen=True)
class Stage:
    """The folder in which a demo plays, and the variables of its commands."""

    console: Console
    base: Path
    environ: Mapping[str, str]

    def person(self, name: str) -> DemoPerson:
        """Return a person with this name."""
        who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": f"{name.lower()}@example.com"}
        return DemoPerson(who, self.console, self.environ)

    def say(self, text: str) -> None:
        """Print a line that explains the next commands."""
        self.console.print()
        self.console.print(self.console.paint("yellow", f"# {text}"))


@contextmanager
def open_stage(console: Console, folder: str, *, keep: bool) -> Iterator[Stage]:
    """Yield the stage of a demo in a new or empty folder; '' is a temporary folder.

    A temporary folder is deleted with the block, unless `keep` is true. Raises `UsageError` if the
    folder is not empty.
    """
    console.use_colours()
    _end_by_hangup()
    base = _make_folder(console, folder)
    try:
        yield Stage(console, base, _environment(console, base))
    finally:
        # A signal can arrive while a command starts, before anything else knows its process.
        end_children()
        if keep or folder:
            console.print()
            console.print(f"The folder is '{base}'.")
        else:
            shutil.rmtree(base, ignore_errors=True)


def _make_folder(console: Console, folder: str) -> Path:
    """Return the absolute path of the folder, which exists and is empty."""
    if not folder:
        return Path(tempfile.mkdtemp(prefix="git-datmo-demo-"))
    base = (console.cwd / folder).absolute()
    try:
        base.mkdir(parents=True, exist_ok=True)
        is_empty = not any(base.iterdir())
    except OSError as error:
        raise UsageError(f"the folder '{folder}' cannot be made: {error.strerror}") from error
    if not is_empty:
        raise UsageError(f"the folder '{folder}' is not empty", "name a new folder")
    return base


def _end_by_hangup() -> None:
    """End this process when its terminal closes, as by SIGTERM: no command of it stays."""

    def end(_number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + signal.SIGHUP)

    # Under nohup the signal is ignored, and stays so.
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, end)


def find_example(name: str) -> Path:
    """Return the folder of an example in the installation or the source tree.

    Raises `DatmoError` if neither contains it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_examples" / name, package.parent / "examples" / name):
        if folder.is_dir():
            return folder
    raise DatmoError(
        "this installation has no example", "install git-datmo from its wheel or source"
    )


def _environment(console: Console, base: Path) -> dict[str, str]:
    """Return the user's environment with this installation first on PATH.

    Git reads a configuration of the demo's own, so the user's settings do not change the demo.
    """
    config = base / "gitconfig"
    config.write_text(
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow ='
        " always\n[advice]\n\tdetachedHead = false\n"
    )
    scripts = str(Path(sys.executable).parent)
    path = os.pathsep.join([scripts, console.environ.get("PATH", os.defpath)])
    # Inside a hook, git's variables name another repository.
    kept = {name: value for name, value in console.environ.items() if not name.startswith("GIT_")}
    return {**kept, "PATH": path, "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}
