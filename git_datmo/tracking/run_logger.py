"""Journal the calls of a training script, each as one line of a file.

Like the whole package, it needs nothing but the standard library, so that a run can put it into
any environment. It runs in the user's interpreter (3.9 or later). Each process appends to a journal
of its own in the folder that `GIT_DATMO_TRACKING` names, by one unbuffered write for each call.
So a returned call survives the end of the process. `runs/logged_calls.py` describes the lines.
Nothing may make the training fail: what cannot be logged is one warning.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "GIT_DATMO_TRACKING"
CALLS, ARTIFACTS = "calls", "artifacts"
NAME_LIMIT = 100_000
PARAMETERS_LIMIT = 100_000
# Python writes integers of up to 4,300 digits in decimals (sys.int_info).
INTEGER_BITS = 14_000
WARNINGS_LIMIT = 10


class RunLogger:
    """The run that this process belongs to. Without a journal, it ignores every call.

    `before_end` are functions that log more when a run of this process ends.
    """

    before_end: ClassVar[list[Callable[[RunLogger], None]]] = []

    def __init__(self) -> None:
        self._fd = -1
        self._folder = os.environ.get(VARIABLE, "")
        self._names: dict[str, bytes] = {}
        self._steps: dict[str, int] = {}
        self._goals: dict[str, str] = {}
        self._warned: set[str] = set()
        self._may_warn = True
        # A forked process has a journal of its own.
        os.register_at_fork(after_in_child=self.close)

    def log_metric(
        self, name: str, value: Any, step: float | None = None, *, goal: str | None = None
    ) -> None:
        """Log a value of the metric `name`; the next step follows the last one of the metric.

        `goal` is `min` or `max` if small or large values are better.
        """
        try:
            number = float(value)
            if step is None:
                step = self._steps.get(name, -1) + 1
            # A step that no float can hold would be lost when the journal is read.
            at = float(step)
            # `%r` below must give digits alone. A number of numpy has another `repr`.
            if type(step) is not int:
                step = int(at) if at.is_integer() else at
            if type(step) is int:
                self._steps[name] = step
            encoded = self._names.get(name) or self._encode(name)
        except Exception as error:  # whatever a value raises, the training goes on
            self.warn(f"a value of the metric {shown(name)} is not logged: {shown(error)}")
            return
        if goal is not None and self._goals.get(name) != goal:
            self._goals[name] = goal
            self._write("g", {name: goal})
        line = b"m %r %r %d %b\n" % (number, step, time.time_ns() // 1000, encoded)
        try:
            if os.write(self._fd, line) == len(line):
                return
        except OSError:
            pass
        self._retry(line)

    def log_metrics(self, values: Mapping[str, Any], step: float | None = None) -> None:
        """Log a value of each metric."""
        try:
            items = list(values.items())
        except Exception as error:  # as above
            self.warn(f"metrics are not logged: {shown(error)}")
            return
        for name, value in items:
            self.log_metric(name, value, step)

    def log_params(self, values: Mapping[str, Any]) -> None:
        """Log parameters. Nested mappings and lists are named by their path, with dots."""
        try:
            if not isinstance(values, Mapping):
                raise TypeError("they are no mapping")  # noqa: TRY301
            found = dict(islice(self._scalars(values), PARAMETERS_LIMIT))
        except Exception as error:  # as above; a mapping may contain itself
            self.warn(f"parameters are not logged: {shown(error)}")
            return
        self._write("p", found)

    def _scalars(self, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Yield the parameters that can be logged, and warn of the others."""
        for name, value in _flatten("", values):
            try:
                scalar = _scalar(value)
            except Exception as error:  # as above
                self.warn(f"the parameter {shown(name)} is not logged: {shown(error)}")
                continue
            yield name, scalar

    def log_param(self, name: str, value: Any) -> None:
        """Log a parameter."""
        self.log_params({name: value})

    def set_tag(self, tag: str) -> None:
        """Mark the run by a word."""
        try:
            text = str(tag)
        except Exception as error:  # as above
            self.warn(f"a tag is not logged: {shown(error)}")
            return
        if text:
            self._write("t", text)

    def describe(self, message: str, why: str) -> None:
        """Ignore a message and a reason: the surrounding run has its own."""

    def set_attempt(self, experiment: str) -> None:
        """Name the experiment that the run goes on with."""
        self._write("a", experiment)

    def artifacts_folder(self) -> str | None:
        """Return the folder for artifacts, which may not exist yet; None without a run."""
        return os.path.join(self._folder, ARTIFACTS) if self._is_open() else None

    def _encode(self, name: str) -> bytes:
        """Return a name as JSON text, and open the journal if it is not open."""
        if len(name) > NAME_LIMIT:
            raise ValueError("the name is too long")
        self._is_open()
        encoded = json.dumps(name).encode()
        # A script that makes up names without end must not fill the memory.
        if len(self._names) < 100_000:
            self._names[name] = encoded
        return encoded

    def _write(self, code: str, document: object) -> None:
        """Write a line with a JSON document."""
        try:
            line = f"{code} {json.dumps(document)}\n".encode()
        except (TypeError, ValueError, RecursionError) as error:
            self.warn(f"a call is not logged: {error}")
            return
        if self._is_open():
            try:
                if os.write(self._fd, line) == len(line):
                    return
            except OSError:
                pass
            self._retry(line)

    def _retry(self, line: bytes) -> None:
        """Write a line that could not be written, after opening the journal if necessary."""
        if not self._is_open():
            return
        try:
            # A full disk may have cut the line before.
            if os.write(self._fd, b"\n" + line) == len(line) + 1:
                return
            what = "there is no room on the disk"
        except OSError as error:
            what = str(error)
        self.close()
        self._folder = ""
        self.warn(f"nothing more is logged: {what}", is_last=True)

    def _is_open(self) -> bool:
        """Return True if this process has a journal; open it if there is none yet."""
        if self._fd >= 0:
            return True
        if not self._folder:
            return False
        # Process ids repeat, in the course of time and in containers.
        name = f"{os.getpid()}.{time.time_ns()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._fd = os.open(os.path.join(self._folder, CALLS, name), flags, 0o644)
        except OSError as error:
            self._folder = ""
            self.warn(f"nothing is logged: {error}", is_last=True)
            return False
        self._write("r", {"pid": os.getpid(), "rank": rank()})
        return self._fd >= 0

    def warn(self, what: str, *, is_last: bool = False) -> None:
        """Warn of each problem once, `WARNINGS_LIMIT` times in all.

        After a warning that `is_last`, such as that of a full disk, nothing more is said.
        """
        if what in self._warned or not self._may_warn:
            return
        self._warned.add(what)
        self._may_warn = not is_last and len(self._warned) < WARNINGS_LIMIT
        warnings.warn(f"git-datmo: {what}", RuntimeWarning, stacklevel=4)

    def close(self) -> None:
        """Close the journal; a later call opens another one."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            with contextlib.suppress(OSError):
                os.close(fd)

    @property
    def is_over(self) -> bool:
        """Return True if the run was recorded; the surrounding command records this one later."""
        return False

    @property
    def folder(self) -> str:
        """Return the folder of the run; '' without one."""
        return self._folder

    def end(self, error: BaseException | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Do nothing: the surrounding `git datmo run` records the run."""
        return {}

    def __enter__(self) -> RunLogger:
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing: the surrounding `git datmo run` records the run."""


def rank() -> int:
    """Return the number of this process in a distributed training; 0 for the first or only one."""
    # Set by torchrun, Slurm, Open MPI, and MPICH or Intel MPI.
    for name in ("RANK", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK"):
        text = os.environ.get(name, "")
        if text.isdecimal():
            return int(text)
    return 0


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each scalar in nested mappings and lists."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _flatten(f"{prefix}.{name}" if prefix else str(name), item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from _flatten(f"{prefix}.{index}", item)
    elif value is not None:
        yield prefix, value


def _scalar(value: Any) -> Any:
    """Return a value as JSON can express it."""
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, int) and abs(value).bit_length() > INTEGER_BITS:
        # Python refuses to write such a number in decimals.
        return hex(value)
    return value if isinstance(value, (bool, int, float, str)) else str(value)


def shown(value: object) -> str:
    """Return an exception as text, and anything else as its `repr`, whatever that raises."""
    try:
        text = str(value) if isinstance(value, BaseException) else repr(value)
    except Exception:  # an object of the user
        text = ""
    return text[:200] or f"an object of the class '{type(value).__name__}'"
