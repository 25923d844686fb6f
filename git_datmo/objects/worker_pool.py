"""Worker pool with memory that all workers share.

A worker is a fork of this process, because small jobs hold the interpreter lock too long for
threads to be faster. The workers are threads if a fork is unsafe: on systems other than Linux, or
if other threads are running.
"""

from __future__ import annotations

import marshal
import mmap
import os
import pickle
import select
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from git_datmo.errors import DatmoError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# A job receives its buffer, then the submitted arguments. Arguments and result must be values that
# `marshal` supports.
Job = Callable[..., Any]

# A container or a batch system may allow a process fewer processors than the machine has.
_PROCESSORS = (
    len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
)
WORKERS = min(max(_PROCESSORS, 2), 4)
# A buffer that is filled, two for each worker, and two whose results are being processed.
SLOTS = 2 * WORKERS + 3
NICENESS = 5
# A message begins with its length in bytes.
_LENGTH = 8
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class SharedBuffer:
    """Region of shared memory for a single job at a time."""

    number: int
    memory: memoryview


class WorkerPool:
    """Pool that runs named functions and returns results in the order of submission.

    Until `start` is called, `submit` runs each job immediately in this process. Starting workers
    pays only for much work. `memory` is the size of each buffer in bytes.
    """

    def __init__(self, jobs: Mapping[str, Job], memory: int) -> None:
        self._jobs = jobs
        # An anonymous mapping is shared with forks, so content crosses no pipe (mmap(2)).
        whole = memoryview(mmap.mmap(-1, memory * SLOTS))
        self._slots = [
            SharedBuffer(number, whole[number * memory : (number + 1) * memory])
            for number in range(SLOTS)
        ]
        self._free = deque(self._slots)
        self._waiting: deque[tuple[SharedBuffer, Callable[[], Any]]] = deque()
        self._workers: list[_Worker] = []
        self._pool: ThreadPoolExecutor | None = None
        self._turn = 0

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(self, *_: object) -> None:
        # Close all pipes before waiting, so that the workers end at the same time.
        for worker in self._workers:
            worker.dismiss()
        for worker in self._workers:
            worker.wait()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def started(self) -> bool:
        """Return True if workers run the jobs."""
        return bool(self._workers) or self._pool is not None

    def start(self) -> None:
        """Start the workers, unless they are running."""
        if self.started:
            return
        # A fork copies only the calling thread, so a lock that another one holds would stay held.
        if sys.platform == "linux" and threading.active_count() == 1:
            for _ in range(WORKERS):
                self._workers.append(_Worker(self._jobs, self._slots, self._workers))
        else:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="crew")

    def __len__(self) -> int:
        """Return the number of submitted jobs whose results have not been taken."""
        return len(self._waiting)

    def slot(self) -> SharedBuffer | None:
        """Return the next free buffer, or None.

        If it returns None, the caller must take and release a result first. The buffer stays the
        same until the next `submit`.
        """
        return self._free[0] if self._free else None

    def submit(self, job: str, *arguments: Any) -> None:
        """Submit a job with the buffer that `slot` returned.

        The caller must have checked that a buffer is free.
        """
        slot = self._free.popleft()
        if self._workers:
            # Turns keep the order: each worker answers its own requests in order, so the oldest
            # job's result is the next that its worker sends.
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            worker.ask((slot.number, job, arguments))
            self._waiting.append((slot, worker.answer))
        elif self._pool is not None:
            self._waiting.append(
                (slot, self._pool.submit(self._jobs[job], slot.memory, *arguments).result)
            )
        else:
            answer = self._jobs[job](slot.memory, *arguments)
            self._waiting.append((slot, lambda: answer))

    def take(self) -> tuple[SharedBuffer, Any]:
        """Return the buffer and the result of the oldest job.

        Raises the exception of that job. The caller must pass the buffer to `release` after use.
        """
        slot, answer = self._waiting.popleft()
        return slot, answer()

    def release(self, slot: SharedBuffer) -> None:
        """Mark a buffer as free."""
        self._free.append(slot)


class _Worker:
    """Forked worker process with a pipe for requests and a pipe for results."""

    def __init__(
        self, jobs: Mapping[str, Job], slots: list[SharedBuffer], earlier: list[_Worker]
    ) -> None:
        ask_in, self._requests = os.pipe()
        self._answers, answer_out = os.pipe()
        self._received = bytearray()
        self._pid = os.fork()
        if not self._pid:
            # A worker ends when the write end of its request pipe is closed everywhere. So it must
            # not keep the ends of other workers open.
            for worker in earlier:
                worker.dismiss()
            os.close(self._requests)
            os.close(self._answers)
            _serve(jobs, slots, ask_in, answer_out)
        os.close(ask_in)
        os.close(answer_out)
        os.set_blocking(self._requests, False)
        self._either = select.poll()
        self._either.register(self._requests, select.POLLOUT)
        self._either.register(self._answers, select.POLLIN)

    def ask(self, request: Any) -> None:
        """Send a request.

        While the pipe is full, receive results, so that neither process blocks the other. Raises
        `DatmoError` if the worker process is dead.
        """
        rest = memoryview(_framed(request))
        while rest:
            try:
                rest = rest[os.write(self._requests, rest) :]
            except BlockingIOError:
                # The worker may itself be blocked on writing a result before it reads again.
                if any(fd == self._answers for fd, _ in self._either.poll()):
                    self._receive()
            except BrokenPipeError:
                raise self._lost() from None

    def answer(self) -> Any:
        """Return the next result of this worker, or raise the exception of its job."""
        while len(self._received) < _LENGTH or len(self._received) < _LENGTH + self._size():
            self._receive()
        end = _LENGTH + self._size()
        # `marshal` differs between versions of Python, but both ends are the same interpreter.
        done, value = marshal.loads(self._received[_LENGTH:end])  # noqa: S302  # our own fork made it
        del self._received[:end]
        if not done:
            raise pickle.loads(value)  # noqa: S301  # our own fork made it
        return value

    def _size(self) -> int:
        """Return the length of the first message that was received."""
        return int.from_bytes(self._received[:_LENGTH], "big")

    def _receive(self) -> None:
        """Read available bytes; raise `DatmoError` if the worker process is dead."""
        block = os.read(self._answers, _BLOCK)
        if not block:
            raise self._lost()
        self._received += block

    def _lost(self) -> DatmoError:
        """Return the error for a worker that was killed."""
        return DatmoError("a worker process was killed", "free some memory, then run this again")

    def dismiss(self) -> None:
        """Close the request pipe, which makes the worker exit."""
        os.close(self._requests)

    def wait(self) -> None:
        """Wait until the worker process has ended."""
        # A worker that is still writing a result then fails, and ends.
        os.close(self._answers)
        os.waitpid(self._pid, 0)


def _serve(
    jobs: Mapping[str, Job], slots: list[SharedBuffer], ask_in: int, answer_out: int
) -> NoReturn:
    """Run the worker loop.

    Exit with `os._exit` so that inherited cleanup handlers never run.
    """
    try:
        # Ctrl-C is meant for the parent process, which ends this worker.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # The parent process has priority, since it is mostly the bottleneck.
        os.nice(NICENESS)
        with os.fdopen(ask_in, "rb") as requests, os.fdopen(answer_out, "wb") as answers:
            while len(head := requests.read(_LENGTH)) == _LENGTH:
                message = requests.read(int.from_bytes(head, "big"))
                number, job, arguments = marshal.loads(message)  # noqa: S302  # who forked us made it
                answers.write(_framed(_attempt(jobs[job], slots[number].memory, arguments)))
                answers.flush()
    finally:
        # Also after an error: the parent sees the closed pipe and reports a killed worker.
        os._exit(0)


def _attempt(job: Job, memory: memoryview, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    """Run a job; return (True, result) or (False, pickled exception)."""
    try:
        return True, job(memory, *arguments)
    except Exception as error:  # noqa: BLE001  # it is raised again where the answer is taken
        return False, pickle.dumps(error)


def _framed(message: Any) -> bytes:
    """Encode a message with its length in front."""
    raw = marshal.dumps(message)
    return len(raw).to_bytes(_LENGTH, "big") + raw
