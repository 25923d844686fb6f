"""`status` names changed files; `show` prints the log and the code of a run."""

from __future__ import annotations

import json
import os

from tests.support.commands import datmo, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

SCRIPT = "import sys\nprint('caf\\u00e9')\nprint('\\x1b[31mred', file=sys.stderr)\n"


def changes(shell: Shell) -> dict[str, str]:
    (payload,) = json.loads(datmo(shell, "status", "--json").stdout)["payloads"]
    return {each["path"]: each["change"] for each in payload["changes"]}


def test_status_names_files_that_changed(repo: Shell) -> None:
    for name in ("same", "touched", "edited", "gone", "mode", "sub/deep"):
        repo.write(f"data/{name}", name)
    datmo(repo, "add-data", "data")
    assert changes(repo) == {}
    data = repo.cwd / "data"
    os.utime(data / "touched", (1, 1))
    assert changes(repo) == {}
    repo.write("data/edited", "other")
    repo.write("data/sub/deep", "other")
    repo.write("data/e\x1b[31m\nvil", "new")
    repo.write("data/fresh/file", "new")
    (data / "gone").unlink()
    (data / "mode").chmod(0o755)
    assert changes(repo) == {
        "data/edited": "modified",
        "data/e\x1b[31m\nvil": "new",
        "data/fresh/": "new",
        "data/gone": "deleted",
        "data/mode": "modified",
        "data/sub/deep": "modified",
    }
    shown = datmo(repo, "status").stdout.splitlines()
    assert "    modified:   data/edited" in shown
    assert "    deleted:    data/gone" in shown
    assert "    new file:   data/fresh/" in shown
    assert "\x1b" not in "".join(shown)
    datmo(repo, "add-data", "data")
    assert changes(repo) == {}


def test_status_of_a_large_file_that_changed_names_it(repo: Shell) -> None:
    repo.write("model", b"x" * (3 << 20))
    datmo(repo, "add-model", "model")
    os.utime(repo.cwd / "model", (1, 1))
    assert changes(repo) == {}
    repo.write("model", b"y" * (3 << 20))
    assert changes(repo) == {"model": "modified"}


def test_status_with_many_changed_files_names_some(repo: Shell) -> None:
    repo.write("data/x", "1")
    datmo(repo, "add-data", "data")
    for number in range(103):
        repo.write(f"data/{number}", "1")
    shown = datmo(repo, "status").stdout
    assert shown.count("new file:") == 100
    assert "and 3 more ('git datmo status --json' names all)" in shown
    assert len(changes(repo)) == 103


def test_show_prints_log_and_code_of_a_fetched_experiment(pair: Pair) -> None:
    alex = pair.alex
    alex.commit("train.py", SCRIPT)
    alex.commit("sub/binary", "a\0b")
    alex.write("code.py", "edited = True\n")
    datmo(alex, "run", "--", "python3", "train.py")
    alex.git("push", "-q", "origin", "main")
    for shell in (alex, pair.clone()):
        log = datmo(shell, "show", "--log").stdout
        assert sorted(log.splitlines()) == ["caf\u00e9", "\ufffd[31mred"]
        code = datmo(shell, "show", "--code").stdout
        assert "==> code.py <==\nedited = True\n==> sub/binary <==\n(binary)\n" in code
        one = datmo(shell, "show", "HEAD", "--code", "--", "train.py").stdout
        assert one == f"==> train.py <==\n{SCRIPT}"
        assert datmo(shell, "show", "--code", "--", "sub").stdout.count("==>") == 1


def test_show_of_what_an_experiment_lacks_is_refused(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "no run")
    refused(repo, "show", "--log", says=("has no log",))
    refused(repo, "show", "--code", "--", "nonsense", says=("has no 'nonsense'", "--code"))
    refused(repo, "show", "--", "code.py", code=129, says=("git datmo show HEAD --code -- PATH",))
    refused(repo, "show", "--log", "--code", code=129, says=("not allowed",))
