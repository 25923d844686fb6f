"""Test runs on a full disk, among growing files, or with more paths than a command line holds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.support.commands import datmo, experiments, states
from tests.support.shell import Shell

STORE = ("--git-dir=.git/datmo/store.git",)


@pytest.fixture
def small_disk(make_repo: Callable[..., Shell]) -> Iterator[Shell]:
    """Return a repository on a disk of 24 MiB."""
    made = make_repo("full")
    mount = ("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(made.cwd))
    if os.geteuid() != 0 or made.run(*mount, ok=False).returncode:
        pytest.skip("a small disk cannot be mounted here: run as root")
    repo = made.at(made.cwd)
    repo.git("init", "-q")
    repo.commit("code.py", "pass\n")
    datmo(repo, "init")
    yield repo
    made.run("umount", "--lazy", str(made.cwd))


FILL = """\
import os
open("metrics.json", "w").write('{"r2": 1}')
os.makedirs("out")
open("out/first", "wb").write(os.urandom(1000))
print("before", flush=True)
with open("out/big", "wb", buffering=0) as file:
    try:
        while file.write(os.urandom(65536)):
            pass
    except OSError as error:
        print(error, flush=True)
for n in range(200):
    print("x" * 1000, flush=True)
"""


def test_run_that_fills_the_disk_is_recorded(small_disk: Shell) -> None:
    small_disk.commit("t.py", FILL)
    done = datmo(small_disk, "run", "--", "python", "t.py")
    assert "x" * 1000 in done.stdout, "a full disk must not keep output from the person"
    (found,) = experiments(small_disk)
    assert (found["run"]["exit_code"], found["metrics"]) == (0, {"r2": 1})
    assert "Traceback" not in done.stderr
    warned = [line for line in done.stderr.splitlines() if "'out' was not kept" in line]
    assert len(warned) == 1, done.stderr
    assert "No space left on device" in warned[0]
    (small_disk.cwd / "out" / "big").unlink()
    small_disk.git(*STORE, "fsck", "--strict")
    datmo(small_disk, "run", "--", "python", "-c", "open('after', 'w').write('x')")
    assert experiments(small_disk)[0]["run"]["outputs"] == ["after"]


GROW = """\
import os, signal, subprocess, sys
os.makedirs("out")
open("out/model.pt", "w").write("m")
grow = '''
import os, sys
with open("out/growing", "wb") as file:
    file.write(os.urandom(40 << 20))
count = 0
while os.path.exists("code.py"):
    count += 1
    with open("out/growing", "a") as file:
        file.write("x" * 100)
    open(f"out/temporary{count % 50}", "w").close()
    if os.path.exists(f"out/temporary{(count + 25) % 50}"):
        os.unlink(f"out/temporary{(count + 25) % 50}")
    if count == 100:
        print("grown", flush=True)
        os.close(1); os.close(2)
'''
child = subprocess.Popen([sys.executable, "-c", grow], stdout=subprocess.PIPE)
child.stdout.readline()
open("pid", "w").write(str(child.pid))
"""


def test_files_that_grow_and_vanish_are_left_out_with_one_warning_each(repo: Shell) -> None:
    repo.commit("t.py", GROW)
    try:
        done = datmo(repo, "run", "--", sys.executable, "t.py")
    finally:
        os.kill(int((repo.cwd / "pid").read_text()), 9)
    (found,) = experiments(repo)
    assert "Traceback" not in done.stderr
    warned = [line for line in done.stderr.splitlines() if "'out/growing'" in line]
    assert len(warned) == 1, done.stderr
    assert "changed while it was read" in warned[0]
    outputs = {payload["path"]: payload for payload in found["payloads"]}
    names = repo.git(*STORE, "ls-tree", "--name-only", outputs["out"]["object"]).splitlines()
    assert "model.pt" in names
    assert "growing" not in names


@pytest.mark.parametrize("gone", [".git", ".git/datmo"])
def test_run_that_removes_its_repository_exits_with_125(repo: Shell, gone: str) -> None:
    done = datmo(repo, "run", "--", "sh", "-c", f"rm -rf {gone}; echo trained; exit 3", code=125)
    assert done.stdout == "trained\n"
    assert done.stderr.startswith("fatal: ")
    assert "No such file or directory" in done.stderr
    assert done.stderr.count("\n") == 1


def test_paths_of_more_bytes_than_a_command_line_takes(repo: Shell) -> None:
    # Systems give arguments a quarter of the stack, and 128 KiB at least.
    limited = ("sh", "-c", 'ulimit -s 512; exec "$@"', "sh")
    names = [f"{number:03}{'n' * 240}" for number in range(700)]
    for name in names:
        repo.write(f"data/{name}", name)
    argv = [*limited, "git-datmo", "add-data", *[f"data/{name}" for name in names[:350]]]
    subprocess.run(argv, cwd=repo.cwd, env=repo.env, check=True, capture_output=True, timeout=120)
    argv[6:] = [f"data/{name}" for name in names[350:]]
    subprocess.run(argv, cwd=repo.cwd, env=repo.env, check=True, capture_output=True, timeout=120)
    repo.write(f"data/{names[0]}", "other")
    said = subprocess.run(
        [*limited, "git-datmo", "status", "--json"],
        cwd=repo.cwd,
        env=repo.env,
        check=False,
        capture_output=True,
    )
    assert said.returncode == 0, said.stderr
    changed = {path: state for path, state in states(repo).items() if state != "unchanged"}
    assert changed == {f"data/{names[0]}": "modified"}
    done = subprocess.run(
        [*limited, "git-datmo", "run", "--", "true"],
        cwd=repo.cwd,
        env=repo.env,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0, done.stderr
