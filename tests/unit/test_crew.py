"""Test workers of forks and threads: equal answers, in order, and no worker outlives its
process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.objects.worker_pool import SLOTS, WORKERS, WorkerPool

SIZE = 1 << 16


def double(memory: memoryview, text: bytes) -> tuple[int, int]:
    """Write `text` twice into the memory; return its length and the worker."""
    memory[: 2 * len(text)] = 2 * text
    return 2 * len(text), os.getpid()


def refuse(_: memoryview, what: str) -> None:
    raise Incomplete(what, "do something", missing=["ab"])


def die(_: memoryview) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def another_thread() -> Iterator[None]:
    """Run a thread, beside which a fork is unsafe."""
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    yield
    end.set()
    thread.join()


@contextmanager
def make_crew(kind: str) -> Iterator[WorkerPool]:
    with WorkerPool({"double": double, "refuse": refuse, "die": die}, SIZE) as crew:
        if kind == "threads":
            with another_thread():
                crew.start()
                yield crew
            return
        if kind == "forks":
            # The runner of the tests has threads of its own, which no test can end: so they are
            # overlooked.
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(threading, "active_count", lambda: 1)
                crew.start()
        yield crew


each_kind = pytest.mark.parametrize("kind", ["alone", "threads", "forks"])


def work(crew: WorkerPool, texts: list[bytes]) -> list[tuple[bytes, int]]:
    """Return the result for each text, and the worker that made it."""
    made: list[tuple[bytes, int]] = []

    def take() -> None:
        slot, (size, pid) = crew.take()
        made.append((bytes(slot.memory[:size]), pid))
        crew.release(slot)

    for text in texts:
        while crew.slot() is None:
            take()
        crew.submit("double", text)
    while crew:
        take()
    return made


@each_kind
def test_answers_of_workers_come_in_order(kind: str) -> None:
    texts = [b"%d," % number * (number % 7) for number in range(5 * SLOTS)]
    with make_crew(kind) as crew:
        made = work(crew, texts)
    assert [content for content, _ in made] == [2 * text for text in texts]
    assert len({pid for _, pid in made} - {os.getpid()}) == (WORKERS if kind == "forks" else 0)


@each_kind
def test_error_of_job_is_raised_at_its_answer(kind: str) -> None:
    with make_crew(kind) as crew:
        crew.slot()
        if kind == "alone":
            with pytest.raises(Incomplete, match="nothing here"):
                crew.submit("refuse", "nothing here")
            return
        crew.submit("refuse", "nothing here")
        crew.slot()
        crew.submit("double", b"x")
        with pytest.raises(Incomplete, match="nothing here") as caught:
            crew.take()
        assert (caught.value.hint, caught.value.missing) == ("do something", ("ab",))
        slot, (size, _) = crew.take()
        assert bytes(slot.memory[:size]) == b"xx"


def test_memory_is_not_given_twice() -> None:
    with make_crew("forks") as crew:
        for number in range(SLOTS):
            assert crew.slot() is not None
            crew.submit("double", b"%d" % number)
        assert crew.slot() is None
        slot, _ = crew.take()
        assert crew.slot() is None
        crew.release(slot)
        assert crew.slot() is slot


def test_killed_worker_is_reported() -> None:
    with make_crew("forks") as crew:
        crew.slot()
        crew.submit("die")
        with pytest.raises(DatmoError, match="a worker process was killed"):
            crew.take()


def test_neither_requests_nor_answers_need_to_fit_a_pipe() -> None:
    """Send as many requests as may wait. A worker without room for an answer takes no request."""
    texts = [bytes([number]) * (1 << 18) for number in range(SLOTS)]
    with (
        WorkerPool({"echo": lambda _, text: text}, SIZE) as crew,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(threading, "active_count", lambda: 1)
        crew.start()
        for text in texts:
            crew.slot()
            crew.submit("echo", text)
        assert [crew.take()[1] for _ in texts] == texts


SCRIPT = """\
import os, signal, sys
from git_datmo.objects.worker_pool import WORKERS, WorkerPool
with WorkerPool({"pid": lambda _: os.getpid()}, 4096) as crew:
    crew.start()
    def ask():
        for _ in range(WORKERS):
            crew.slot()
            crew.submit("pid")
        for _ in range(WORKERS):
            slot, pid = crew.take()
            crew.release(slot)
            print(pid, flush=True)
    ask()
    if sys.argv[1] == "interrupted":
        try:
            os.killpg(0, signal.SIGINT)
        except KeyboardInterrupt:
            ask()
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["killed", "done"])
def test_workers_end_with_their_process(how: str) -> None:
    """Wait for the end of standard output, which comes when the last process that holds it ends."""
    with subprocess.Popen([sys.executable, "-c", SCRIPT, how], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        pids = {int(pid) for pid in process.stdout.read().split()}
        assert process.wait() == (-signal.SIGKILL if how == "killed" else 0)
    assert len(pids) == WORKERS
    assert process.pid not in pids


def test_interrupt_is_handled_by_the_main_process() -> None:
    """Interrupt the whole group, as Control-C does; a worker neither dies of it nor prints
    anything."""
    command = [sys.executable, "-c", SCRIPT, "interrupted"]
    done = subprocess.run(command, capture_output=True, check=False, start_new_session=True)
    assert (done.returncode, done.stderr) == (0, b"")
    asked, again = done.stdout.split()[:WORKERS], done.stdout.split()[WORKERS:]
    assert asked == again
