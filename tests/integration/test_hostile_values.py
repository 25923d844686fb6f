"""Test that metrics, parameters and tags of any name and size are exact, and shown safely."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from typing import Any

import pytest

from git_datmo.runs.logged_calls import NAME_LIMIT
from tests.support.commands import datmo
from tests.support.schemas import require_valid
from tests.support.shell import Shell

LONG = "n" * 100_000
EVIL = "<b>e\x1b]0;pwned\x07\x9b31m\u202ex\n=1+1"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
MARKS = "a" + "\u0301" * 99_999
# The longest line that a table of one experiment may have.
WIDEST = 4000

SCRIPT = f"""\
import git_datmo as datmo
LONG, EVIL, MARKS = "n" * 100_000, {EVIL!r}, "a" + "\\u0301" * 99_999
datmo.log_params({{LONG: LONG, EVIL: EVIL, MARKS: MARKS, "rate": float("nan")}})
for step, value in ((5, float("nan")), (1, float("inf")), (3, 0.5), (3, float("-inf")), (-2, 0.1)):
    for name in ("loss", LONG, EVIL, MARKS):
        datmo.log_metric(name, value, step)
for tag in (LONG, EVIL, MARKS, "two words"):
    datmo.set_tag(tag)
"""


@pytest.fixture
def hostile(repo: Shell) -> Shell:
    """Two runs with hostile names and values."""
    repo.commit("train.py", SCRIPT)
    datmo(repo, "run", "-m", "one", "--", sys.executable, "train.py")
    datmo(repo, "run", "-m", "two", "-p", f"{LONG[:90_000]}=1", "--", sys.executable, "train.py")
    return repo


SHOWN = [
    ("log",),
    ("log", "--oneline"),
    ("log", "--graph"),
    ("log", "--columns", "id,rate,loss,tags"),
    ("log", "--group-by", "rate"),
    ("log", "--best", "loss"),
    ("log", "--tag", "two words"),
    ("show",),
    ("status",),
    ("tag", "HEAD"),
    ("annotate", "HEAD", "--comment", "seen"),
    ("untag", "HEAD", "none"),
    ("compare",),
    ("compare", "--equal", "--curves"),
    ("plot", "--metric", "loss", "--log"),
    ("report",),
    ("report", "--format", "html"),
    ("du",),
    ("reproduce", "--trust", "--engine", "host"),
]


def test_hostile_values_are_shown_as_short_lines(hostile: Shell) -> None:
    one, two = json_lines(hostile)
    for words in [*SHOWN, ("diff", one["id"], two["id"])]:
        done = datmo(hostile, *words, ok=False)
        shown = done.stdout + done.stderr
        assert not OBEYED.search(shown), words
        assert "Traceback" not in shown, words
        assert max(map(len, shown.splitlines()), default=0) <= WIDEST, words
    notes = hostile.git("log", "--notes=datmo")
    assert max(map(len, notes.splitlines())) < 400
    assert not OBEYED.search(notes.replace("\u202e", ""))


def json_lines(repo: Shell, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in datmo(repo, "log", "--json", *words).stdout.splitlines()]


def test_hostile_values_are_exact_for_programs(hostile: Shell) -> None:
    names = [text[:NAME_LIMIT] for text in (LONG, EVIL, MARKS)]
    for line in datmo(hostile, "log", "--json").stdout.splitlines():
        document = json.loads(line, parse_constant=pytest.fail)
        require_valid("log", document)
        assert not OBEYED.search(line)
        parameters, bounds = document["parameters"], document["curves"]["loss"]
        assert [parameters[name] for name in names] == [LONG, EVIL, MARKS]
        assert parameters["rate"] == "NaN"

        assert set(document["metrics"]) == {"loss", *names}
        assert (bounds["points"], bounds["min"], bounds["max"]) == (5, "-Infinity", "Infinity")
        assert set(document["tags"]) == {*names, "two words"}
    assert parameters.get(LONG[:90_000]) is None
    assert json_lines(hostile)[0]["parameters"][LONG[:90_000]] == 1
    header, *rows = csv.reader(io.StringIO(datmo(hostile, "log", "--csv").stdout, newline=""))
    assert [len(row) for row in rows] == [len(header)] * 2
    assert f"params.{LONG[:90_000]}" in header
    assert math.isnan(float(rows[0][header.index("params.rate")]))
    shown = json.loads(datmo(hostile, "show", "--json").stdout, parse_constant=pytest.fail)
    assert shown["parameters"][names[0]] == LONG
    assert len(json_lines(hostile, "--where", "rate = NaN and loss.max = Infinity")) == 2
