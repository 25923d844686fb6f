"""Count the git processes that a run starts: few, and no more for many outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

# The questions of a run to git about the repository, HEAD, its files and its records.
MOST = 20
# With outputs it asks more: up to 28 times, and twice more to compare files that were written
# within the second of the last run.
MOST_WITH_OUTPUTS = 30
MANY = """\
import os, sys
for number in range(int(sys.argv[1])):
    folder = f"out{number % 40}"
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/kept", "a").close()
    for path in (f"{number}.txt", f"{folder}/{number}.txt"):
        with open(path, "w") as file:
            file.write(str(number))
"""


def traced_run(shell: Shell, trace: Path, *command: str) -> list[str]:
    """Run a command by `git datmo run`; return the lines of the git processes that it started."""
    trace.unlink(missing_ok=True)
    datmo(shell.having(GIT_TRACE=str(trace)), "run", "--", *command)
    return [line for line in trace.read_text().splitlines() if "built-in: git " in line]


@pytest.mark.parametrize("command", [("true",), ("python", "short.py")])
def test_run_of_trivial_command_starts_few_git_processes(
    repo: Shell, tmp_path: Path, command: tuple[str, ...]
) -> None:
    repo.commit("short.py", "pass\n")
    datmo(repo, "run", "--", *command)
    started = traced_run(repo, tmp_path / "trace", *command)
    assert 0 < len(started) <= MOST, started


def test_number_of_git_processes_does_not_grow_with_outputs(repo: Shell, tmp_path: Path) -> None:
    repo.commit("many.py", MANY)
    counts = []
    for number in (2, 60):
        datmo(repo, "run", "--", "python", "many.py", str(number))
        # The outputs of before are there, and the run writes them again.
        counts.append(len(traced_run(repo, tmp_path / "trace", "python", "many.py", str(number))))
        assert len(experiments(repo)[0]["run"]["outputs"]) == number + min(number, 40)
    assert max(counts) <= MOST_WITH_OUTPUTS


def test_nested_outputs_are_stored_once(repo: Shell) -> None:
    repo.commit("short.py", "import os; os.makedirs('a/b'); open('a/b/c', 'w').close()")
    said = datmo(repo, "run", "-o", "a/b", "-o", "a", "--", "python", "short.py").stderr
    assert experiments(repo)[0]["run"]["outputs"] == ["a"]
    assert "was not kept" not in said


def test_record_has_tree_of_commit_that_ran(repo: Shell) -> None:
    repo.commit("short.py", "pass\n")
    tree = repo.git("rev-parse", "HEAD^{tree}").strip()
    script = "echo 1 > more && git add more && git commit -qm more"
    datmo(repo, "run", "--", "sh", "-c", script)
    assert experiments(repo)[0]["tree"] == tree
