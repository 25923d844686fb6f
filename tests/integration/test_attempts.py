"""Test that a resumed run and its earlier attempts have one united curve."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell

SCRIPT = """\
import sys
import git_datmo as datmo
for step in map(int, sys.argv[2:]):
    datmo.log_metric("loss", float(sys.argv[1]) + step, step)
"""


def resumed(repo: Shell) -> tuple[str, str]:
    """Make a run and one that resumes it with unordered steps; return their ids."""
    repo.commit("train.py", SCRIPT)
    ids: list[str] = []
    for words in (["100", "0", "1", "2", "3"], ["0", "4", "2", "3"]):
        more = ["--resume", ids[0]] if ids else []
        datmo(repo, "run", *more, "--", sys.executable, "train.py", *words)
        ids.append(experiments(repo)[0]["id"])
    return ids[0], ids[1]


def test_show_has_the_attempts_and_their_united_curve(repo: Shell) -> None:
    first, second = resumed(repo)
    shown = datmo(repo, "show", second).stdout
    assert f"attempt:     {first[:10]}  (20" in shown
    words = "5 values of 2 attempts, 2 replaced: last 3  min 2  max 101  best 2"
    assert f"united:      loss  {words}\n" in shown
    document = json.loads(datmo(repo, "show", second, "--json").stdout)
    require_valid("show", document)
    assert document["attempts"] == {
        "experiments": [first, second],
        "curves": {
            "loss": {
                "points": 5,
                "attempts": 2,
                "replaced": 2,
                "last": 3,
                "min": 2,
                "max": 101,
                "best": 2,
            }
        },
    }
    # The earlier attempt stays as it is.
    assert "curve:       loss  4 values: last 103" in datmo(repo, "show", first).stdout
    assert json.loads(datmo(repo, "show", first, "--json").stdout)["attempts"] is None
    datmo(repo, "drop", first)
    assert "united:" not in datmo(repo, "show", second).stdout


def test_export_and_scripts_have_the_points_of_attempts(repo: Shell) -> None:
    first, second = resumed(repo)
    datmo(repo, "export", "json", "out")
    one, two = json.loads((repo.cwd / "out/experiments.json").read_text())
    assert (one["resumes"], two["resumes"]) == (None, first)
    assert one["united_curves"] == {}
    pieces = two["united_curves"]["loss"]
    assert [(each["experiment"], each["steps"], each["replaced"]) for each in pieces] == [
        (first, [0, 1], 2),
        (second, [4, 2, 3], 0),
    ]
    repo.write(
        "read.py",
        f"""\
import git_datmo as datmo
from git_datmo.errors import DatmoError
for united in (True, False):
    print(datmo.curve("{second}", "loss", united=united)["value"])
print(datmo.curve("{second}", "loss")["experiment"] == ["{first}"] * 2 + ["{second}"] * 3)
print(datmo.experiments(where="loss").columns()["resumes"] == ["{first}", None])
try:
    datmo.curve("{second}", "los")
except DatmoError as error:
    print(error.what, "|", error.hint)
""",
    )
    assert repo.run(sys.executable, "read.py").stdout.splitlines() == [
        "[100.0, 101.0, 4.0, 2.0, 3.0]",
        "[4.0, 2.0, 3.0]",
        "True",
        "True",
        f"experiment '{second[:10]}' has no curve 'los' | did you mean 'loss'?",
    ]


@pytest.mark.parametrize("reachable", [True, False])
def test_missing_curves_of_attempts_are_fetched_or_named(pair: Pair, reachable: bool) -> None:
    first, second = resumed(pair.alex)
    pair.alex.git("push", "-q", "origin", "main")
    other = pair.clone()
    if not reachable:
        other.git("remote", "set-url", "origin", str(pair.hub.cwd / "gone"))
    shown = datmo(other, "show", second).stdout
    assert first[:10] in shown
    words = "loss  5 values of 2 attempts" if reachable else "(the curves are not available)"
    assert f"united:      {words}" in shown
