"""`git datmo log` chooses, sorts, groups and prints experiments as its options say."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.history.experiments import History, Revisions
from git_datmo.model import Content, Form, Oid
from git_datmo.records.catalog import Row
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Curve, Run, Snapshot
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, refused
from tests.support.schemas import require_valid
from tests.support.shell import Shell

ADA, BOB = Person("Ada", "ada@example.com"), Person("Bob", "bob@example.com")
EVIL = "e\x1b]0;pwned\x07\x1b[31m\x9b31m\u202ex\n=1+1"


def made(
    commit: Oid,
    number: int,
    parameters: dict[str, Value],
    metrics: dict[str, Value],
    message: str = "try",
    author: Person = ADA,
) -> Snapshot:
    when = f"2024-05-{number + 1:02d}T12:00:00.500000Z"
    run = Run(("python", "train.py"), exit_code=number % 2, seconds=1.5)
    return Snapshot(
        commit, commit, "", when, author, message, "", (), parameters, metrics, None, True, None, run
    )  # fmt: skip


@pytest.fixture
def tried(repo: Shell) -> Shell:
    """Six experiments at two commits by two people, and a snapshot that only follows the data."""
    first = Oid.parse(repo.git("rev-parse", "HEAD"))
    repo.write("data/x", "1")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "2\n", "second")
    second = Oid.parse(repo.git("rev-parse", "HEAD"))
    grid = [(0.1, 1, 0.80), (0.1, 2, 0.84), (0.01, 1, 0.90), (0.01, 2, 0.94), (0.001, 1, "NaN")]
    with open_workspace(repo.env, repo.cwd) as ws:
        ws.ledger.attach(
            *(
                made(
                    first if number < 2 else second,
                    number,
                    {"lr": lr, "seed": seed},
                    {"accuracy": accuracy, "loss": 1 - lr},
                    f"try {number}",
                    BOB if number == 3 else ADA,
                )
                for number, (lr, seed, accuracy) in enumerate(grid)
            ),
            made(second, 5, {"lr": "auto"}, {}, ""),
        )
    return repo


def lines(shell: Shell, *words: str) -> list[str]:
    return datmo(shell, "log", *words).stdout.splitlines()


def messages(shell: Shell, *words: str) -> list[str]:
    return [json.loads(line)["message"] for line in lines(shell, "--json", *words)]


# fmt: off
CHOSEN: list[tuple[tuple[str, ...], list[str]]] = [
    ((), ["", "try 4", "try 3", "try 2", "try 1", "try 0"]),
    (("-2",), ["", "try 4"]),
    (("-n", "2"), ["", "try 4"]),
    (("HEAD~1",), ["try 1", "try 0"]),
    (("HEAD~1..HEAD", "-1"), [""]),
    (("--all", "-1"), [""]),
    (("--branches", "-1"), [""]),
    (("--where", "accuracy > 0.8 and params.lr <= 0.01"), ["try 3", "try 2"]),
    (("--where", "accuracy = NaN"), ["try 4"]),
    (("--where", "lr = auto"), [""]),
    (("--where", "lr = auto", "-0"), []),
    (("--where", "status = failed", "--sort", "seed"), ["try 3", "try 1", ""]),
    (("--sort", "-accuracy"), ["try 3", "try 2", "try 1", "try 0", "try 4", ""]),
    (("--sort", "accuracy", "-2"), ["try 0", "try 1"]),
    (("--sort", "lr,-seed"), ["try 4", "try 3", "try 2", "try 1", "try 0", ""]),
    (("--sort=-seed,accuracy", "-2"), ["try 1", "try 3"]),
    (("--author", "^Bob"), ["try 3"]),
    (("--author", "bob@example"), ["try 3"]),
    (("--since", "2024-05-04"), ["", "try 4", "try 3"]),
    (("--until", "2024-05-02T13:00:00Z"), ["try 1", "try 0"]),
    (("--best", "accuracy"), ["try 3"]),
    (("--best", "min:accuracy"), ["try 0"]),
    (("--best", "loss", "--where", "seed = 2"), ["try 1"]),
    (("--", "data"), []),
    (("--", "code.py"), ["", "try 4", "try 3", "try 2", "try 1", "try 0"]),
    (("HEAD", "--", "no"), []),
]
# fmt: on


def test_options_choose_experiments_in_order(tried: Shell) -> None:
    for words, expected in CHOSEN:
        assert messages(tried, *words) == expected, words


def test_snapshot_that_only_follows_data_is_left_out(tried: Shell) -> None:
    assert len(lines(tried, "--oneline")) == 6
    assert len(lines(tried, "--oneline", "--data")) == 7
    assert len(lines(tried, "--oneline", "--all")) == 7
    assert len(lines(tried, "--oneline", "--data", "--", "data")) == 1
    assert sum("(only data)" in line for line in lines(tried, "--oneline", "--all")) == 1


def test_log_of_data_alone_says_how_to_see_them(repo: Shell) -> None:
    repo.write("data/x", "1")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "data")
    done = datmo(repo, "log")
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "no experiments yet",
        "(1 snapshot only follows the data: 'git datmo log --data' shows those of HEAD)",
    ]
    assert "data" in datmo(repo, "log", "--data").stdout


def test_path_of_a_payload_finds_the_snapshots_that_changed_it(repo: Shell) -> None:
    for text in ("1", "2"):
        repo.write("data/x", text)
        datmo(repo, "add-data", "data")
        datmo(repo, "snapshot", "-m", f"data {text}")
    datmo(repo, "snapshot", "-m", "same data")
    assert messages(repo, "--", "data") == ["data 2", "data 1"]
    assert messages(repo, "HEAD", "--", "data/x") == ["data 2", "data 1"]


def test_run_after_changed_data_is_found_by_the_path_of_the_data(repo: Shell) -> None:
    for text in ("1", "2"):
        repo.write("data/x", text)
        datmo(repo, "add-data", "data")
        repo.git("commit", "-q", "--allow-empty", "-m", f"data {text}")
        datmo(repo, "run", "-m", f"run on {text}", "--", "true")
    datmo(repo, "run", "-m", "same data", "--", "true")
    assert messages(repo, "--", "data") == ["run on 2", "run on 1"]
    # The snapshots that only follow the data are listed, so the changes are theirs.
    listed = lines(repo, "--oneline", "--data", "--", "data")
    assert [line.split(" ", 1)[1] for line in listed] == ["(only data)"] * 2


def test_columns_are_a_table_with_short_titles(tried: Shell) -> None:
    table = lines(tried, "--columns", "params.lr,accuracy,message", "--sort", "-lr", "-3")
    assert table == ["  lr  accuracy  message", " 0.1      0.84  try 1", " 0.1       0.8  try 0",
                     "0.01      0.94  try 3"]  # fmt: skip


def test_csv_has_all_figures_and_exact_values(tried: Shell) -> None:
    header, *rows = csv.reader(
        io.StringIO("\n".join(lines(tried, "--csv", "--until", "2024-05-04")))
    )
    assert header[:6] == ["id", "commit", "created", "author", "message", "status"]
    assert header[6:] == ["params.lr", "params.seed", "metrics.accuracy", "metrics.loss"]
    assert rows[-1][3:] == ["Ada", "try 0", "success", "0.1", "1", "0.8", "0.9"]
    assert lines(tried, "--csv", "--columns", "lr,seed", "-1") == ["params.lr,params.seed", "auto,"]


def test_groups_have_mean_and_deviation(tried: Shell) -> None:
    table = lines(tried, "--group-by", "lr", "--columns", "accuracy", "--where", "lr > 0.001")
    assert table == ["  lr  n       accuracy", "0.01  2  0.920 ± 0.028",
                     " 0.1  2  0.820 ± 0.028"]  # fmt: skip
    found = [json.loads(line) for line in lines(tried, "--group-by", "tree", "--json")]
    assert [len(each["experiments"]) for each in found] == [4, 2]
    assert {each["by"]["tree"] for each in found} == {
        row["tree"] for row in map(json.loads, lines(tried, "--json"))
    }
    for document in found:
        require_valid("log-groups", document)
    header, *rows = lines(tried, "--group-by", "seed", "--csv", "--columns", "loss")
    assert header == "params.seed,n,metrics.loss.mean,metrics.loss.std"
    assert [float(cell) for cell in rows[1].split(",")] == pytest.approx([2, 2, 0.945, 0.0636396])


def test_json_of_columns_follows_its_schema(tried: Shell) -> None:
    (document,) = map(json.loads, lines(tried, "--json", "--columns", "id,lr,accuracy", "-1"))
    require_valid("log-columns", document)
    assert document["values"]["params.lr"] == "auto"
    assert document["values"]["metrics.accuracy"] is None


def test_format_with_placeholders_has_their_values(tried: Shell) -> None:
    head = tried.git("rev-parse", "HEAD")
    shown = lines(
        tried, "--format", "%h|%H|%an|%ae|%ad|%s|%(lr)|%(accuracy)|%(id:4)%x2c%%%n-", "-1"
    )
    oid = json.loads(lines(tried, "--json", "-1")[0])["id"]
    assert shown == [
        f"{head[:10]}|{head}|Ada|ada@example.com|2024-05-06T12:00:00||auto||{oid[:4]},%", "-"
    ]  # fmt: skip


def test_graph_draws_commits_with_their_experiments(tried: Shell) -> None:
    head, first = tried.git("rev-parse", "HEAD", "HEAD~1").split()
    drawn = lines(tried, "--graph", "--where", "seed = 2")
    assert drawn[0] == f"* {head[:10]} second"
    assert drawn[1].startswith("|   ")
    assert drawn[1].endswith("try 3  accuracy=0.94  loss=0.99")
    assert drawn[2].startswith(f"* {first[:10]} ")


def test_tag_with_a_blank_is_one_tag(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    with open_workspace(repo.env, repo.cwd) as ws:
        one = replace(made(head, 0, {}, {"m": 1}), tags=("team blue", "a,b"))
        (oid, _) = ws.ledger.attach(one, made(head, 1, {}, {"m": 2}))
    datmo(repo, "tag", str(oid), "later")
    for words in (("--tag", "team blue", "--tag", "later"), ("--where", "tags = 'team blue'")):
        assert [line.split()[0] for line in lines(repo, "--oneline", *words)] == [str(oid)[:10]]
    for words in (("--tag", "team"), ("--tag", "team blue later")):
        assert lines(repo, "--oneline", *words) == [], words
    (shown,) = lines(repo, "--columns", "tags", "--json", "--where", "tags")
    assert json.loads(shown)["values"] == {"tags": ["a,b", "later", "team blue"]}
    assert lines(repo, "--format", "%(tags)", "--where", "tags") == ["a,b, later, team blue"]


def test_experiments_of_one_commit_are_listed_without_comparing_all_pairs(
    repo: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    compared = []

    def count(one: Row, other: object) -> bool:
        compared.append(one.record)
        return tuple.__eq__(one, other)  # type: ignore[arg-type]

    with open_workspace(repo.env, repo.cwd) as ws:
        ws.ledger.attach(*(made(head, 0, {"n": number}, {}) for number in range(100)))
        history = History(ws)
        monkeypatch.setattr(Row, "__eq__", count)
        assert len(list(history.claims(Revisions(), at_once=True))) == 100
    assert len(compared) <= 100


def test_best_follows_the_goal_that_a_run_recorded(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    run = Run(("train",), exit_code=0, series=Content(head, Form.FOLDER, 1, 1))
    with open_workspace(repo.env, repo.cwd) as ws:
        ws.ledger.attach(
            *(
                replace(
                    made(head, number, {}, {"glow": number, "odd": number}, f"try {number}"),
                    run=run,
                    curves={"glow": Curve("0", 2, 0, number, "min")},
                )
                for number in (1, 2, 3)
            )
        )
    done = datmo(repo, "log", "--best", "glow", "--format", "%s")
    assert (done.stdout, done.stderr) == ("try 1\n", "best by the lowest 'metrics.glow'\n")
    assert lines(repo, "--best", "max:glow", "--format", "%s") == ["try 3"]
    says = "no experiment says whether small or large values of 'odd' are better"
    refused(repo, "log", "--best", "odd", code=129, says=(says, "--best 'max:odd'"))
    assert not any("glow.goal" in line for line in lines(repo, "--csv"))


REFUSED = [
    (("--where", "acuracy > 1"), 128, "did you mean 'accuracy'?"),
    (("--sort", "-acuracy"), 128, "did you mean 'accuracy'?"),
    (("--columns", "sed"), 128, "did you mean 'seed'?"),
    (("--group-by", "params.sed"), 128, "did you mean 'params.seed'?"),
    (("--best", "acuracy"), 128, "did you mean 'accuracy'?"),
    (("--format", "%(acuracy)"), 128, "did you mean 'accuracy'?"),
    (("--format", "%q"), 129, "unknown placeholder at '%q'"),
    (("--where", "accuracy >"), 129, "a value is missing"),
    (("--author", "("), 129, "not a regular expression"),
    (("--graph", "--sort", "lr"), 129, "--graph and --sort exclude each other"),
    (("--csv", "--oneline"), 129, "not allowed with"),
    (("--sort",), 129, "expected one argument"),
    (("nonsense",), 128, "nonsense"),
]


def test_wrong_option_is_refused_with_what_to_do(tried: Shell) -> None:
    for words, code, says in REFUSED:
        refused(tried, "log", *words, code=code, says=(says,))


def forms() -> Iterator[tuple[str, ...]]:
    yield from ((), ("--oneline",), ("--graph",), ("--csv",), ("--json",))
    yield ("--columns", 'message,command,author,params["k"]')
    yield ("--group-by", "author")
    yield ("--format", "%(message) %(author) %B %(params.k)")


def test_hostile_and_long_values_are_shown_safely(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    figures: dict[str, Value] = {EVIL: EVIL, "k": "<b>k</b>" + "k" * 100_000}
    with open_workspace(repo.env, repo.cwd) as ws:
        ws.ledger.attach(
            made(head, 1, figures, {EVIL: "Infinity", "m": 1}, EVIL, Person(EVIL, EVIL))
        )
    for words in forms():
        done = datmo(repo, "log", *words)
        for letter in "\x1b\x07\x9b\u202e":
            assert letter not in done.stdout + done.stderr
        assert done.stdout
        assert words[:1] != ("--csv",) or len(done.stdout.splitlines()) == 2
        if words and words[0] in ("--oneline", "--graph", "--columns", "--group-by"):
            assert max(map(len, done.stdout.splitlines())) < 400


def test_query_is_the_same_with_and_without_its_cache(tried: Shell) -> None:
    asked = ("--where", "accuracy > 0", "--sort", "accuracy", "--csv")
    with open_workspace(tried.env, tried.cwd) as ws:
        head = Oid.parse(tried.git("rev-parse", "HEAD"))
        ws.ledger.attach(*(made(head, 7, {"lr": n}, {"accuracy": n + 1}) for n in range(60)))
    first = lines(tried, *asked)
    (cache,) = Path(tried.cwd, ".git", "datmo", "told").glob("rows-*")
    whole = cache.read_bytes()
    for damaged in (
        whole.replace(b'"metrics.accuracy": 1', b'"metrics.accuracy": 9'),
        whole[:99],
        b"",
    ):
        cache.write_bytes(damaged)
        assert lines(tried, *asked) == first
