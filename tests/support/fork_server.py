"""Start git-datmo quickly: load it once, and fork for each command.

Read one line of JSON (`words`, `cwd`, `env`, `stdin`), and write one line (`code`, `stdout`,
`stderr`). The child is an ordinary process with its own environment and folder.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import tempfile
from typing import Any

import die_at_step


def load_all() -> None:
    import git_datmo.cli.commands
    import git_datmo.history
    import git_datmo.payloads

    for package in (git_datmo.cli.commands, git_datmo.history, git_datmo.payloads):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")


def become(asked: dict[str, Any], streams: tuple[int, ...]) -> int:
    """Run the command itself, in the child."""
    for wanted, fd in enumerate(streams):
        os.dup2(fd, wanted)
    os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    # It was asked for by this process, which had another environment.
    tempfile.tempdir = None
    sys.stdin = os.fdopen(0)
    sys.stdout, sys.stderr = (os.fdopen(fd, "w") for fd in (1, 2))
    try:
        return die_at_step.live(asked["words"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(asked["stdin"].encode("latin-1"))
        given.seek(0)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                status = become(asked, (given.fileno(), out.fileno(), err.fileno()))
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else 1
            finally:
                os._exit(status)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        return {"code": code, "stdout": texts[0], "stderr": texts[1]}


def main() -> None:
    load_all()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
