"""Test which parts of another experiment explain a result, and which commit caused it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.commands import datmo, experiments, picture, refused
from tests.support.shell import Shell

BISECT = ("bisect", "--metric", "total", "--below", "30")
HERE = ("--engine", "host", "--trust")
# The metric is a product, so that the effect of a part depends on the others.
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
    """Run an experiment on a commit of its own; return its id."""
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


def test_change_of_metric_is_attributed_to_its_causes(alex: Shell) -> None:
    one = run(alex, 1, "1 2 3\n", "1")
    other = run(alex, 3, "10\n", "1")
    records = alex.git("rev-parse", "refs/datmo/records")

    swapped = json.loads(
        datmo(alex, "reproduce", one, *HERE, "--with", "data=HEAD", "--json", code=1).stdout
    )
    assert [(m["recorded"], m["rerun"]) for m in swapped["metrics"] if m["name"] == "total"] == [
        (6, 10)
    ]
    assert (swapped["id"], swapped["with"]) == (None, {"data": other})
    refused(alex, "reproduce", one, *HERE, "--with", "env=HEAD", code=129, says=("--engine",))
    refused(
        alex,
        "reproduce",
        one,
        *HERE,
        "--with",
        "daten=HEAD",
        code=129,
        says=("code, data, env, params",),
    )

    # 6 to 30: the code alone makes 18 of it, the data alone 10.
    found = json.loads(datmo(alex, "explain", one, "HEAD", *HERE, "--json").stdout)
    assert found["parts"] == ["code", "data"]
    assert found["metrics"] == {
        "total": {"a": 6, "b": 30, "orders": 2, "orders_used": 2, "due_to": {"code": 16, "data": 8}}
    }
    assert [each["of_b"] for each in found["combinations"]] == [
        [],
        ["code"],
        ["data"],
        ["code", "data"],
    ]
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


def test_metric_missing_in_a_combination_is_left_out(alex: Shell) -> None:
    one = run(alex, 1, "1 2 3\n", "1")
    alex.commit("fit.py", PROGRAM.format(factor=2).replace("int, Path", "ord, Path"), "letters")
    alex.write("data", "a b\n")
    datmo(alex, "run", "--", "python", "fit.py", "1")
    said = datmo(alex, "explain", one, "HEAD", *HERE, "--quick")
    # Letters cannot be read by the old code; figures of one digit can by the new.
    assert "total: 6 -> 390 (+384)" in said.stdout
    assert "by 1 of 2 orders" in said.stdout
    assert "failed with data of B: exit code 1" in said.stdout


def test_commit_that_made_a_metric_bad_is_found(alex: Shell) -> None:
    run(alex, 9, "1 2 3\n", "1")
    alex.git("tag", "good")
    # Commits that nobody ran, of which the second fails, and the fourth is to blame.
    for factor in (8, 0, 7, 2, 3):
        alex.commit("fit.py", PROGRAM.format(factor=factor), f"factor {factor}")
    run(alex, 4, "1 2 3\n", "1")
    files, worktrees = picture(alex.cwd), alex.git("worktree", "list")
    commits = alex.git("rev-list", "--reverse", "good..").split()

    recorded = json.loads(
        datmo(alex, *BISECT, "--recorded", "--json", "good", "HEAD", code=1).stdout
    )
    assert set(recorded["first_bad"]) == set(commits), "nothing tells the commits between"
    assert {step["value"] for step in recorded["steps"]} == {54, 24, None}

    said = datmo(alex, *BISECT, "good", "HEAD", *HERE)
    assert said.stdout == f"{commits[3]} is the first bad commit: factor 2\n"
    assert f"{commits[3][:10]}  bad   total: 12 (rerun)" in said.stderr
    assert "total: 24 (recorded)" in said.stderr
    refused(alex, *BISECT, "--recorded", "HEAD", "HEAD", says=("is not good", "total is 24"))

    # It happened elsewhere.
    assert picture(alex.cwd) == files
    assert alex.git("worktree", "list") == worktrees
    assert alex.git("for-each-ref", "refs/bisect") == ""
    refused(alex, "bisect", "--metric", "total", "good", "HEAD", code=129, says=("--below",))
