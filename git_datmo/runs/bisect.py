"""Find the commit that made a metric bad, with `git bisect`.

Git chooses the commits; records or reruns give their metrics. The bisection has its own working
tree, so it changes neither the user's files nor a bisection in progress.
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
from git_datmo.runs.rerun import RerunOptions, rerun
from git_datmo.runs.rerun_folder import TREE, scratch_folder
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.runs.rerun_parts import Parts, parts_of, require_run
from git_datmo.worktree.tracking import Tracking

# Git writes `possible` if only skipped commits are left, and then a line for each candidate.
_FIRST = re.compile(r"^# (?:possible )?first bad commit: \[([0-9a-f]+)\]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric and its limits: it is bad below `below` or above `above`. NaN is bad."""

    metric: str
    below: float | None
    above: float | None

    def is_bad(self, value: float) -> bool:
        """Return True if a value of the metric is bad."""
        return (
            isnan(value) or (self.below is not None and value < self.below) or self._is_above(value)
        )

    def _is_above(self, value: float) -> bool:
        return self.above is not None and value > self.above


@dataclass(frozen=True, slots=True)
class Step:
    """The result for a commit.

    `value` and `bad` are None if the metric is unknown. `way` is 'recorded' or 'rerun'.
    """

    commit: Oid
    value: float | None
    way: str
    bad: bool | None


@dataclass(frozen=True, slots=True)
class Bisected:
    """The first bad commit; several if the commits between good and bad had to be skipped."""

    first: tuple[Oid, ...]
    steps: tuple[Step, ...]


def bisect(
    ws: Workspace,
    history: History,
    good: str,
    bad: Found,
    bound: Bound,
    options: RerunOptions | None,
    *,
    notify: Callable[[Step], None],
) -> Bisected:
    """Find the first commit with a bad metric, after `good` and up to the commit of `bad`.

    A commit without a recorded metric is rerun with `options`. The rerun has the command and
    environment of `bad`, and the commit's own code and data. Without `options`, the commit is
    skipped. `notify` is called after each step. Raises `DatmoError` if an end of the range has the
    wrong verdict.
    """
    steps: list[Step] = []
    with _working_tree(ws, bad.commit) as tree:
        # The user's hooks must not run at the checkouts of a bisection.
        git = tree.repo.git.with_config([("core.hooksPath", "/dev/null")])

        def look(commit: Oid) -> bool | None:
            step = _measure(ws, tree, history, commit, bad, bound, options)
            steps.append(step)
            notify(step)
            return step.bad

        ends = history.commit(good).oid, bad.commit
        for commit, expected in zip(ends, (False, True), strict=True):
            git.run("checkout", "-q", "--detach", str(commit))
            # `git bisect start` believes both ends, so they are measured first.
            if look(commit) is not expected:
                raise DatmoError(
                    _contradiction(bound, steps[-1], expected), "give commits that differ in it"
                )
        git.run("bisect", "start", str(ends[1]), str(ends[0]))
        while not (first := _FIRST.findall(git.text("bisect", "log"))):
            verdict = look(tree.repo.resolve("HEAD"))
            done = git.finish("bisect", "skip" if verdict is None else "bad" if verdict else "good")
            # `git bisect` exits with 2 if only skipped commits are left.
            if done.returncode not in (0, 2):
                raise failure(("bisect",), done.returncode, done.stderr or done.stdout)
    return Bisected(tuple(Oid.parse(oid) for oid in first), tuple(steps))


def _contradiction(bound: Bound, step: Step, expected: bool) -> str:  # noqa: FBT001
    """Return the error message for an end of the range that is not good or bad as expected."""
    value = "is unknown" if step.value is None else f"is {step.value:.6g}"
    return (
        f"commit {str(step.commit)[:10]} is not {'bad' if expected else 'good'}: its"
        f" {bound.metric} {value}"
    )


@contextmanager
def _working_tree(ws: Workspace, commit: Oid) -> Iterator[Workspace]:
    """Yield the workspace of a working tree at `commit`, which is removed at the end."""
    git: Git = ws.repo.git.with_config([("core.hooksPath", "/dev/null")])
    with scratch_folder(ws, None) as folder:
        path = folder / TREE
        git.run("worktree", "add", "-q", "--detach", str(path), str(commit))
        try:
            # Variables like GIT_DIR would lead to the user's repository instead of this working
            # tree.
            environ = clean_environment(ws.environ)
            with Workspace(discover(environ, path), environ, ws.clock) as tree:
                # Share the open store, so that each workspace sees objects that the other writes.
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
    options: RerunOptions | None,
) -> Step:
    """Return the metric of a commit, from a record or else from a rerun."""
    # `^!` means this commit without its ancestors (gitrevisions(7)).
    for found in history.walk((f"{commit}^!",)):
        if not _is_like(found, bad):
            continue
        value = number(found.snapshot.metrics.get(bound.metric))
        if value is not None:
            return Step(commit, value, "recorded", bound.is_bad(value))
    value = (
        None if options is None else _rerun(ws, tree, history, commit, bad, bound.metric, options)
    )
    return Step(commit, value, "rerun", None if value is None else bound.is_bad(value))


def _is_like(found: Found, bad: Found) -> bool:
    """Return True if the snapshot's metric can be compared with that of `bad`.

    Both runs must have the same command and folder. The run must have the commit's own code, and
    end with 0 or with the exit code of `bad`. If either snapshot has no run, its metric was given
    by a person and counts as it is.
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
    options: RerunOptions,
) -> float | None:
    """Return the metric from a rerun of `commit`; None if the command fails.

    The commit is checked out in `tree`.
    """
    options.engine.check()
    parts = _at_commit(tree, history, commit, parts_of(bad))
    require_objects(ws, parts.nodes(), bad.id, options.progress)
    with scratch_folder(ws, None) as folder:
        done = rerun(ws, parts, options, folder)
    ended_well = done.outcome.exit_code == (require_run(bad).exit_code or 0)
    return number(done.metrics.get(metric)) if ended_well else None


def _at_commit(tree: Workspace, history: History, commit: Oid, parts: Parts) -> Parts:
    """Return `parts` with the commit's code and data.

    The data are those of its nearest snapshot at the same paths.
    """
    # No payload is placed in this working tree, so no path is left out of the code.
    code = capture_code(tree, Tracking())
    nearest = history.nearest(commit)
    held = {payload.path: payload for payload in nearest.snapshot.payloads} if nearest else {}
    return replace(
        parts, code=code, data=tuple(held.get(payload.path, payload) for payload in parts.data)
    )
