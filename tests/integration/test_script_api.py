"""Read experiments and data of any version from scripts, and make snapshots."""

from __future__ import annotations

import json
import sys

import pytest

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.shell import Shell

READ = """\
import json, sys
import git_datmo as datmo
found = datmo.experiments(where="command", sort="-created")
columns = found.columns()
print(json.dumps({name: columns[name] for name in sorted(columns)}))
print(len(found), found[0].metrics["loss"], len(found[1:]))
"""


def two_runs(repo: Shell) -> None:
    script = """\
import git_datmo as datmo, sys
datmo.log_params({"lr": float(sys.argv[1])})
for value in (0.5, 0.25, float(sys.argv[1])):
    datmo.log_metric("loss", value)
"""
    repo.commit("train.py", script)
    for rate in ("1", "nan"):
        datmo(repo, "run", "--", sys.executable, "train.py", rate)


def test_experiments_of_a_repository_are_columns(repo: Shell) -> None:
    two_runs(repo)
    repo.write("read.py", READ)
    columns, sizes = repo.run(sys.executable, "read.py").stdout.splitlines()
    found = json.loads(columns)
    assert found["id"] == [each["id"] for each in experiments(repo)]
    assert str(found["metrics.loss"]) == "[nan, 1.0]"
    assert found["best.loss"] == [0.25, 0.25]
    assert found["params.lr"][1] == 1
    assert found["status"] == ["success", "success"]
    assert sizes == "2 NaN 1"


def test_condition_of_experiments_is_that_of_log(repo: Shell) -> None:
    two_runs(repo)
    script = """\
import sys
import git_datmo as datmo
from git_datmo.errors import DatmoError
try:
    print(datmo.experiments(where=sys.argv[1]).columns()["params.lr"])
except DatmoError as error:
    print(type(error).__name__, error.what, "|", error.hint)
"""
    repo.write("read.py", script)

    def said(where: str) -> str:
        return repo.run(sys.executable, "read.py", where).stdout.strip()

    assert said("loss = 1 and params.lr < 2") == "[1.0]"
    assert said("loss.best < 1 and not lr = NaN") == "[1.0]"
    for wrong in ("los = 1", "loss >"):
        shown = datmo(repo, "log", "--where", wrong, code=129 if ">" in wrong else 128).stderr
        kind, _, text = said(wrong).partition(" ")
        what, _, hint = text.partition(" | ")
        assert shown.splitlines() == [f"fatal: {what}", f"hint: {hint}"]
        assert kind == ("UsageError" if ">" in wrong else "DatmoError")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_experiments_become_a_data_frame(repo: Shell, library: str) -> None:
    pytest.importorskip(library)
    two_runs(repo)
    script = f"""\
import git_datmo as datmo
frame = datmo.experiments(where="command").to_{library}()
print(frame.shape[0], list(frame["params.lr"])[1], type(frame).__module__.split(".")[0])
"""
    repo.write("read.py", script)
    assert repo.run(sys.executable, "read.py").stdout.split() == ["2", "1", library]


def test_data_of_another_version_lie_beside_the_working_tree(pair: Pair) -> None:
    for version in ("one", "two"):
        for name in ("a", "b"):
            pair.alex.write(f"data/{name}", f"{version} {name}" * 100)
        datmo(pair.alex, "add-data", "data")
        pair.alex.commit("code.py", f"# {version}\n", version)
    first = experiments(pair.alex)[-1]["id"]
    pair.alex.git("push", "-q")
    other = pair.clone()
    datmo(other, "checkout")
    other.write(
        "read.py",
        f"""\
import git_datmo as datmo
old = datmo.data("data/a", {first!r})
print(old.read_text()[:5], datmo.data("data/a").read_text()[:5], datmo.data("data/a") == old)
print(datmo.data("data/a", {first!r}) == old)
try:
    datmo.data("data/none", {first!r})
except Exception as error:
    print(type(error).__name__, error.what)
""",
    )
    lines = other.run(sys.executable, "read.py").stdout.splitlines()
    assert lines[:2] == ["one a two a False", "True"]
    assert lines[2] == f"DatmoError experiment '{first[:10]}' has no file 'data/none'"


def test_snapshot_is_made_from_a_script(repo: Shell) -> None:
    repo.write("data", "1")
    datmo(repo, "add-data", "data")
    script = "import git_datmo as datmo\nprint(datmo.snapshot('here', why='test'))\n"
    repo.write("snap.py", script)
    made = repo.run(sys.executable, "snap.py").stdout.strip()
    assert experiments(repo)[0]["id"] == made
    assert experiments(repo)[0]["message"] == "here"


def test_page_for_a_notebook_takes_the_words_of_the_command_line(repo: Shell) -> None:
    """Check the page without anywidget, which a notebook keeps as HTML."""
    two_runs(repo)
    script = """\
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "anywidget" else find(name, *rest)
import git_datmo as datmo
print(repr(datmo.ui("HEAD")), repr(datmo.ui("HEAD", "loss = 1")))
print(datmo.ui()._repr_html_().count("<iframe"), hasattr(datmo.ui(), "_repr_mimebundle_"))
for words, live in ((["los < 1"], None), ([""], None), ([], True)):
    try:
        datmo.ui(*words, live=live)
    except Exception as error:
        print(type(error).__name__, error.what)
"""
    repo.write("read.py", script)
    assert repo.run(sys.executable, "read.py").stdout.splitlines() == [
        "<page of 2 experiments> <page of 1 experiment>",
        "1 False",
        "DatmoError no experiment has a value 'los'",
        "UsageError '--only' needs a range, a tag or a condition",
        "DatmoError a live page in a notebook needs anywidget",
    ]
