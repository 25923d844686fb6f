"""Make a run of a notebook's cell: `%load_ext git_datmo`, then `%%datmo` at its top.

IPython passes its shell to `load_ipython_extension`, so nothing of it is imported. The code of the
run are all cells that the notebook executed, in order. Its artifact `files/executed_cells.ipynb`
has them with their outputs. Output is seen through the hooks of IPython's events, of its display
publisher, and by standing before the two streams while a cell is executed.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from git_datmo.tracking import artifacts, training
from git_datmo.tracking.notebook_cells import Cells
from git_datmo.tracking.own_run import OwnRun

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_datmo.tracking.run_logger import RunLogger

CODE = "executed_cells.py"
LOG_LIMIT = 64 << 20


class _Loaded:
    """The notebook of this process."""

    notebook: _Notebook | None = None


def load_ipython_extension(shell: Any) -> None:
    """Add the magic `%%datmo` to a shell of IPython, and follow the cells from now on."""
    unload_ipython_extension(shell)
    _Loaded.notebook = _Notebook(shell)
    _Loaded.notebook.follow()


def unload_ipython_extension(_: Any) -> None:
    """Stop following the cells."""
    notebook, _Loaded.notebook = _Loaded.notebook, None
    if notebook is not None:
        notebook.leave()


class CellRun(OwnRun):
    """The run of a cell. Blocks of `datmo.run` in the cell are a part of it."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self._log = _open_log(self.folder)
        self._room = LOG_LIMIT

    def write_log(self, text: str) -> None:
        """Append text to the run's log."""
        data = text.encode("utf-8", "replace")
        self._room -= len(data)
        if self._log >= 0 and self._room >= 0:
            with contextlib.suppress(OSError):
                os.write(self._log, data)

    def end(self, error: BaseException | None = None) -> dict[str, Any]:
        """Record the run."""
        log, self._log = self._log, -1
        if log >= 0:
            os.close(log)
        return super().end(error)

    def __exit__(self, *_: object) -> None:
        """Do nothing: the run ends with the cell."""


class _Notebook:
    """The executed cells of a shell, and the run of the present one."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._cells = Cells()
        self._streams: list[_Stream] = []
        self._run: RunLogger | None = None
        self._events = {"pre_run_cell": self._before, "post_run_cell": self._after}

    def follow(self) -> None:
        """Take the cells that were executed before, and follow those to come."""
        sources = self._shell.history_manager.input_hist_raw
        # IPython numbers cells from 1, and the entry 0 is empty.
        for number in range(1, len(sources)):
            self._cells.begin(number, sources[number])
        for event, function in self._events.items():
            self._shell.events.register(event, function)
        for source in self._displays():
            source.register_hook(self._on_display)
        self._shell.register_magic_function(self.execute, "cell", "datmo")

    def leave(self) -> None:
        """Follow no more cells."""
        self._restore_streams()
        for event, function in self._events.items():
            with contextlib.suppress(ValueError):
                self._shell.events.unregister(event, function)
        for source in self._displays():
            source.unregister_hook(self._on_display)
        self._shell.magics_manager.magics["cell"].pop("datmo", None)

    def _displays(self) -> list[Any]:
        """Return the parts of the shell that display something and take hooks."""
        # In a terminal, IPython's own classes take no hooks; those of ipykernel do.
        sources = (self._shell.display_pub, self._shell.displayhook)
        return [each for each in sources if hasattr(each, "register_hook")]

    def execute(self, line: str, cell: str) -> Any:
        """Execute a cell as a run.

        %%datmo [MESSAGE] [--why TEXT] [-p NAME=VALUE]... [--tag TAG]... [--resume ID]
        """
        __tracebackhide__ = True  # IPython leaves this function out of the cell's traceback
        options = self._parse(line)
        code = self._shell.transform_cell(cell)
        tree = self._shell.compile.ast_parse(code)
        self._run = training.begin(lambda: CellRun({**options, **self._code()}))
        self._run.log_params(options["params"])
        if options["resume"]:
            self._run.set_attempt(options["resume"])
        for tag in options["tags"]:
            self._run.set_tag(tag)
        return self._evaluate(self._shell.transform_ast(tree), code)

    def _parse(self, line: str) -> dict[str, Any]:
        """Return the options of the magic; IPython shows its `UsageError` as one line."""
        try:
            found = _parser().parse_args(shlex.split(line))
            params = dict(_parameter(text) for text in found.param)
        except ValueError as error:
            raise sys.modules["IPython.core.error"].UsageError(f"%%datmo: {error}") from None
        return {
            "message": " ".join(found.message),
            "why": found.why,
            "resume": found.resume,
            "params": params,
            "tags": found.tag,
        }

    def _code(self) -> dict[str, Any]:
        """Return the code of the run, and the command that executes it."""
        code = self._cells.code(self._shell.transform_cell)
        shell = ["-m", "IPython"] if "get_ipython()" in code else []
        return {"cells": code, "command": [sys.executable, *shell, CODE]}

    def _evaluate(self, tree: ast.Module, code: str) -> Any:
        """Execute statements in the notebook's namespace; return the value of a last expression."""
        __tracebackhide__ = True
        # As in any cell, the value of a last expression is the result of the cell.
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        # Tracebacks show the lines of a cell only if its source is in this cache.
        name = self._shell.compile.cache(code, len(self._shell.history_manager.input_hist_raw) - 1)
        space = self._shell.user_ns
        exec(self._shell.compile(tree, name, "exec"), space)  # noqa: S102
        if not isinstance(last, ast.Expr):
            return None
        return eval(self._shell.compile(ast.Expression(last.value), name, "eval"), space)  # noqa: S307

    def _before(self, info: Any) -> None:
        """Begin a cell."""
        if info.store_history and not info.silent:
            # IPython adds the cell to its history after this event.
            self._cells.begin(len(self._shell.history_manager.input_hist_raw), info.raw_cell)
            self._streams = [_Stream(name, self._on_text) for name in ("stdout", "stderr")]

    def _after(self, result: Any) -> None:
        """End a cell, and record its run."""
        self._restore_streams()
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            self._cells.fail(error)
            if isinstance(self._run, CellRun):
                self._run.write_log(f"{type(error).__name__}: {error}\n")
        # A shell without hooks does not report the value of a cell to `_on_display`.
        elif result.result is not None and not hasattr(self._shell.displayhook, "register_hook"):
            data, metadata = self._shell.display_formatter.format(result.result)
            self._cells.display("execute_result", {"data": data, "metadata": metadata})
        run, self._run = self._run, None
        if run is not None:
            artifacts.keep_file("executed_cells.ipynb", self._cells.document())
            answer = run.end(error) if isinstance(run, CellRun) else {}
            if answer.get("html"):
                shown = {"text/html": answer["html"], "text/plain": answer["text"]}
                self._shell.display_pub.publish(shown)

    def _on_text(self, stream: str, text: str) -> None:
        """Keep text that a cell writes."""
        self._cells.write(stream, text)
        if isinstance(self._run, CellRun):
            self._run.write_log(text)

    def _on_display(self, message: dict[str, Any]) -> dict[str, Any]:
        """Keep what a cell displays, and let the message pass."""
        kind, content = message["header"]["msg_type"], message["content"]
        with contextlib.suppress(TypeError, ValueError, KeyError, AttributeError):
            self._cells.display(kind, content)
            text = content.get("data", {}).get("text/plain")
            if isinstance(self._run, CellRun) and isinstance(text, str):
                self._run.write_log(f"{text}\n")
        return message

    def _restore_streams(self) -> None:
        """Put the shell's streams back."""
        for stream in self._streams:
            stream.restore()
        self._streams = []


class _Stream:
    """Stand before a standard stream: pass everything on, and report the text."""

    def __init__(self, name: str, report: Callable[[str, str], None]) -> None:
        self._name = name
        self._report: Callable[[str, str], None] | None = report
        self._stream = getattr(sys, name)
        setattr(sys, name, self)

    def write(self, text: str) -> int:
        """Write text."""
        if self._report is not None and isinstance(text, str):
            self._report(self._name, text)
        return int(self._stream.write(text) or 0)

    def writelines(self, lines: Any) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def restore(self) -> None:
        """Put the stream back; what still holds this one writes to the stream alone."""
        self._report = None
        # The cell may have replaced the stream by one of its own.
        if getattr(sys, self._name) is self:
            setattr(sys, self._name, self._stream)


class _Parser(argparse.ArgumentParser):
    """A parser that raises `ValueError` instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        """Raise the error."""
        raise ValueError(message)


def _parser() -> _Parser:
    """Return the parser of the magic's options."""
    parser = _Parser(prog="%%datmo", add_help=False)
    parser.add_argument("message", nargs="*")
    parser.add_argument("--why", default="")
    parser.add_argument("-p", "--param", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--tag", action="append", default=[])
    parser.add_argument("--resume", default="", metavar="ID")
    return parser


def _parameter(text: str) -> tuple[str, Any]:
    """Return the name and value of a parameter: a number, `true`, `false`, or a text."""
    name, sign, value = text.partition("=")
    if not name or not sign:
        raise ValueError(f"'{text}' is not NAME=VALUE")
    try:
        parsed = json.loads(value)
    except ValueError:
        return name, value
    return name, parsed if isinstance(parsed, (bool, int, float, str)) else value


def _open_log(folder: str) -> int:
    """Open the log in a run's folder; return -1 without a run."""
    if not folder:
        return -1
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        return os.open(os.path.join(folder, "log"), flags, 0o600)
    except OSError:
        return -1
