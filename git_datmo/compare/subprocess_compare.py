"""Compare in a child process with limits, so that a hostile file can only bring down the child."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from git_datmo.compare.comparison import Comparison
from git_datmo.errors import Silent
from git_datmo.watched_child import Child

# Threads reserve memory that they never use, which would exceed the limit.
QUIET = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
LOST = Comparison("differs in bytes; the comparison crashed")


def compare_apart(
    pairs: Iterable[tuple[Path, Path]], environ: Mapping[str, str]
) -> Iterator[Comparison]:
    """Yield the comparison of each pair of paths (recorded, rerun), in order."""
    child: Child | None = None
    try:
        for recorded, rerun in pairs:
            child = child or _start(environ)
            answer = _ask(child, recorded, rerun)
            if answer is None:
                _end(child)
                child = None
            yield answer or LOST
    finally:
        if child is not None:
            _end(child)


def _start(environ: Mapping[str, str]) -> Child:
    # `-m` searches the current folder first, and a repository may have a numpy.py.
    argv = [sys.executable, "-m", "git_datmo.compare.compare_child"]
    return Child(
        argv,
        who="what compares the files",
        cwd="/",
        env={**environ, **QUIET},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _ask(child: Child, recorded: Path, rerun: Path) -> Comparison | None:
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError, Silent):
        child.stdin.write(
            json.dumps([str(recorded.absolute()), str(rerun.absolute())]).encode() + b"\n"
        )
        child.stdin.flush()
        line = child.stdout.readline()
        # A child that dies while it answers leaves an incomplete line.
        if line.endswith(b"\n"):
            found = json.loads(line)
            return Comparison(found["text"], found["off"])
    return None


def _end(child: Child) -> None:
    with child:
        child.kill()
