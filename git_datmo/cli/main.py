"""Entry of `git datmo VERB`: run the verb, and turn errors into lines and exit codes."""

from __future__ import annotations

import codecs
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from git_datmo import __version__
from git_datmo.cli.console import Console
from git_datmo.cli.parser import make_parser, own_words, parse
from git_datmo.cli.verbs import HIDDEN, VERBS, load, usage
from git_datmo.errors import DatmoError, Incomplete, UsageError
from git_datmo.fsio import current_folder
from git_datmo.redact import hide_passwords
from git_datmo.suggest import nearest

SUBSTITUTE = "git-datmo-substitute"
"""Name of the error handler for characters that the output's encoding does not have."""


def run(argv: Sequence[str], console: Console) -> int:
    """Run a command line and return its exit code; errors propagate to the caller.

    Without arguments, prints the usage and returns 129 as git does.
    """
    verb, *rest = argv or ["-h"]
    if verb in ("-h", "--help"):
        console.print_lines(usage())
        return 0 if argv else 129
    if verb not in VERBS and verb not in HIDDEN:
        near = nearest(verb, VERBS)
        raise UsageError(
            f"'{verb}' is not a git-datmo verb",
            f"did you mean '{near}'?" if near else "see 'git datmo -h'",
        )
    parser = make_parser(verb)
    # Words behind '--' belong to the command to run, which may have the same options.
    if any(word in ("-h", "--help") for word in own_words(rest)):
        console.print_lines(parser.format_help().rstrip())
        return 0
    status: int = load(verb).run(parse(parser, verb, rest), console)
    return status


def main() -> int:
    """Run the command line of this process and return its exit code.

    An error that reaches this function becomes a line on standard error and an exit code.
    """
    codecs.register_error(SUBSTITUTE, _substitute)
    sys.stdout.reconfigure(errors=SUBSTITUTE)  # type: ignore[union-attr]
    sys.stderr.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    argv = sys.argv[1:]
    # Few objects form cycles. With Python's default threshold, the collector took a fifth of the
    # time of a long log.
    gc.set_threshold(100_000)
    # SIGTERM raises `SystemExit`, so that a run stops its container before the process ends.
    signal.signal(signal.SIGTERM, _end)
    console = Console(dict(os.environ), Path(), sys.stdout, sys.stderr)
    try:
        console.cwd = current_folder()
        status = run(argv, console)
        # An error of the last write shows now, and not in Python's own flush at exit.
        sys.stdout.flush()
    except DatmoError as error:
        return tell(error, console, as_json="--json" in own_words(argv))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader closed the pipe (`git datmo log | head`). Redirect standard output to
        # /dev/null, so that Python's flush at exit cannot fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        return tell(system_error(error), console, as_json="--json" in own_words(argv))
    except RecursionError:
        deep = DatmoError(
            "a folder is nested too deeply",
            "move it up: the limit is some hundred levels",
        )
        return tell(deep, console, as_json="--json" in own_words(argv))
    except Exception:  # noqa: BLE001  # the boundary: an unforeseen error becomes a line and a log to paste
        return _bug(console)
    return status


def _substitute(error: UnicodeError) -> tuple[bytes, int]:
    """Encode characters that the output's encoding does not have.

    A surrogate stands for a byte that was not text, and becomes that byte. Other characters become
    escapes.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    shown = (
        # The codes U+DC80 to U+DCFF stand for bytes (PEP 383).
        bytes([ord(letter) - 0xDC00])
        if "\udc80" <= letter <= "\udcff"
        else letter.encode("ascii", "backslashreplace")
        for letter in letters
    )
    return b"".join(shown), error.end


def _end(_number: int, _frame: object) -> NoReturn:
    """Raise `SystemExit` with the exit code for SIGTERM."""
    raise SystemExit(128 + signal.SIGTERM)


def system_error(error: OSError) -> DatmoError:
    """Return an error of the operating system as one for the user."""
    where = f"'{error.filename}': " if error.filename else ""
    return DatmoError(f"{where}{error.strerror or error}", _hint(error))


def _hint(error: OSError) -> str:
    """Return the hint for an operating system error; '' for most."""
    import errno

    if error.errno == errno.EACCES:
        return "let your user read and write it, or run this as the user who owns it"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space and run this again: nothing was lost"
    return ""


def tell(error: DatmoError, console: Console, *, as_json: bool = False) -> int:
    """Print an error as git does, or as JSON on standard error; return its exit code."""
    if as_json:
        document: dict[str, object] = {
            "error": error.what,
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        if isinstance(error, Incomplete):
            document["missing"] = list(error.missing)
        console.tell_json(document)
        return error.exit_code
    console.tell(f"fatal: {error.what}")
    if error.hint:
        console.tell(f"hint: {error.hint}")
    return error.exit_code


def _bug(console: Console) -> int:
    """Log an unexpected error to a temporary file, print its path, and return 128.

    Passwords in URLs are removed from the log.
    """
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="git-datmo-", suffix=".log", delete=False) as log:
        said = hide_passwords(f"{sys.argv}\n{traceback.format_exc()}")
        log.write(f"git-datmo {__version__}, Python {sys.version}\n{said}")
    last = said.strip().splitlines()[-1]
    console.tell(f"fatal: BUG: {last}")
    console.tell(f"hint: please report it with the log in '{log.name}'")
    return 128
