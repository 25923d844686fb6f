"""Test `git datmo compare`: the differences between any number of experiments, and their metrics."""

from __future__ import annotations

import csv
import io
import json
from array import array
from dataclasses import replace
from typing import Any

import pytest

from git_datmo.curves.curve_points import Points
from git_datmo.model import Oid
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.stored_curves import store_curves
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, refused
from tests.support.schemas import require_valid
from tests.support.shell import Shell

ADA = Person("Ada", "ada@example.com")
EVIL = "e\x1b]0;pwned\x07\x1b[31m\x9b31m\u202ex\n| <script> =1+1"


def made(commit: Oid, number: int, **fields: Any) -> Snapshot:
    when = f"2024-05-{number + 1:02d}T12:00:00.500000Z"
    run = Run(("python", "train.py"), exit_code=0, seconds=1.5)
    plain = Snapshot(
        commit, commit, "", when, ADA, f"try {number}", "", (), {}, {}, None, True, None, run
    )
    return replace(plain, **fields)


@pytest.fixture
def tried(repo: Shell) -> Shell:
    """Four experiments with the parameters lr and seed; the last one has a curve."""
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    points = Points(array("d", [3.0, 0.5, 1.0]), array("d", [0, 1, 2]), array("q", [1, 2, 3]))
    with open_workspace(repo.env, repo.cwd) as ws:
        series, curves = store_curves(ws, {"loss": points}, {"loss": "min"})
        run = Run(("python", "train.py"), exit_code=0, seconds=1.5, series=series)
        figures = [(0.1, 1, 2.0), (0.1, 2, 4.0), (0.01, 1, 3.0), (0.01, 2, 1.0)]
        ws.ledger.attach(
            *(
                made(
                    head,
                    number,
                    parameters={"lr": lr, "seed": seed, "batch": 8},
                    metrics={"loss": loss, "size": number},
                    **({"run": run, "curves": curves} if number == 3 else {}),
                )
                for number, (lr, seed, loss) in enumerate(figures)
            )
        )
    return repo


def ids(shell: Shell) -> list[str]:
    return datmo(shell, "log", "--format", "%(id)", "--sort", "created").stdout.split()


def compare(shell: Shell, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(datmo(shell, "compare", *words, "--json").stdout)
    require_valid("compare", document)
    return document


def test_named_experiments_are_compared_in_their_order(tried: Shell) -> None:
    first, _, _, last = ids(tried)
    found = compare(tried, last, first[:12], last)
    assert [each["id"] for each in found["experiments"]] == [last, first]
    assert [(row["section"], row["name"], row["values"]) for row in found["different"]] == [
        ("parameters", "lr", [0.01, 0.1]),
        ("parameters", "seed", [2, 1]),
    ]
    assert {"section": "parameters", "name": "batch", "value": 8} in found["equal"]


def test_metrics_have_last_min_max_best_and_summary(tried: Shell) -> None:
    found = {row["name"]: row for row in compare(tried)["metrics"]}
    loss = found["loss"]
    assert loss["values"][0] == {"last": 1.0, "min": 0.5, "max": 3.0, "best": 0.5}
    assert loss["values"][1] == {"last": 3.0, "min": None, "max": None, "best": None}
    assert (loss["goal"], loss["best"]) == ("min", 0)
    assert (loss["summary"]["mean"], loss["summary"]["count"]) == (2.5, 4)
    assert (found["size"]["goal"], found["size"]["best"]) == (None, None)
    shown = datmo(tried, "compare").stdout
    assert "(direction unknown)" in shown
    assert "(less is better)" in shown


def test_conditions_choose_and_groups_have_mean_and_deviation(tried: Shell) -> None:
    found = compare(tried, "--where", "seed = 1", "--group-by", "lr")
    assert len(found["experiments"]) == 2
    assert [group["by"] for group in found["groups"]] == [{"params.lr": 0.01}, {"params.lr": 0.1}]
    assert len(compare(tried, "-3")["experiments"]) == 3
    table = datmo(tried, "compare", "--group-by", "lr", "--metrics", "loss").stdout
    assert "0.01  2  2.0 ± 1.4" in table
    assert "size" not in table


def test_csv_has_a_line_for_each_experiment(tried: Shell) -> None:
    header, *rows = csv.reader(io.StringIO(datmo(tried, "compare", "--csv").stdout))
    assert header == [
        "id", "params.lr", "params.seed", "metrics.loss", "metrics.loss.min", "metrics.loss.max",
        "metrics.loss.best", "metrics.size",
    ]  # fmt: skip
    assert rows[0][1:4] == ["0.01", "2", "1.0"]
    assert len(rows) == 4


def test_table_turns_where_columns_do_not_fit(tried: Shell) -> None:
    wide = datmo(tried.having(COLUMNS="200"), "compare").stdout.splitlines()
    assert ["lr", "0.01", "0.01", "0.1", "0.1"] in [line.split() for line in wide]
    narrow = datmo(tried.having(COLUMNS="40"), "compare").stdout.splitlines()
    assert any(line.split()[:3] == ["lr", "seed", "loss"] for line in narrow)
    body = narrow[4 : narrow.index(next(line for line in narrow if line.startswith("last")))]
    assert max(map(len, body)) <= 40


def test_equal_values_are_folded_and_shown_by_option(tried: Shell) -> None:
    folded = datmo(tried, "compare").stdout.splitlines()[-1]
    assert folded == "equal: 4 properties of the command, 1 parameter, code ('--equal' shows them)"
    assert "  batch  8" in datmo(tried, "compare", "--equal").stdout.splitlines()


def test_data_and_code_that_differ_have_a_row_each(repo: Shell) -> None:
    for text in ("1", "2"):
        repo.write("data/x", text)
        datmo(repo, "add-data", "data")
        repo.write("code.py", f"{text}\n")
        datmo(repo, "run", "--", "python3", "-c", "pass")
    found = compare(repo)
    assert [(row["section"], row["name"]) for row in found["different"]] == [
        ("data", "data"),
        ("code", "code.py"),
    ]
    assert "(1 file, 1 byte)" in found["different"][0]["values"][0]
    before = repo.git("rev-parse", "HEAD")
    repo.commit("new.py", "new\n")
    datmo(repo, "snapshot", "-m", "no stored code")
    rows = {row["name"]: row["values"] for row in compare(repo, before, "HEAD")["different"]}
    assert rows["new.py"][0] is None


def test_hostile_and_long_values_are_shown_safely(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    with open_workspace(repo.env, repo.cwd) as ws:
        for number in (1, 2):
            figures: dict[str, Value] = {EVIL: f"{EVIL}{number}", "k": "k" * 100_000 + str(number)}
            metrics: dict[str, Value] = {EVIL: "Infinity", "m": "NaN"}
            ws.ledger.attach(
                made(head, number, parameters=figures, metrics=metrics, message=EVIL,
                     author=Person(EVIL, EVIL))
            )  # fmt: skip
    for words in ((), ("--equal",), ("--json",), ("--csv",), ("--group-by", "author")):
        done = datmo(repo.having(COLUMNS="80"), "compare", *words)
        for letter in "\x1b\x07\x9b\u202e":
            assert letter not in done.stdout + done.stderr
        assert words[:1] != ("--csv",) or len(done.stdout.splitlines()) == 3
        if not words or words[0] == "--equal":
            assert max(map(len, done.stdout.splitlines())) < 200


def test_wrong_words_are_refused_with_what_to_do(tried: Shell) -> None:
    refs = tried.git("for-each-ref")
    refused(tried, "compare", "nonsense", says=("nonsense",))
    refused(tried, "compare", "--metrics", "los", says=("did you mean 'loss'?",))
    refused(tried, "compare", "--metrics", "lr", says=("'params.lr' is not a metric",))
    done = datmo(tried, "compare", "--where", "lr > 5")
    assert (done.stdout, done.stderr) == ("", "no experiments that the options choose\n")
    assert tried.git("for-each-ref") == refs


def test_repository_without_experiments_says_so(repo: Shell) -> None:
    for verb in ("compare", "plot"):
        done = datmo(repo, verb)
        assert (done.stdout, done.stderr) == ("", "no experiments yet\n")
