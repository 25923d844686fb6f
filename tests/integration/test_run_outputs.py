"""Test that a run's outputs are recorded, whatever they are."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, states
from tests.support.pair import Pair
from tests.support.shell import Shell

REPRODUCE = ("reproduce", "HEAD", "--engine", "host", "--trust")


def run(shell: Shell, *words: str, code: int = 0) -> tuple[dict[str, Any], str]:
    """Run a command; return its record and the messages."""
    said = datmo(shell, "run", *words, code=code).stderr
    return experiments(shell)[0], said


def write(path: str, text: str = "x") -> str:
    """Return a statement that writes a file."""
    return f"import os; os.makedirs(os.path.dirname({path!r}) or '.', exist_ok=True); open({path!r}, 'w').write({text!r})"


@pytest.mark.parametrize(
    "command", ["python t.py", "sh -c 'mkdir -p out; echo x >model.pkl; echo x >out/a'"]
)
def test_outputs_with_the_same_bytes_again_are_outputs(repo: Shell, command: str) -> None:
    repo.commit("t.py", f"{write('model.pkl')}; {write('out/a')}")
    # The stat cache may know the file's time, or leave it to its content: runs alternate between
    # the two.
    found = [run(repo, "--", *shlex.split(command))[0]["run"]["outputs"] for _ in range(4)]
    assert found == [["model.pkl", "out"]] * 4


def test_output_that_git_tracks_is_compared(repo: Shell) -> None:
    repo.commit("results.csv", "acc\n")
    repo.commit("t.py", "import random; open('results.csv', 'w').write(repr(random.random()))")
    found, _ = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == []
    assert [each["path"] for each in found["run"]["tracked"]] == ["results.csv"]
    assert "results.csv" not in [each["path"] for each in found["payloads"]]
    assert "verdict: different (1 output)" in datmo(repo, *REPRODUCE, code=1).stdout


def test_source_edited_during_run_is_no_output(repo: Shell) -> None:
    repo.commit("t.py", "print(1)")
    repo.commit("notes.md", "a\n")
    # As another program would: the shell is no Python, and nothing is seen of it.
    found, _ = run(repo, "--", "sh", "-c", "echo b >> notes.md; echo c > out.txt; python t.py")
    assert (found["run"]["outputs"], found["run"].get("tracked")) == (["out.txt"], None)
    assert found["run"]["unseen"] == ["out.txt"]


def test_small_outputs_below_ignored_folders_are_kept_and_large_ones_named(repo: Shell) -> None:
    repo.commit(".gitignore", "outputs/\n*.log\n")
    repo.commit("t.py", write("outputs/a/model.pkl") + "\n" + write("t.log"))
    found, said = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == ["outputs", "t.log"]
    assert "'outputs' is ignored by git; it is kept as an output (1 byte, 1 file)" in said
    repo.git("config", "datmo.ignoredLimit", "0")
    repo.commit("u.py", write("outputs/b/model.pkl"))
    datmo(repo, "rm", "outputs")
    found, said = run(repo, "--", "python", "u.py")
    assert found["run"]["outputs"] == []
    assert "keep it with '-o outputs/b'" in said
    assert found["run"]["resources"]["disk_used"] == 1
    found, _ = run(repo, "-o", "outputs/b", "--", "python", "u.py")
    assert found["run"]["outputs"] == ["outputs/b"]


def test_outputs_that_were_cleaned_away_do_not_refuse_a_run(repo: Shell) -> None:
    repo.commit("t.py", write("out/m.txt"))
    run(repo, "--", "python", "t.py")
    (repo.cwd / "out" / "m.txt").unlink()
    (repo.cwd / "out").rmdir()
    found, said = run(repo, "--", "python", "t.py")
    assert "'out' does not exist: it is no input of this run" in said
    assert (found["run"]["inputs"], found["run"]["outputs"]) == ([], ["out"])


def test_missing_data_still_refuses_a_run(repo: Shell) -> None:
    repo.write("data", "1")
    datmo(repo, "add-data", "data")
    (repo.cwd / "data").unlink()
    assert "the payload 'data' is missing" in datmo(repo, "run", "--", "true", code=125).stderr


def test_output_removed_by_run_is_reported(repo: Shell) -> None:
    repo.commit("t.py", write("a.txt"))
    run(repo, "--", "python", "t.py")
    repo.commit("u.py", "import os; os.remove('a.txt'); open('b.txt', 'w').write('b')")
    found, said = run(repo, "--", "python", "u.py")
    assert "the run removed 'a.txt'" in said
    assert [each["path"] for each in found["payloads"]] == ["b.txt"]
    assert "verdict: identical (1 output)" in datmo(repo, *REPRODUCE).stdout


LEFT = {
    "link": "os.symlink('nowhere', 'out/latest')",
    "socket": "socket.socket(socket.AF_UNIX).bind('out/s')",
    "fifo": "os.mkfifo('out/f')",
    "repository": "subprocess.run(['git', 'init', '-q', 'out/clone'], check=True)",
}


@pytest.mark.parametrize("left", LEFT)
def test_run_is_recorded_whatever_it_left(repo: Shell, left: str) -> None:
    (repo.cwd / "out").mkdir()
    repo.commit("out/code.txt", "git has this\n")
    repo.commit(
        "t.py", f"import os, socket, subprocess\nopen('out/m.pt', 'w').write('m')\n{LEFT[left]}\n"
    )
    found, said = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == ["out/m.pt"]
    warned = [
        line for line in said.splitlines() if line.startswith("warning: ") and "not kept" in line
    ]
    # Git lists neither sockets nor pipes, so nothing is said of those beside its own files.
    assert len(warned) == (1 if left in ("link", "repository") else 0), said


def test_link_in_output_folder_is_part_of_it(repo: Shell) -> None:
    repo.commit(
        "t.py", write("out/epoch_2.ckpt") + "; os.symlink('epoch_2.ckpt', 'out/latest.ckpt')"
    )
    found, said = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == ["out"]
    assert "warning" not in said


def test_folder_that_cannot_be_one_output_keeps_its_files(repo: Shell) -> None:
    repo.commit("t.py", write("out/m.pt") + "; os.mkfifo('out/f')")
    found, said = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == ["out/m.pt"]
    assert "'out/f' is neither a file nor a folder: it was not kept" in said


def test_files_of_the_commands_own_streams_are_no_outputs(repo: Shell) -> None:
    repo.commit("t.py", write("model.pkl") + "; print('done', flush=True)")
    script = "git datmo run -- python t.py >log.txt 2>&1; git datmo run -- python t.py 2>&1 | tee tee.txt"
    repo.run("sh", "-c", script)
    assert [each["run"]["outputs"] for each in experiments(repo)] == [["model.pkl"], ["model.pkl"]]


def test_runs_at_once_have_separate_outputs(repo: Shell) -> None:
    wait = "import os, time\nwhile not os.path.exists('b.txt'): time.sleep(0.02)\n"
    repo.commit("a.py", wait + write("a.txt"))
    repo.commit("b.py", write("b.txt"))
    first = subprocess.Popen(
        ["git-datmo", "run", "-m", "a", "--", "python", "a.py"],
        cwd=repo.cwd,
        env=repo.env,
        stderr=subprocess.PIPE,
    )
    runs = repo.cwd / ".git" / "datmo" / "runs"
    until = time.monotonic() + 30
    while not list(runs.glob("*/journals/*")) and time.monotonic() < until:
        time.sleep(0.02)
    datmo(repo, "run", "-m", "b", "--", "python", "b.py")
    assert first.wait(30) == 0
    outputs = {each["message"]: each["run"]["outputs"] for each in experiments(repo)}
    assert outputs == {"a": ["a.txt"], "b": ["b.txt"]}
    assert list(runs.iterdir()) == [], "folders of runs are removed when nobody needs them"


def test_folders_named_by_the_time_are_the_same(repo: Shell) -> None:
    repo.commit(
        "t.py",
        "import os, time\nf = time.strftime('outputs/%Y-%m-%d/%H-%M-%S') + '.' + str(time.time_ns())\n"
        "os.makedirs(f); open(f + '/model.txt', 'w').write('m'); open(f + '/metrics.json', 'w').write('{\"r2\": 1}')\n",
    )
    found, _ = run(repo, "--", "python", "t.py")
    assert (found["metrics"], found["run"]["outputs"]) == ({"r2": 1}, ["outputs"])
    assert "verdict: identical (1 metric, 1 output)" in datmo(repo, *REPRODUCE).stdout


def test_new_files_beside_outputs_are_reported_in_one_line(repo: Shell) -> None:
    repo.write("out/mine.txt", "private\n")
    repo.commit("t.py", "for n in range(600): open(f'out/{n}', 'w').write(str(n))")
    found, said = run(repo, "--", "python", "t.py")
    assert found["run"]["outputs"] == []
    assert "'out' has 600 new files and folders beside others: none was kept" in said
    found, _ = run(repo, "-o", "out", "--", "python", "t.py")
    assert found["run"]["outputs"] == ["out"]


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2]
)
def test_signal_of_supervisor_reaches_command_and_run_is_recorded(repo: Shell, number: int) -> None:
    repo.commit(
        "t.py",
        "import os, signal, time\n"
        f"def told(*_): open('told', 'w').write('x'); os._exit(3)\nsignal.signal({int(number)}, told)\n"
        "open('ready', 'w').close()\ntime.sleep(30)\n",
    )
    # The tests themselves may have been started with the signal ignored, as by nohup, which
    # children inherit.
    as_usual = f"import os, signal, sys; signal.signal({int(number)}, signal.SIG_DFL); os.execvp(sys.argv[1], sys.argv[1:])"
    words = [sys.executable, "-c", as_usual, "git-datmo", "run", "--", "python", "t.py"]
    child = subprocess.Popen(words, cwd=repo.cwd, env=repo.env, start_new_session=True)
    until = time.monotonic() + 30
    while not (repo.cwd / "ready").exists() and time.monotonic() < until:
        time.sleep(0.02)
    child.send_signal(number)
    assert child.wait(30) == 3
    (found,) = experiments(repo)
    assert (found["run"]["exit_code"], found["run"]["outputs"]) == (3, ["ready", "told"])


def test_outputs_beside_a_placeholder_of_gits_are_one_payload(pair: Pair) -> None:
    alex = pair.alex
    alex.write("out/.gitkeep", "")
    alex.write("out/deep/.gitkeep", "")
    alex.git("add", ".")
    alex.commit("t.py", "for n in range(600): open(f'out/{n}', 'w').write(str(n))")
    found, said = run(alex, "--", "python", "t.py")
    assert (found["run"]["outputs"], found["payloads"][0]["files"]) == (["out"], 600)
    assert "warning" not in said
    assert "verdict: identical (1 output)" in datmo(alex, *REPRODUCE).stdout
    again, said = run(alex, "--", "python", "t.py")
    assert (again["run"]["outputs"], "warning" in said) == (["out"], False)
    assert again["payloads"] == found["payloads"], "a folder of git's own files stays empty"
    assert states(alex) == {"out": "unchanged"}
    assert alex.git("status", "--porcelain") == ""
    alex.git("push", "-q", "origin", "main")

    other = pair.clone()
    datmo(other, "checkout")
    assert (other.cwd / "out" / "599").read_text() == "599"
    assert states(other) == {"out": "unchanged"}
    (other.cwd / "out" / "5").unlink()
    assert states(other) == {"out": "modified"}
    datmo(other, "checkout", "--", "out")
    # All files are read again, and git's own files beside them still do not count.
    for number in range(600):
        os.utime(other.cwd / "out" / str(number))
    assert states(other) == {"out": "unchanged"}
    assert other.git("status", "--porcelain") == ""
