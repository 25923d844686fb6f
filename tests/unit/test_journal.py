"""Test the observer in interpreters of its own, and the reading of its journal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from git_datmo.engines.run_journal import (
    JOURNALS,
    Observed,
    observing_variables,
    prepare_journal,
    read_journals,
    source_of,
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    prepare_journal(folder)
    return folder


def observe(
    run: Path, program: str, cwd: Path, *, flags: tuple[str, ...] = (), **variables: str
) -> Observed:
    env = {"PATH": os.environ["PATH"], **variables}
    env |= observing_variables(env, run, "run")
    subprocess.run([sys.executable, *flags, "-c", program], cwd=cwd, env=env, check=True)
    return read_journals(run)


def test_files_are_journalled_by_what_is_done_with_them(run: Path, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("")
    found = observe(
        run,
        "import os; open('in'); open('a%\\n', 'w'); os.rename('a%\\n', 'b'); os.listdir(); os.remove('in');"
        "os.mkdir('deep'); os.chdir('deep'); open('c', 'ab')",
        tmp_path,
    )
    (process,) = found.processes
    top = os.fsencode(tmp_path)
    assert process.read == {top + b"/in"}
    assert process.written == {top + b"/a%\n", top + b"/b", top + b"/deep/c"}
    assert process.removed == {top + b"/a%\n", top + b"/in"}
    assert top in process.listed
    assert (process.executable, process.parent) == (sys.executable, os.getpid())


def test_children_and_forks_journal_for_themselves(run: Path, tmp_path: Path) -> None:
    found = observe(
        run,
        "import os, subprocess, sys\n"
        "subprocess.run([sys.executable, '-c', 'open(\"child\", \"w\")'])\n"
        "if os.fork() == 0:\n    open('fork', 'w')\n    os._exit(0)\nos.wait()",
        tmp_path,
    )
    top = os.fsencode(tmp_path)
    assert found.written == {top + b"/child", top + b"/fork"}
    assert [process.forked for process in found.processes].count(True) == 1
    assert found.is_complete(os.getpid())
    assert not found.is_complete(1)


@pytest.mark.parametrize(
    "program",
    [
        "os.system('true')",
        "subprocess.run(['true'])",
        "subprocess.run([sys.executable, '-I', '-c', ''])",
    ],
)
def test_unobserved_program_makes_reads_incomplete(run: Path, tmp_path: Path, program: str) -> None:
    found = observe(run, f"import os, subprocess, sys; {program}", tmp_path)
    assert not found.is_complete(os.getpid())


def test_isolated_python_is_not_observed(run: Path, tmp_path: Path) -> None:
    assert observe(run, "open('x', 'w')", tmp_path, flags=("-I",)).processes == ()


def test_own_sitecustomize_and_path_stay_in_effect(run: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("open('loaded', 'w').write(__file__)\n")
    found = observe(
        run,
        "import sys, sitecustomize; open('path', 'w').write('\\n'.join(sys.path))",
        tmp_path,
        PYTHONPATH=str(theirs),
    )
    assert (tmp_path / "loaded").read_text() == str(theirs / "sitecustomize.py")
    assert str(run) not in (tmp_path / "path").read_text()
    assert found.processes


def test_unwritable_journal_does_not_disturb_the_run(run: Path, tmp_path: Path) -> None:
    (run / JOURNALS).rmdir()
    assert observe(run, "open('x', 'w').write('1')", tmp_path).processes == ()
    assert (tmp_path / "x").read_text() == "1"


def test_damaged_lines_of_journal_are_skipped(run: Path) -> None:
    (run / JOURNALS / "1.1").write_bytes(b"r /before\np 1\t2\n")
    (run / JOURNALS / "2.2").write_bytes(b"p 2\t1\t/bin/python\t/usr\nw /a\n? /b\nr /c%0Ad\nr /cut")
    (process,) = read_journals(run).processes
    assert (process.pid, process.written, process.read) == (2, {b"/a"}, {b"/c\nd", b"/cut"})


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (b"/a/__pycache__/x.cpython-311.pyc", b"/a/x.py"),
        (b"/a/__pycache__/x.y.cpython-311.opt-2.pyc", b"/a/x.y.py"),
        (b"/a/x.pyc", b"/a/x.pyc"),
    ],
)
def test_bytecode_counts_as_its_source(path: bytes, source: bytes) -> None:
    assert source_of(path) == source
