"""Which commit made a metric bad: `git bisect` chooses what to look at, records or reruns say what
a commit is.

It bisects in a working tree of its own, so that neither the person's files nor a bisection of
theirs are touched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import isnan

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git, clean_environment, failure
from git_datmo.git.user_repository import discover
from git_datmo.history.experiments import Found, History
from git_datmo.model import Oid
from git_datmo.payloads.code_files import capture_code
from git_datmo.records.codec import number
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun import Parts, RerunOptions, parts_of, require_run, rerun
from git_datmo.runs.rerun_folder import TREE, scratch_folder
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.worktree.tracking import Tracking

_FIRST = re.compile(r"^# (?:possible )?first bad commit: \[([0-9a-f]+)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric, and where it becomes bad: below `below`, or above `above`."""

    metric: str
    below: float | None
    above: float | None

    def is_bad(self, value: float) -> bool:
        return (
            isnan(value) or (self.below is not None and value < self.below) or self._is_above(value)
        )

    def _is_above(self, value: float) -> bool:
        return self.above is not None and value > self.above


@dataclass(frozen=True, slots=True)
class Step:
    """What a commit was found to be; `value` is None where it could not be told, `way` is
    `recorded` or `rerun`."""

    commit: Oid
    value: float | None
    way: str
    bad: bool | None


@dataclass(frozen=True, slots=True)
class Bisected:
    """The first bad commit; several where those between could not be told."""

    first: tuple[Oid, ...]
    steps: tuple[Step, ...]


def bisect(
    ws: Workspace,
    history: History,
    good: str,
    bad: Found,
    bound: Bound,
    means: RerunOptions | None,
    *,
    told: Callable[[Step], None],
) -> Bisected:
    """Find the commit between `good` and that of `bad` from which on the metric is bad.

    A commit without a figure is rerun by `means`, with the command and environment of `bad`, the
    code that the commit has and the data that belonged to it; without `means` it is passed over.
    """
    steps: list[Step] = []
    with _working_tree(ws, bad.commit) as tree:
        git = tree.repo.git.with_config([("core.hooksPath", "/dev/null")])

        def look(commit: Oid) -> bool | None:
            step = _measure(ws, tree, history, commit, bad, bound, means)
            steps.append(step)
            told(step)
            return step.bad

        ends = history.commit(good).oid, bad.commit
        for commit, expected in zip(ends, (False, True), strict=True):
            git.run("checkout", "-q", "--detach", str(commit))
            if look(commit) is not expected:
                raise DatmoError(
                    _contradiction(bound, steps[-1], expected), "give commits that differ in it"
                )
        git.run("bisect", "start", str(ends[1]), str(ends[0]))
        while not (first := _FIRST.findall(git.text("bisect", "log"))):
            verdict = look(tree.repo.resolve("HEAD"))
            done = git.finish("bisect", "skip" if verdict is None else "bad" if verdict else "good")
            # Git ends with 2 where nothing is left but what was passed over.
            if done.returncode not in (0, 2):
                raise failure(("bisect",), done.returncode, done.stderr or done.stdout)
    return Bisected(tuple(Oid.parse(oid) for oid in first), tuple(steps))


def _contradiction(bound: Bound, step: Step, expected: bool) -> str:  # noqa: FBT001
    value = "cannot be told" if step.value is None else f"is {step.value:.6g}"
    return (
        f"commit {str(step.commit)[:10]} is not {'bad' if expected else 'good'}: its"
        f" {bound.metric} {value}"
    )


@contextmanager
def _working_tree(ws: Workspace, commit: Oid) -> Iterator[Workspace]:
    """A working tree at `commit`, and git-datmo's view of it; it is gone afterwards."""
    git: Git = ws.repo.git.with_config([("core.hooksPath", "/dev/null")])
    with scratch_folder(ws, None) as folder:
        path = folder / TREE
        git.run("worktree", "add", "-q", "--detach", str(path), str(commit))
        try:
            # Variables that say where the person's repository is would hide this one.
            environ = clean_environment(ws.environ)
            with Workspace(discover(environ, path), environ, ws.clock) as tree:
                # One store, opened once: what is written by one view of it is seen by the other.
                tree.store = ws.store
                yield tree
        finally:
            git.finish("worktree", "remove", "--force", str(path))


def _measure(
    ws: Workspace,
    tree: Workspace,
    history: History,
    commit: Oid,
    bad: Found,
    bound: Bound,
    means: RerunOptions | None,
) -> Step:
    for found in history.walk((f"{commit}^!",)):
        if not _is_like(found, bad):
            continue
        value = number(found.snapshot.metrics.get(bound.metric))
        if value is not None:
            return Step(commit, value, "recorded", bound.is_bad(value))
    value = None if means is None else _rerun(ws, tree, history, commit, bad, bound.metric, means)
    return Step(commit, value, "rerun", None if value is None else bound.is_bad(value))


def _is_like(found: Found, bad: Found) -> bool:
    """Return True for a snapshot of the commit's own code whose figure can be compared with that of
    `bad`.

    Both came of the same command, and ended well, or as `bad` did. A figure that a person gave
    counts as it is.
    """
    run, other = found.snapshot.run, bad.snapshot.run
    if run is None or other is None:
        return True
    if not (found.snapshot.clean or found.way == "code") or run.exit_code not in (
        None,
        0,
        other.exit_code,
    ):
        return False
    return found.id == bad.id or (run.folder, run.command) == (other.folder, other.command)


def _rerun(
    ws: Workspace,
    tree: Workspace,
    history: History,
    commit: Oid,
    bad: Found,
    metric: str,
    means: RerunOptions,
) -> float | None:
    """What the commit that is checked out in `tree` comes to; None where the command fails on
    it."""
    means.engine.check()
    parts = _at_commit(tree, history, commit, parts_of(bad))
    require_objects(ws, parts.nodes(), bad.id, means.progress)
    with scratch_folder(ws, None) as folder:
        done = rerun(ws, parts, means, folder)
    ended_well = done.outcome.exit_code == (require_run(bad).exit_code or 0)
    return number(done.metrics.get(metric)) if ended_well else None


def _at_commit(tree: Workspace, history: History, commit: Oid, parts: Parts) -> Parts:
    """`parts` with the commit's code, and the data that its nearest snapshot has at the same
    paths."""
    code = capture_code(tree, Tracking())
    nearest = history.nearest(commit)
    held = {payload.path: payload for payload in nearest.snapshot.payloads} if nearest else {}
    return replace(
        parts, code=code, data=tuple(held.get(payload.path, payload) for payload in parts.data)
    )
