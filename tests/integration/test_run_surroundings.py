"""Test that a run's surroundings are reported, and that different ones are named with the
verdict."""

from __future__ import annotations

import os

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

REPRODUCE = ("reproduce", "HEAD", "--engine", "host", "--trust")


def test_different_thread_count_is_named_with_verdict(repo: Shell) -> None:
    repo.commit(
        "t.py", "import os; open('m.txt', 'w').write(os.environ.get('OMP_NUM_THREADS', 'all'))\n"
    )
    said = datmo(repo.having(OMP_NUM_THREADS="3"), "run", "--", "python", "t.py").stderr
    assert "OMP_NUM_THREADS" not in said, "it is recorded"
    assert "verdict: identical" in datmo(repo.having(OMP_NUM_THREADS="1"), *REPRODUCE).stdout, (
        "recorded variables hold"
    )
    told = datmo(repo.having(OPENBLAS_NUM_THREADS="1"), "run", "--", "python", "t.py").stderr
    assert "OPENBLAS" not in told
    told = datmo(
        repo.having(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1"), *REPRODUCE, code=1
    ).stdout
    assert "  changed setting OMP_NUM_THREADS: none recorded, 1 in the rerun" in told
    assert "OPENBLAS" not in told


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one CPU")
def test_fewer_usable_cpus_are_named_with_verdict(repo: Shell) -> None:
    repo.commit("t.py", "import os; open('m.txt', 'w').write(str(len(os.sched_getaffinity(0))))\n")
    one = str(min(os.sched_getaffinity(0)))
    said = repo.run("taskset", "-c", one, "git-datmo", "run", "--", "python", "t.py").stderr
    assert (
        "'t.py' depends on the number of CPUs (1 here): a rerun with another number may differ"
        in said
    )
    cpus = len(os.sched_getaffinity(0))
    told = datmo(repo, *REPRODUCE, code=1).stdout
    assert f"  other usable_cpus: 1 recorded, {cpus} in the rerun" in told


def test_different_locale_is_named_with_verdict(repo: Shell) -> None:
    repo.commit("t.sh", "echo $LC_ALL > m.txt\nprintf 'a\\nB\\n' | sort > sorted.txt\n")
    said = datmo(repo.having(LC_ALL="de_DE.UTF-8"), "run", "--", "sh", "t.sh").stderr
    assert (
        "'t.sh' sorts or formats by the locale 'de_DE.UTF-8', which a rerun in a container" in said
    )
    assert experiments(repo)[0]["run"]["machine"]["locale"] == "de_DE.UTF-8"
    assert (
        "  other locale: de_DE.UTF-8 recorded, C.UTF-8 in the rerun"
        in datmo(repo, *REPRODUCE, code=1).stdout
    )
    assert "locale" not in datmo(repo, "run", "--", "sh", "t.sh").stderr


def test_encoding_that_rerun_lacks_is_reported(repo: Shell) -> None:
    said = datmo(repo.having(LC_ALL="de_DE.ISO-8859-1"), "run", "--", "python", "code.py").stderr
    assert "the locale's encoding is 'ISO-8859-1', and UTF-8 in a rerun" in said


def test_unseeded_hashes_are_reported(repo: Shell) -> None:
    repo.commit("t.py", "for word in set('abc'):\n    print(word)\n")
    said = datmo(repo, "run", "--", "python", "t.py").stderr
    assert "'t.py' depends on a hash or on the order of a set, which a rerun may not repeat" in said
    assert (
        "PYTHONHASHSEED"
        not in datmo(repo.having(PYTHONHASHSEED="0"), "run", "--", "python", "t.py").stderr
    )
