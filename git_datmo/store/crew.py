"""Workers that do jobs beside this process, with memory that all of them share.

A worker is a fork of this process: small pieces of work hold the interpreter's lock too long for threads to gain by
them. Where a fork is unsafe (a system other than Linux, or threads that run already) the workers are threads.
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

# A job gets the memory of its turn, then what it was submitted with: values that `marshal` takes, as it returns.
Job = Callable[..., Any]

WORKERS = min(max(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 2), 4)
# One that is filled, two for each worker, and two whose answers are at work.
SLOTS = 2 * WORKERS + 3
NICENESS = 5
# A message has its length before it.
_LENGTH = 8
_BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Slot:
    """A stretch of shared memory, of which each turn of work has one."""

    number: int
    memory: memoryview


class Crew:
    """Does `jobs`, called by their names; answers come in the order in which the work was submitted.

    Work is done here and at once until `start` is called, which is worth it for much work alone.
    """

    def __init__(self, jobs: Mapping[str, Job], memory: int) -> None:
        self._jobs = jobs
        whole = memoryview(mmap.mmap(-1, memory * SLOTS))
        self._slots = [Slot(number, whole[number * memory : (number + 1) * memory]) for number in range(SLOTS)]
        self._free = deque(self._slots)
        self._waiting: deque[tuple[Slot, Callable[[], Any]]] = deque()
        self._workers: list[_Worker] = []
        self._pool: ThreadPoolExecutor | None = None
        self._turn = 0

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.dismiss()
        for worker in self._workers:
            worker.wait()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    @property
    def started(self) -> bool:
        return bool(self._workers) or self._pool is not None

    def start(self) -> None:
        """Let workers do what is submitted from now on, if they do not already."""
        if self.started:
            return
        if sys.platform == "linux" and threading.active_count() == 1:
            for _ in range(WORKERS):
                self._workers.append(_Worker(self._jobs, self._slots, self._workers))
        else:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="crew")

    def __len__(self) -> int:
        """Pieces of work whose answers were not taken."""
        return len(self._waiting)

    def slot(self) -> Slot | None:
        """A slot that is free, and stays so until work is submitted with it; None where an answer has to be taken."""
        return self._free[0] if self._free else None

    def submit(self, job: str, *arguments: Any) -> None:
        """Have a job done with the slot that `slot` returned."""
        slot = self._free.popleft()
        if self._workers:
            worker = self._workers[self._turn % len(self._workers)]
            self._turn += 1
            worker.ask((slot.number, job, arguments))
            self._waiting.append((slot, worker.answer))
        elif self._pool is not None:
            self._waiting.append((slot, self._pool.submit(self._jobs[job], slot.memory, *arguments).result))
        else:
            answer = self._jobs[job](slot.memory, *arguments)
            self._waiting.append((slot, lambda: answer))

    def take(self) -> tuple[Slot, Any]:
        """The slot and the answer of what was submitted first; raises what the job raised. `release` frees the slot."""
        slot, answer = self._waiting.popleft()
        return slot, answer()

    def release(self, slot: Slot) -> None:
        self._free.append(slot)


class _Worker:
    """One forked process: gets requests by a pipe, and answers by another."""

    def __init__(self, jobs: Mapping[str, Job], slots: list[Slot], earlier: list[_Worker]) -> None:
        ask_in, self._requests = os.pipe()
        self._answers, answer_out = os.pipe()
        self._received = bytearray()
        self._pid = os.fork()
        if not self._pid:
            # A worker ends when nobody can write to its pipe any more, so it must not hold another's end.
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
        rest = memoryview(_framed(request))
        while rest:
            try:
                rest = rest[os.write(self._requests, rest) :]
            except BlockingIOError:
                # The worker may itself wait for room for an answer before it reads on.
                if any(fd == self._answers for fd, _ in self._either.poll()):
                    self._receive()
            except BrokenPipeError:
                raise self._lost() from None

    def answer(self) -> Any:
        while len(self._received) < _LENGTH or len(self._received) < _LENGTH + self._size():
            self._receive()
        end = _LENGTH + self._size()
        done, value = marshal.loads(self._received[_LENGTH:end])  # noqa: S302  # our own fork made it
        del self._received[:end]
        if not done:
            raise pickle.loads(value)  # noqa: S301  # our own fork made it
        return value

    def _size(self) -> int:
        return int.from_bytes(self._received[:_LENGTH], "big")

    def _receive(self) -> None:
        block = os.read(self._answers, _BLOCK)
        if not block:
            raise self._lost()
        self._received += block

    def _lost(self) -> DatmoError:
        return DatmoError("a worker process was killed", "see whether memory is short, then run this again")

    def dismiss(self) -> None:
        os.close(self._requests)

    def wait(self) -> None:
        os.close(self._answers)
        os.waitpid(self._pid, 0)


def _serve(jobs: Mapping[str, Job], slots: list[Slot], ask_in: int, answer_out: int) -> NoReturn:
    """The life of a worker; nothing of the process that it was forked from may run in it, not even what runs at its
    end."""
    try:
        # Who interrupts means the process that gives the orders, which ends this one.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Who gives the orders goes first: what all of them wait for is mostly done there.
        os.nice(NICENESS)
        with os.fdopen(ask_in, "rb") as requests, os.fdopen(answer_out, "wb") as answers:
            while len(head := requests.read(_LENGTH)) == _LENGTH:
                message = requests.read(int.from_bytes(head, "big"))
                number, job, arguments = marshal.loads(message)  # noqa: S302  # who forked us made it
                answers.write(_framed(_attempt(jobs[job], slots[number].memory, arguments)))
                answers.flush()
    finally:
        os._exit(0)


def _attempt(job: Job, memory: memoryview, arguments: tuple[Any, ...]) -> tuple[bool, Any]:
    try:
        return True, job(memory, *arguments)
    except Exception as error:  # noqa: BLE001  # it is raised again where the answer is taken
        return False, pickle.dumps(error)


def _framed(message: Any) -> bytes:
    raw = marshal.dumps(message)
    return len(raw).to_bytes(_LENGTH, "big") + raw
