"""Test that the output of `--json` follows the schemas of the documentation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from git_datmo.cli.parser import make_parser
from git_datmo.cli.verbs import VERBS
from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.schemas import SCHEMAS, require_valid
from tests.support.shell import Shell

NAMES = {path.stem for path in SCHEMAS.glob("*.json")}
TRAIN = """\
import json, sys
json.dump({"sum": float(sys.argv[1]) + float(open("data/x").read())}, open("metrics.json", "w"))
"""
TRAINING = "python3 train.py 1"


def verbs_with_json() -> set[str]:
    return {verb for verb in VERBS if "--json" in make_parser(verb).option_names}


def test_verbs_with_json_have_schemas() -> None:
    assert {
        name if name in VERBS else name.partition("-")[0] for name in NAMES
    } == verbs_with_json() | {"error"}


def check(name: str, shell: Shell, *words: str, code: int = 0) -> list[Any]:
    """Return the output of a verb with `--json`, if it follows the schema `name`."""
    done = datmo(shell, *words, code=code)
    text = done.stderr if name == "error" else done.stdout
    documents = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert documents, done
    for document in documents:
        require_valid(name, document)
    return documents


@pytest.fixture
def trained(pair: Pair) -> Shell:
    """Return a clone with two experiments that are shared."""
    alex = pair.alex
    alex.commit("train.py", TRAIN)
    alex.write("data/x", "1\n")
    datmo(alex, "add-data", "data")
    datmo(alex, "run", "--", *TRAINING.split())
    alex.write("data/x", "2\n")
    datmo(alex, "commit", "-m", "More")
    datmo(alex, "run", "--", *TRAINING.split())
    alex.git("push", "-q", "origin", "main")
    return alex


def test_output_of_verbs_that_show_follows_the_schemas(trained: Shell) -> None:
    check("status", trained, "status", "--json")
    check("log", trained, "log", "--data", "--json")
    check("show", trained, "show", "--json")
    check("annotate", trained, "annotate", "--result", "good", "--tag", "best", "--json")
    check("log", trained, "log", "--json", "--tag", "best")
    check("show", trained, "show", "--json")
    check("diff", trained, "diff", "HEAD~1", "HEAD", "--json")
    check("compare", trained, "compare", "--group-by", "author", "--json")
    check("verify", trained, "verify", "--json", code=1)
    check("verify-complete", trained, "verify", "--complete", "--json", "HEAD")
    check("du", trained, "du", "--json")
    check("du-remote", trained, "du", "--remote", "--json")
    check("fsck", trained, "fsck", "--json")
    check("fsck-remote", trained, "fsck", "--remote", "--json")
    check("env-show", trained, "env", "show", "--json")
    check("env-diff", trained, "env", "diff", "HEAD~1", "HEAD", "--json")
    check("error", trained, "show", "nonsense", "--json", code=128)


def test_output_of_verbs_that_change_something_follows_the_schemas(trained: Shell) -> None:
    trained.write("model", "m\n")
    check("add-data", trained, "add-data", "--json", "data")
    check("add-model", trained, "add-model", "--json", "model")
    check("checkout", trained, "checkout", "--json", "HEAD~1")
    check("env-init", trained, "env", "init", "--json")
    check("evict", trained, "evict", "--all", "--json")
    snapshot = check("log", trained, "log", "--data", "--json")[0]["id"]
    check("drop", trained, "drop", snapshot, "--json")
    check("drop", trained, "drop", "--remote", "--json")
    check("gc", trained, "gc", "--json")


def test_output_of_verbs_that_rerun_follows_the_schemas(trained: Shell) -> None:
    host = ("--engine", "host", "--trust", "--json")
    check("reproduce", trained, "reproduce", "HEAD", *host)
    check("show", trained, "show", "--json")
    check("explain", trained, "explain", "HEAD~1", "HEAD", *host)
    check(
        "bisect",
        trained,
        "bisect",
        "--metric",
        "sum",
        "--above",
        "2.5",
        "--recorded",
        "--json",
        "HEAD~1",
        "HEAD",
    )
    check("sweep", trained, "sweep", "-p", "n=1,2", "--json", "--", "python3", "train.py", "{n}")
    check("env-build", trained, "env", "build", "--engine", "venv", "--trust", "--json")
