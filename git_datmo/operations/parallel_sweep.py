"""Run several combinations of a sweep at a time, in processes of their own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass

from git_datmo.engines.engine_contract import Engine, silent
from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.operations.sweep import MadeCombination, Result, SweepPlan, run_combination
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.sweep_grid import Combination

OpenEngine = Callable[[Workspace], AbstractContextManager[Engine]]


@dataclass(frozen=True, slots=True)
class _Work:
    """The work of one process: the sweep, and how to open the repository and the engine.

    `note` receives each combination that is recorded, and its snapshot.
    """

    plan: SweepPlan
    note: Callable[[Combination, Oid], None]
    open_workspace: Callable[[], Workspace]
    open_engine: OpenEngine
    elsewhere: bool


_work: _Work | None = None
_running = threading.Lock()


def sweep_in_parallel(
    plan: SweepPlan,
    jobs: int,
    open_workspace: Callable[[], Workspace],
    open_engine: OpenEngine,
    *,
    note: Callable[[Combination, Oid], None],
    elsewhere: bool,
) -> Iterator[Result]:
    """Run `jobs` combinations at a time, and yield each as it ends.

    Each run has a working tree of its own. The commands' output goes to their logs alone. An
    interrupt ends the runs in progress, which are recorded, and starts no more. If this process is
    killed, the others record and note their runs in progress, and end.
    """
    work = _Work(plan, note, open_workspace, open_engine, elsewhere)
    # Forked processes inherit the functions in `work`, which need not be pickled.
    workers = max(1, min(jobs, len(plan.combinations)))
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("fork"), initializer=_begin_work, initargs=(work,)
    )
    try:
        begun = {pool.submit(_run_one, index): index for index in range(len(plan.combinations))}
        for future in as_completed(begun):
            yield plan.combinations[begun[future]], _take(future)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _take(future: Future[MadeCombination | tuple[str, str]]) -> MadeCombination | DatmoError:
    """Return the result of a combination."""
    try:
        made = future.result()
    except BrokenProcessPool:
        return DatmoError("a process of the sweep was killed", "repeat the sweep to go on")
    return made if isinstance(made, MadeCombination) else DatmoError(*made)


def _begin_work(work: _Work) -> None:
    """Prepare a process. An interrupt reaches its command, and must not end the process."""
    global _work  # noqa: PLW0603  # a process of the pool does the work of one sweep
    _work = work
    signal.signal(signal.SIGINT, _ignore)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End this process after the run in progress, if the process that started it has ended."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    # Processes that were forked later hold the sentinel open, and end first.
    parent.join()
    # A run holds this lock until it is recorded and noted.
    with _running:
        os._exit(1)


def _ignore(_number: int, _frame: object) -> None:
    """Survive a signal. Unlike SIG_IGN, this is not inherited by commands."""


def _run_one(index: int) -> MadeCombination | tuple[str, str]:
    """Run a combination in this process; return its snapshot, or the error and its hint."""
    assert _work is not None
    try:
        with _running, _work.open_workspace() as ws, _work.open_engine(ws) as engine:
            combination = _work.plan.combinations[index]
            made = run_combination(
                ws, _work.plan, combination, engine, silent, elsewhere=_work.elsewhere
            )
            if not made.is_interrupted:
                _work.note(combination, made.id)
            return made
    except DatmoError as error:
        return error.what, error.hint
    except OSError as error:
        return str(error), ""
