from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo import timeouts
from git_datmo.errors import Silent
from git_datmo.process_endings import end_tree
from git_datmo.processes import descendants, running
from git_datmo.timeouts import SilenceWatch
from git_datmo.watched_child import Child

LIMIT = 0.5
PIPE = subprocess.PIPE

linux = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="the kernel does not tell of processes"
)


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    timeouts.set_limit(LIMIT, {"GIT_ASKPASS": "/usr/lib/my-askpass"})
    yield
    timeouts.set_limit(timeouts.DEFAULT)


@pytest.fixture
def start() -> Iterator[Callable[[str], Child]]:
    """Start a shell script in front of a remote, and kill its leftovers."""
    started: list[Child] = []

    def started_child(script: str) -> Child:
        argv = ["sh", "-c", script]
        child = Child(argv, who="'origin'", is_remote=True, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        started.append(child)
        return child

    yield started_child
    for child in started:
        end_tree(child.pid)
        with child:
            pass


def survives(child: Child) -> bool:
    """Return whether a child lives for several times the limit."""
    over = threading.Event()
    timer = threading.Timer(4 * LIMIT, over.set)
    timer.start()
    child.watch.begin()
    try:
        while not over.wait(child.watch.step):
            child.watch.check()
    except Silent:
        return False
    finally:
        timer.cancel()
    return True


def test_silent_program_is_ended_with_all_that_it_started(start: Callable[[str], Child]) -> None:
    child = start("sleep 60 & sleep 60 & wait")
    with pytest.raises(Silent, match="'origin' was silent for 1 second") as silent:
        child.finish(b"")
    assert silent.value.again
    assert child.wait() != 0
    assert not [each for each in descendants(child.pid, running()) if each.state != b"Z"]


def test_output_of_a_silent_program_ends(start: Callable[[str], Child]) -> None:
    child = start("echo first; exec sleep 60")
    assert child.stdout is not None
    assert child.stdout.readline() == b"first\n"
    with pytest.raises(Silent):
        child.stdout.readline()


def test_program_that_ended_has_its_status_and_output(start: Callable[[str], Child]) -> None:
    child = start("cat; echo no >&2; exit 3")
    assert child.finish(b"x" * (1 << 20)) == (b"x" * (1 << 20), b"no\n")
    assert child.wait() == 3


@linux
@pytest.mark.parametrize("name", ["my-askpass", "git-credential-cloud", "pinentry"])
def test_program_that_asks_a_person_is_waited_for(
    start: Callable[[str], Child], tmp_path: Path, name: str
) -> None:
    script = tmp_path / name
    script.write_text("#!/bin/sh\nsleep 60\n")
    script.chmod(0o755)
    assert survives(start(f"'{script}' Password; :"))


@linux
@pytest.mark.parametrize("script", ["while :; do :; done", "while sleep 0.1; do echo x; done"])
def test_sign_of_life_is_no_silence(start: Callable[[str], Child], script: str) -> None:
    assert survives(start(script))


@linux
def test_program_that_has_the_terminal_open_asks(start: Callable[[str], Child]) -> None:
    master, slave = os.openpty()
    try:
        assert survives(start(f"exec 3<>{os.ttyname(slave)}; exec sleep 60"))
    finally:
        os.close(master)
        os.close(slave)


def test_wait_for_a_silent_descriptor_ends() -> None:
    reading, writing = os.pipe()
    try:
        with pytest.raises(Silent, match="'origin' was silent"):
            SilenceWatch("'origin'").read(reading, 1)
        os.write(writing, b"x")
        assert SilenceWatch("'origin'").read(reading, 1) == b"x"
        with pytest.raises(Silent):
            SilenceWatch("'origin'").write(writing, b"x" * (1 << 21))
    finally:
        os.close(reading)
        os.close(writing)


def test_side_that_owes_nothing_is_excused() -> None:
    reading, writing = os.pipe()
    watch, asked = SilenceWatch("'origin'"), iter([True] * 20)
    watch.excuse(lambda: next(asked, False))
    with pytest.raises(Silent):
        watch.read(reading, 1)
    assert next(asked, None) is None
    os.close(reading)
    os.close(writing)


def test_limit_of_zero_is_no_limit() -> None:
    timeouts.set_limit(0)
    assert timeouts.limit() is None
    SilenceWatch("'origin'").check()
