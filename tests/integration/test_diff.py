"""`git datmo diff` shows exactly the parts in which two experiments differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell
from tests.support.virtual_environments import with_packages

TITLES = ("command", "parameters", "metrics", "environment", "data", "code")
RUN = ("run", "-p", "lr=0.1", "--", "python3", "-c", "pass")


def diff(shell: Shell, *words: str) -> dict[str, Any]:
    """Return the document of the differences between the two newest experiments."""
    ids = datmo(shell, "log", "-2", "--format", "%(id)").stdout.split()
    document: dict[str, Any] = json.loads(
        datmo(shell, "diff", ids[1], ids[0], "--json", *words).stdout
    )
    require_valid("diff", document)
    return document


def change_command(shell: Shell, _: Path) -> Shell:
    datmo(shell, "run", "-p", "lr=0.1", "--", "python3", "-c", "1")
    return shell


def change_parameters(shell: Shell, _: Path) -> Shell:
    datmo(shell, "run", "-p", "lr=0.2", "--", *RUN[4:])
    return shell


def change_metrics(shell: Shell, _: Path) -> Shell:
    datmo(shell, "run", "-p", "lr=0.1", "--metric", "m=1", "--", *RUN[4:])
    return shell


def change_environment(shell: Shell, top: Path) -> Shell:
    other = with_packages(shell, top / "new", "numpy==2.0.0").having(SEED="1")
    datmo(other, *RUN)
    return other


def change_data(shell: Shell, _: Path) -> Shell:
    shell.write("data/x", "2")
    datmo(shell, *RUN)
    return shell


def change_code(shell: Shell, _: Path) -> Shell:
    shell.write("code.py", "uncommitted\n")
    datmo(shell, *RUN)
    return shell


CHANGES = {
    "command": change_command,
    "parameters": change_parameters,
    "environment": change_environment,
    "data": change_data,
    "code": change_code,
}


@pytest.mark.parametrize("title", CHANGES)
def test_experiments_that_differ_in_one_part_have_that_section_alone(
    repo: Shell, title: str, tmp_path: Path
) -> None:
    repo.write("data/x", "1")
    datmo(repo, "add-data", "data")
    shell = with_packages(repo, tmp_path / "old", "numpy==1.26.4")
    datmo(shell, *RUN)
    shell = CHANGES[title](shell, tmp_path)
    found = diff(shell)
    assert [name for name in TITLES if found[name]] == [title], found
    ids = (found["a"], found["b"])
    sections = [
        line for line in datmo(shell, "diff", *ids).stdout.splitlines() if line.endswith(":")
    ]
    assert sections == [f"{title}:"]


def test_experiments_that_differ_in_metrics_have_that_section_alone(repo: Shell) -> None:
    for value in ("0.5", "0.75"):
        datmo(repo, "snapshot", "-m", "x", "--metric", f"accuracy={value}")
    found = diff(repo)
    assert [name for name in TITLES if found[name]] == ["metrics"]
    shown = datmo(repo, "diff", found["a"], found["b"]).stdout
    assert "  accuracy: 0.5 -> 0.75 (+0.25)" in shown
    same = datmo(repo, "diff", found["a"], found["a"])
    assert (same.stdout, same.stderr) == ("", "the experiments do not differ\n")


def test_exit_codes_have_no_difference(repo: Shell) -> None:
    for word in ("true", "false"):
        datmo(repo, "run", "-p", f"n={len(word)}", "--", word, code=int(word == "false"))
    one, other = sorted(experiments(repo), key=lambda each: each["created"])
    shown = datmo(repo, "diff", one["id"], other["id"]).stdout
    assert "  exit code: 0 -> 1\n" in shown
    assert "  n: 4 -> 5 (+1)\n" in shown


def test_data_are_compared_file_by_file(repo: Shell) -> None:
    repo.write("data/t.csv", "a,b\n1,2\n")
    repo.write("data/gone", "1")
    repo.write("data/a.png", "1")
    datmo(repo, "add-data", "data")
    datmo(repo, "snapshot", "-m", "before")
    repo.write("data/t.csv", "a,c,d\n1,2,3\n4,5,6\n")
    repo.write("data/sub/b.PNG", "12")
    (repo.cwd / "data" / "gone").unlink()
    datmo(repo, "add-data", "data")
    datmo(repo, "snapshot", "-m", "after")
    (payload,) = diff(repo)["data"]
    assert payload["images"] == [1, 2]
    assert [(each["path"], each["change"], each["sizes"]) for each in payload["files"]] == [
        ("data/gone", "removed", [1, None]),
        ("data/sub/b.PNG", "added", [None, 2]),
        ("data/t.csv", "changed", [8, 18]),
    ]
    assert [table["rows"] for table in payload["files"][2]["tables"]] == [1, 2]
    (limited,) = diff(repo, "--", "data/sub")["data"]
    assert [each["path"] for each in limited["files"]] == ["data/sub/b.PNG"]
    assert diff(repo, "--", "code.py")["data"] == []
    ids = datmo(repo, "log", "-2", "--format", "%(id)").stdout.split()
    shown = datmo(repo, "diff", ids[1], ids[0]).stdout
    assert "images: 1 -> 2" in shown
    assert "rows: 1 -> 2; columns: 2 -> 3; +c +d -b)" in shown


def test_code_is_a_patch_that_git_applies(repo: Shell) -> None:
    repo.commit("big.txt", "x\n" * (1 << 20))
    repo.commit("sub/renamed.py", "one\ntwo\nthree\nfour\n")
    datmo(repo, "snapshot", "-m", "before")
    repo.git("mv", "sub/renamed.py", "sub/new name.py")
    repo.write("code.py", "changed\n")
    repo.write("big.txt", "y\n" * (1 << 20))
    datmo(repo, "snapshot", "-m", "after")
    patch = diff(repo, "--", "code.py", "sub")["code"]
    assert "rename to sub/new name.py" in patch
    # The line of a file's ids fits on a terminal.
    assert max(map(len, patch.splitlines())) < 60
    assert "+changed" in patch
    assert "large file" in diff(repo, "--", "big.txt")["code"]
    assert "1 file changed" in diff(repo, "--stat", "--", "code.py")["code"]
    repo.git("reset", "-q", "--hard")
    repo.git("apply", "--check", "-", stdin=patch.encode())


def test_diff_in_another_clone_fetches_code_but_no_data(pair: Pair) -> None:
    alex = pair.alex
    for text in ("1", "2"):
        alex.write("data/x", text)
        datmo(alex, "add-data", "data")
        alex.commit("code.py", f"{text}\n")
        datmo(alex, "snapshot", "-m", text)
    alex.git("push", "-q", "origin", "main")
    clone = pair.clone()
    found = diff(clone)
    assert "+2" in found["code"]
    assert found["data"][0]["files"] is None
    datmo(clone, "checkout")
    datmo(clone, "checkout", "HEAD~1", "--force")
    assert [each["path"] for each in diff(clone)["data"][0]["files"]] == ["data/x"]


def test_diff_of_a_name_that_is_none_is_refused(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "x")
    refused(repo, "diff", "nonsense", says=("nonsense",))
    refused(repo, "diff", says=("HEAD~1", "name two experiments"))
    # No command of git's is named, since the user gave none.
    assert "rev-list" not in refused(repo, "log", "nonsense", says=("bad revision 'nonsense'",))
