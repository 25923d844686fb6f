"""Parts of one experiment in another, what they explain, and the commit that is to blame: with what is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.team import datmo, experiments, picture, refused
from tests.servers.shell import Shell

HERE = ("--engine", "host", "--trust")
# The metric is a product, so that what a part explains depends on the others.
PROGRAM = """\
import json, sys
from pathlib import Path
FACTOR = {factor}
if FACTOR == 0:
    sys.exit(1)
total = sum(map(int, Path("data").read_text().split()))
Path("metrics.json").write_text(json.dumps(dict(total=FACTOR * total * int(sys.argv[1]), word="x")))
"""


def run(shell: Shell, factor: int, data: str, word: str) -> str:
    """An experiment on a commit of its own; its id."""
    shell.commit("fit.py", PROGRAM.format(factor=factor), f"factor {factor}")
    shell.write("data", data)
    datmo(shell, "run", "--", "python", "fit.py", word)
    return str(experiments(shell)[0]["id"])


@pytest.fixture
def alex(make_repo: Callable[..., Shell]) -> Shell:
    alex = make_repo("alex")
    datmo(alex, "init")
    alex.commit("README", "")
    alex.write("data", "1 2 3\n")
    datmo(alex, "add-data", "data")
    return alex


def test_a_change_is_attributed_to_its_parts(alex: Shell) -> None:
    one = run(alex, 1, "1 2 3\n", "1")
    other = run(alex, 3, "10\n", "1")
    records = alex.git("rev-parse", "refs/datmo/records")

    swapped = json.loads(datmo(alex, "reproduce", one, *HERE, "--with", "data=HEAD", "--json", code=1).stdout)
    assert [(m["recorded"], m["rerun"]) for m in swapped["metrics"] if m["name"] == "total"] == [(6, 10)]
    assert (swapped["id"], swapped["with"]) == (None, {"data": other})
    refused(alex, "reproduce", one, *HERE, "--with", "env=HEAD", code=129, says=("--engine",))
    refused(alex, "reproduce", one, *HERE, "--with", "daten=HEAD", code=129, says=("code, data, env, params",))

    # 6 to 30: the code alone makes 18 of it, the data alone 10.
    found = json.loads(datmo(alex, "explain", one, "HEAD", *HERE, "--json").stdout)
    assert found["parts"] == ["code", "data"]
    assert found["metrics"] == {
        "total": {"a": 6, "b": 30, "orders": 2, "orders_used": 2, "due_to": {"code": 16, "data": 8}}
    }
    assert [each["of_b"] for each in found["combinations"]] == [[], ["code"], ["data"], ["code", "data"]]
    said = datmo(alex, "explain", one, "HEAD", *HERE, "--quick", "--metric", "total")
    assert said.stdout.splitlines() == [
        "total: 6 -> 30 (+24)",
        "  code    +16",
        "  data    +8",
        "  env     the same in both",
        "  params  the same in both",
    ]
    assert "rerun 2 of 2" in said.stderr
    assert alex.git("rev-parse", "refs/datmo/records") == records, "nothing of it is recorded"
    refused(alex, "explain", one, one, *HERE, says=("nothing to explain",))


def test_what_fails_in_some_combination_is_left_out(alex: Shell) -> None:
    one = run(alex, 1, "1 2 3\n", "1")
    alex.commit("fit.py", PROGRAM.format(factor=2).replace("int, Path", "ord, Path"), "letters")
    alex.write("data", "a b\n")
    datmo(alex, "run", "--", "python", "fit.py", "1")
    said = datmo(alex, "explain", one, "HEAD", *HERE)
    # Letters cannot be read by the old code; figures of one digit can by the new.
    assert "total: 6 -> 390 (+384)" in said.stdout
    assert "by 1 of 2 orders" in said.stdout
    assert "failed with data of B: exit code 1" in said.stdout


def bisected(shell: Shell, *words: str, code: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        datmo(shell, "bisect", "--metric", "total", *words, "--json", code=code).stdout
    )
    return document


def test_the_commit_that_made_a_metric_bad_is_found(alex: Shell) -> None:
    run(alex, 9, "1 2 3\n", "1")
    alex.git("tag", "good")
    # Commits that nobody ran, of which the second fails, and the third is to blame.
    for factor in (8, 0, 2, 3):
        alex.commit("fit.py", PROGRAM.format(factor=factor), f"factor {factor}")
    run(alex, 4, "1 2 3\n", "1")
    files, worktrees = picture(alex.cwd), alex.git("worktree", "list")
    commits = alex.git("rev-list", "--reverse", "good..").split()

    recorded = bisected(alex, "--below", "30", "good", "HEAD", "--recorded", code=1)
    assert set(recorded["first_bad"]) == set(commits), "nothing tells the commits between"

    found = bisected(alex, "--below", "30", "good", "HEAD", *HERE, code=1)
    assert set(found["first_bad"]) == set(commits[1:3]), "the one that fails may be it, or the one behind it"
    assert {step["way"] for step in found["steps"] if step["commit"] in commits[:4]} == {"rerun"}

    said = datmo(alex, "bisect", "--metric", "total", "--above", "30", "HEAD~2", "good", *HERE, code=128)
    assert "is not good" in said.stderr or "fatal" in said.stderr
    exact = datmo(alex, "bisect", "--metric", "total", "--below", "50", "good", "HEAD", *HERE)
    assert exact.stdout == f"{commits[0]} is the first bad commit: factor 8\n"
    assert "bad   total: 48 (rerun)" in exact.stderr

    # It happened elsewhere.
    assert picture(alex.cwd) == files
    assert alex.git("worktree", "list") == worktrees
    assert alex.git("for-each-ref", "refs/bisect") == ""
    refused(alex, "bisect", "--metric", "total", "good", "HEAD", code=129, says=("--below",))
