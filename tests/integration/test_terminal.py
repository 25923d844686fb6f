"""Test that a command has a terminal where one exists, and that its log has the final text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell
from tests.support.terminal import SECONDS, on_own_terminal
from tests.support.virtual_environments import with_packages


def stored_log(repo: Shell) -> str:
    log = experiments(repo)[0]["run"]["log"]["object"]
    return repo.run("git", "--git-dir=.git/datmo/store.git", "cat-file", "blob", log).stdout


PROGRESS = """\
import os, sys
print([os.isatty(fd) for fd in (0, 1, 2)], *os.get_terminal_size(1), os.environ.get("TERM"))
for done in range(5):
    sys.stderr.write(f"\\r\\x1b[32m{done}/4\\x1b[0m")
sys.stderr.write("\\n")
print("done")
"""


@pytest.mark.parametrize("engine", ["host", "venv"])
def test_command_has_a_terminal_of_the_same_size_and_a_clean_log(repo: Shell, engine: str) -> None:
    repo.commit("t.py", PROGRESS)
    with on_own_terminal(repo, "run", "--engine", engine, "--", "python3", "t.py") as shown:
        shown.look()
        assert shown.child.wait(SECONDS) == 0
    assert b"\r\x1b[32m3/4\x1b[0m\r\x1b[32m4/4" in shown.seen, "the person sees all of it, live"
    assert stored_log(repo) == "[True, True, True] 97 31 xterm\n4/4\ndone\n"


def test_log_without_terminal_has_every_byte(repo: Shell) -> None:
    repo.commit("t.py", PROGRESS.replace("*os.get_terminal_size(1), ", ""))
    datmo(repo, "run", "--", "python3", "t.py")
    log = stored_log(repo)
    assert "[False, False, False]" in log
    assert "\r\x1b[32m3/4\x1b[0m\r\x1b[32m4/4" in log


def test_new_size_of_the_window_reaches_the_command(repo: Shell) -> None:
    repo.commit(
        "t.py",
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('size', *os.get_terminal_size(1), flush=True))\n"
        "print('ready', flush=True)\n"
        "while os.get_terminal_size(1).columns != 50: signal.pause()\n",
    )
    with on_own_terminal(repo, "run", "--", "python3", "t.py") as shown:
        shown.look(b"ready")
        shown.resize(20, 50)
        shown.look(b"size 50 20")
        shown.look()
        assert shown.child.wait(SECONDS) == 0


def test_interrupt_key_reaches_the_command_once(repo: Shell) -> None:
    repo.commit(
        "t.py",
        "import signal, sys, time\ncount = 0\n"
        "def told(*_):\n    global count\n    count += 1\n    print('told', flush=True)\n"
        "signal.signal(signal.SIGINT, told)\nprint('ready', flush=True)\n"
        "print(input('name? '), count)\nsys.exit(3)\n",
    )
    with on_own_terminal(repo, "run", "--", "python3", "t.py") as shown:
        shown.look(b"name? ")
        # Python may run its handler only once a line has come.
        shown.type(b"\x03me\n")
        shown.look()
        assert shown.child.wait(SECONDS) == 3
    assert b"told" in shown.seen
    assert "me 1\n" in stored_log(repo)


def test_rerun_has_a_terminal_too(repo: Shell) -> None:
    repo.commit(
        "t.py",
        "import os, sys; open('m.txt', 'w').write('x'); print('tty', os.isatty(1), os.isatty(2))\n",
    )
    datmo(repo, "run", "--", "python3", "t.py")
    with on_own_terminal(repo, "reproduce", "HEAD", "--engine", "host") as shown:
        shown.look()
        assert shown.child.wait(SECONDS) == 0
    assert b"tty True True" in shown.seen


IN_CONTAINER = """\
import os, signal, sys
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
while os.get_terminal_size(1) != (97, 31): signal.sigtimedwait([], 0.02)
print([os.isatty(fd) for fd in (0, 1, 2)], os.environ.get("TERM"))
for done in range(5):
    sys.stderr.write(f"\\r\\x1b[32m{done}/4\\x1b[0m")
sys.stderr.write("\\n")
name = input("name? ")
print("ready", name, flush=True)
while not interrupts: signal.sigtimedwait([], 0.02)
print("interrupted")
sys.exit(3)
"""


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_container_has_a_terminal_with_the_keyboard_and_a_clean_log(
    repo: Shell, engine_environ: dict[str, str], tmp_path: Path
) -> None:
    repo.commit("t.py", IN_CONTAINER)
    person = with_packages(repo, tmp_path / "env").having(**engine_environ)
    with on_own_terminal(person, "run", "--engine", "docker", "--", "python", "t.py") as shown:
        shown.look(b"name? ")
        shown.type(b"me\n")
        shown.look(b"ready me")
        shown.type(b"\x03")
        shown.look()
        assert shown.child.wait(SECONDS) == 3
    assert b"\r\x1b[32m3/4\x1b[0m\r\x1b[32m4/4" in shown.seen
    assert shown.seen.count(b"name? me") == 1
    log = stored_log(repo)
    assert log == "[True, True, True] xterm\n4/4\nname? me\nready me\ninterrupted\n"


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_container_without_a_terminal_has_every_byte_in_its_log(
    repo: Shell, engine_environ: dict[str, str], tmp_path: Path
) -> None:
    repo.commit("t.py", PROGRESS.replace("*os.get_terminal_size(1), ", ""))
    person = with_packages(repo, tmp_path / "env").having(**engine_environ)
    datmo(person, "run", "--engine", "docker", "--", "python", "t.py")
    log = stored_log(repo)
    assert "[False, False, False]" in log
    assert "\r\x1b[32m3/4\x1b[0m\r\x1b[32m4/4" in log
