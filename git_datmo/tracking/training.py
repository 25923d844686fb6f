"""Log parameters and metrics from a training script: `import git_datmo as datmo`.

The functions log to the run of this process. Inside `git datmo run`, that is the surrounding run.
Elsewhere the first call begins one, which is recorded when the process ends.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from git_datmo.tracking.run_logger import VARIABLE, RunLogger, rank, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

F = TypeVar("F", bound=Callable[..., Any])


class _State:
    """The run of this process."""

    current: RunLogger | None = None


def active() -> RunLogger:
    """Return the run of this process; begin one if there is none."""
    current = _State.current
    return run() if current is None or current.is_over else current


def run(
    message: str = "",
    *,
    why: str = "",
    params: Mapping[str, Any] | None = None,
    tags: Iterable[str] = (),
    resume: str | None = None,
) -> RunLogger:
    """Return a run to use as a context manager: it is recorded when the block ends.

    Inside `git datmo run`, it is the surrounding run, which keeps its own message. `resume` is the
    experiment that this run goes on with.
    """
    message, why, resume = map(_text, (message, why, resume))
    current = _State.current
    if current is None or current.is_over:
        # Of the processes of a distributed training, the first one begins the run.
        is_joined = os.environ.get(VARIABLE) or rank()
        current = RunLogger() if is_joined else _begin(message, why, resume)
        _State.current = current
    current.describe(message, why)
    if resume:
        current.set_attempt(resume)
    if params is not None:
        current.log_params(params)
    for tag in _words(tags, current):
        current.set_tag(tag)
    return current


def _text(value: Any) -> str:
    """Return a message as text; '' for None."""
    return value if isinstance(value, str) else "" if value is None else shown(value)


def _words(tags: Any, current: RunLogger) -> list[Any]:
    """Return the tags of a run; a text is one tag."""
    if isinstance(tags, str):
        return [tags]
    try:
        return list(tags or ())
    except TypeError as error:
        current.warn(f"tags are not logged: {shown(error)}")
        return []


def begin(own: Callable[[], RunLogger]) -> RunLogger:
    """Begin a run that `own` makes, after ending this process's one; join a surrounding run."""
    if _State.current is not None:
        _State.current.end()
    _State.current = RunLogger() if os.environ.get(VARIABLE) or rank() else own()
    return _State.current


def _begin(message: str, why: str, resume: str) -> RunLogger:
    """Begin a run of this process."""
    from git_datmo.tracking.own_run import OwnRun

    return OwnRun({"message": message, "why": why, "resume": resume})


def track(function: F) -> F:
    """Make a function a run of its own, with its arguments as parameters."""

    @functools.wraps(function)
    def tracked(*args: Any, **named: Any) -> Any:
        with run(function.__name__) as current:
            current.log_params(_arguments(function, args, named))
            return function(*args, **named)

    return cast("F", tracked)


def log_metric(
    name: str, value: Any, step: float | None = None, *, goal: str | None = None
) -> None:
    """Log a value of a metric, as `RunLogger.log_metric` does."""
    active().log_metric(name, value, step, goal=goal)


def log_metrics(values: Mapping[str, Any], step: float | None = None) -> None:
    """Log a value of each metric."""
    active().log_metrics(values, step)


def log_param(name: str, value: Any) -> None:
    """Log a parameter."""
    active().log_params({name: value})


def log_params(values: Mapping[str, Any]) -> None:
    """Log parameters. Nested mappings and lists are named by their path, with dots."""
    active().log_params(values)


def set_tag(tag: str) -> None:
    """Mark the run by a word."""
    active().set_tag(tag)


def _arguments(function: Any, args: Any, named: Any) -> dict[str, Any]:
    """Return the arguments of a call by name, with defaults."""
    import inspect

    try:
        bound = inspect.signature(function).bind(*args, **named)
    # Some functions that are written in C have no signature.
    except (TypeError, ValueError):
        return dict(named)
    bound.apply_defaults()
    return dict(bound.arguments)
