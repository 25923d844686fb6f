"""Remove environment tools (`uv run`, `poetry run`) from a command.

These tools choose an environment, and a rerun already runs in the rebuilt environment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from git_datmo.engines.engine_contract import portable_command

_SCRIPT = re.compile(r".*\.pyw?\Z")
_PYTHON = re.compile(r"(?:.*/)?(?:python|pypy)[0-9.]*\Z")


@dataclass(frozen=True, slots=True)
class _Runner:
    """The options of a tool's `run` command: `flags` have no value, `valued` have a value.

    `scripts` says that the tool runs a file `x.py` with Python. `tasks` says that the first word
    may name a task of the tool.
    """

    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    scripts: bool = False
    tasks: bool = False


def _words(line: str) -> frozenset[str]:
    """Return the words of a line as a set."""
    return frozenset(line.split())


_QUIET = _words("-q --quiet -v --verbose")
_UV = _Runner(
    flags=_QUIET
    | _words(
        "--active --all-extras --all-groups --compile-bytecode --dev --exact --frozen --isolated"
        " --locked"
    )
    | _words(
        "--managed-python --native-tls --no-cache -n --no-config --no-default-groups --no-dev"
        " --no-editable"
    )
    | _words(
        "--no-env-file --no-progress --no-project --no-python-downloads --no-sync --offline"
        " --only-dev"
    )
    | _words("--refresh --reinstall -s --script --system-certs --upgrade -U"),
    valued=_words(
        "--cache-dir --config-file --default-index --env-file --extra --extra-index-url"
        " --find-links -f"
    )
    | _words(
        "--group --index --index-strategy --index-url -i --link-mode --no-extra --no-group"
        " --only-group"
    )
    | _words(
        "--package --python -p --refresh-package --reinstall-package --resolution"
        " --upgrade-package -P"
    )
    | _words("--with --with-editable --with-requirements -w"),
    scripts=True,
)
_CONDA = _Runner(
    flags=_QUIET | _words("--no-capture-output --live-stream"),
    valued=_words("-n --name -p --prefix -a --attach"),
)
_RUNNERS = {
    "uv": _UV,
    "poetry": _Runner(flags=_QUIET | _words("-n --no-interaction")),
    "pdm": _Runner(flags=_QUIET, valued=_words("--venv"), scripts=True, tasks=True),
    "pipenv": _Runner(flags=_QUIET, tasks=True),
    "pixi": _Runner(
        flags=_QUIET | _words("--frozen --locked --no-install --as-is --clean-env"),
        valued=_words("-e --environment --manifest-path"),
        tasks=True,
    ),
    "rye": _Runner(tasks=True),
    **dict.fromkeys(("conda", "mamba", "micromamba"), _CONDA),
}


def rebuilt_command(command: Sequence[str]) -> tuple[str, ...]:
    """Return the portable form of `command` for a rebuilt environment.

    `uv run train.py` becomes `python train.py`. A command with a task or an unknown option stays
    unchanged.
    """
    whole = portable_command(command)
    runner = _RUNNERS.get(whole[0])
    if runner is None or whole[1:2] != ("run",):
        return whole
    inner = _behind_options(runner, whole[2:])
    if not inner:
        return whole
    if inner[0] in ("-m", "--module") and runner.scripts and len(inner) > 1:
        return ("python", "-m", *inner[1:])
    if _SCRIPT.match(inner[0]) and runner.scripts:
        return ("python", *inner)
    # The word can name a task, whose command only the tool knows.
    if runner.tasks and not _PYTHON.match(inner[0]):
        return whole
    return portable_command(inner)


def _behind_options(runner: _Runner, words: Sequence[str]) -> Sequence[str]:
    """Return the words after a tool's own options; none if an option is unknown."""
    index = 0
    while (
        index < len(words)
        and words[index].startswith("-")
        and words[index] not in ("--", "-m", "--module")
    ):
        name, _, value = words[index].partition("=")
        if name in runner.valued:
            index += 1 if value else 2
        elif words[index] in runner.flags:
            index += 1
        else:
            # An unknown option may have a value, which would look like the command.
            return ()
    if index < len(words) and words[index] == "--":
        index += 1
    return words[index:]
