"""Test conditions, names and summaries of experiments."""

from __future__ import annotations

import math
import sys
from itertools import islice

import pytest

from git_datmo.cli.experiment_choice import split_limit
from git_datmo.cli.log_formats import make_format, show_summary
from git_datmo.errors import DatmoError, UsageError
from git_datmo.history.experiment_rows import make_values
from git_datmo.model import Oid
from git_datmo.query.aggregate import Summary, group_rows, numbers_of, summarise
from git_datmo.query.conditions import parse_condition, parse_names, rename
from git_datmo.query.evaluate import Row, matches, sort_key
from git_datmo.query.goals import best_row, choose_goal, recorded_goals, split_goal
from git_datmo.query.names import Names
from git_datmo.query.tags import join_tags, split_tags
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Curve, Run, Snapshot

ROW: Row = {
    "id": "1234567890abcdef",
    "message": "Try Adam",
    "params.lr": 0.01,
    "params.seed": 1,
    "params.odd name": "x, y",
    "params.fast": True,
    "params.part": "007",
    "metrics.accuracy": 0.91,
    "metrics.loss": "NaN",
    "metrics.steps": 2**53 + 1,
    "data.data/train": "aa11",
}


def holds(text: str, row: Row = ROW) -> bool:
    return matches(rename(parse_condition(text), Names(ROW).find), row)


@pytest.mark.parametrize(
    "text",
    [
        "accuracy > 0.9",
        "accuracy > 0.9 and params.lr <= 0.01",
        "accuracy>0.9 AND lr<=1e-2",
        "metrics.accuracy = 0.91",
        "accuracy == 0.91",
        "accuracy != 1",
        "lr < 0.001 or seed = 1",
        "not lr < 0.001",
        "not (lr < 0.001 or seed = 2)",
        "lr in (0.1, 0.01)",
        "lr not in (0.1, 1)",
        'params["odd name"] = "x, y"',
        "params['odd name'] ~ ', y'",
        "message ~ adam",
        "message !~ sgd",
        "fast",
        "fast = true",
        "fast != false",
        "part = 007",
        "id = 12345678",
        "loss = NaN",
        "not loss < 1",
        "steps > 9007199254740992",
        "data.data/train = aa1 or data.data/train = aa11",
        r"message != 'it\'s'",
        "seed = 1 and lr = 0.5 or seed = 1",
    ],
)
def test_condition_that_holds_is_met(text: str) -> None:
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "accuracy > 0.91",
        "loss > 0",
        "loss < 0",
        "seed = '1'",
        "message > 3 and message < 3",
        "fast = 1",
        "fast > 0",
        "part = 7",
        "steps = 9007199254740992",
        "not fast",
        "(seed = 1 or lr = 0.01) and lr = 0.5",
    ],
)
def test_condition_that_does_not_hold_is_not_met(text: str) -> None:
    assert not holds(text)


@pytest.mark.parametrize("sign", ["=", "!=", "<", "<=", ">", ">=", "~", "!~"])
def test_comparison_with_missing_value_is_false(sign: str) -> None:
    assert not holds(f"lr {sign} 1", {})
    assert holds(f"not lr {sign} 1", {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "a name"),
        ("accuracy >", "a value"),
        ("accuracy > 0.9 and", "a name"),
        ("accuracy 0.9", "'and' or 'or'"),
        ("(accuracy > 0.9", "')'"),
        ("accuracy > 0.9)", "'and' or 'or'"),
        ("accuracy > 'x", "a quote is not closed"),
        ("lr in 0.1", "'('"),
        ("lr not 0.1", "'in'"),
        ("params[x] = 1", "a name in quotes"),
        ("> 1", "a name"),
        ("a = !", "invalid character"),
        ("(" * 200, "levels deep"),
        ("not " * 5000 + "a", "levels deep"),
    ],
)
def test_invalid_condition_is_refused_with_its_place(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_condition(text)
    assert says in caught.value.what
    assert len(caught.value.what) < 300


def test_list_of_names_is_split_at_commas_outside_of_quotes() -> None:
    assert parse_names('id,-accuracy, params["a,b"]') == ("id", "-accuracy", "params.a,b")
    with pytest.raises(UsageError):
        parse_names("a b")


def test_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(DatmoError) as caught:
        Names(ROW).find("acuracy")
    assert caught.value.what == "no experiment has a value 'acuracy'"
    assert caught.value.hint == "did you mean 'accuracy'?"


def test_name_of_metric_and_parameter_has_to_be_given_in_full() -> None:
    names = Names(["metrics.depth", "params.depth"])
    with pytest.raises(DatmoError) as caught:
        names.find("depth")
    assert "'metrics.depth' or 'params.depth'" in caught.value.hint
    assert names.find("params.depth") == "params.depth"


def test_values_sort_as_numbers_then_texts_then_missing() -> None:
    values: list[Value | None] = [None, "b", 10, 2.5, "NaN", "a", "-Infinity", True]
    rising = sorted(values, key=lambda value: sort_key(value, falling=False))
    assert rising == ["-Infinity", 2.5, 10, True, "a", "b", "NaN", None]
    falling = sorted(values, key=lambda value: sort_key(value, falling=True))
    assert falling == [10, 2.5, "-Infinity", "b", "a", True, "NaN", None]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("tags = 'team blue'", True),
        ("tags = team", False),
        ("tags != team", True),
        ("tags != sea", False),
        ("tags in (a, sea)", True),
        ("tags ~ blue", True),
        ("tags !~ blue", False),
        ("tags", True),
    ],
)
def test_condition_on_tags_tests_each_tag(text: str, holds: bool) -> None:
    row: Row = {"tags": join_tags(["team blue", "sea"])}
    assert matches(parse_condition(text), row) is holds
    assert not matches(parse_condition("tags = sea"), {})


def test_metrics_leave_out_further_values_of_curves() -> None:
    names = Names(["metrics.loss", "metrics.loss.min", "metrics.top.best", "params.lr"])
    assert names.metrics() == ["metrics.loss", "metrics.top.best"]


def test_values_of_a_snapshot_have_its_curves_and_tags() -> None:
    one = Oid.parse("1" * 40)
    run = Run(("python", "train.py"), exit_code=None, status="killed", seconds=2.0)
    snapshot = Snapshot(
        *(one, one, "", "2024-05-01T12:00:00Z", Person("Ada", "ada@example.com"), "m", "w", ()),
        *({"lr": 0.1}, {"loss": 0.5}, None, True, None, run),
        curves={"loss": Curve("0", 3, 0.25, 2.0, "min")},
        tags=("a", "b c", "d\x1fe"),
    )
    values = make_values(snapshot)
    assert values["metrics.loss"] == 0.5
    found = [values[f"metrics.loss.{name}"] for name in ("min", "max", "best", "goal")]
    assert found == [0.25, 2.0, 0.25, "min"]
    assert (values["status"], values["params.lr"]) == ("killed", 0.1)
    assert split_tags(str(values["tags"])) == ("a", "b c", "d\ufffde")
    assert "exit_code" not in values


def test_groups_keep_apart_values_of_different_types() -> None:
    rows: list[Row] = [{"params.a": value} for value in (1, True, "1", 1, 1.0)]
    groups = group_rows([*rows, {}], ["params.a"])
    assert [(group.values, len(group.rows)) for group in groups] == [
        ((1,), 3),
        (("1",), 1),
        ((True,), 1),
        ((None,), 1),
    ]


def test_summary_has_mean_and_deviation_of_a_sample() -> None:
    found = summarise([1.0, 2.0, 3.0, 4.0])
    assert found is not None
    assert (found.count, found.mean, found.low, found.high) == (4, 2.5, 1.0, 4.0)
    assert found.deviation == pytest.approx(1.2909944487358056)
    assert summarise([]) is None
    single = summarise([7.0])
    assert single is not None
    assert single.deviation is None


def test_summary_of_equal_numbers_has_no_deviation() -> None:
    assert summarise([0.1] * 6) == Summary(6, 0.1, 0.0, 0.1, 0.1)


def test_summary_of_numbers_that_are_not_finite_says_so() -> None:
    nan, infinite = summarise([1.0, math.nan]), summarise([1.0, math.inf])
    assert nan is not None
    assert infinite is not None
    assert math.isnan(nan.mean)
    assert infinite.mean == math.inf
    large = summarise([1.7e308, 1.7e308])
    assert large is not None
    assert large.mean == pytest.approx(1.7e308)


def test_numbers_of_rows_leave_out_texts_and_booleans() -> None:
    rows: list[Row] = [{"a": 1}, {"a": "x"}, {"a": True}, {"a": 10**400}, {}]
    assert numbers_of(rows, "a") == [1.0, math.inf]


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        ("accuracy", "max"),
        ("val/loss", "min"),
        ("valLoss", "min"),
        ("test_rmse", "min"),
        ("f1", "max"),
    ],
)
def test_goal_follows_from_the_words_of_a_name(name: str, goal: str) -> None:
    assert choose_goal(name, ()) == goal


def test_recorded_goal_wins_over_the_name() -> None:
    rows: list[Row] = [{"metrics.loss.goal": "max"}, {}]
    for name in ("metrics.loss", "metrics.loss.best"):
        assert choose_goal("loss", recorded_goals(rows, name)) == "max"
    assert recorded_goals(rows, "metrics.other") == set()


@pytest.mark.parametrize(
    ("recorded", "said"),
    [((), "no experiment says whether"), (("min", "max"), "experiments disagree whether")],
)
def test_goal_that_nothing_tells_is_asked_for(recorded: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        choose_goal("glossary", recorded)
    assert refused.value.hint == "give --best 'max:glossary' or --best 'min:glossary'"


def test_best_row_leaves_out_what_is_no_number() -> None:
    rows: list[Row] = [{"m": "NaN"}, {"m": 1}, {}, {"m": 3}, {"m": 3.0, "second": True}, {"m": "x"}]
    assert best_row(rows, "m", "max") is rows[3]
    assert best_row(rows, "m", "min") is rows[1]
    assert best_row([{}], "m", "max") is None
    assert split_goal("min:accuracy") == ("accuracy", "min")
    assert split_goal("a:b") == ("a:b", "")


def test_number_of_any_length_is_a_limit_or_a_name() -> None:
    assert split_limit(["-5", "main"], None) == (5, ["main"])
    for digits in (25, 5000):
        limit, names = split_limit([f"-{'9' * digits}"], None)
        assert limit is not None
        assert [*islice("ab", limit)] == ["a", "b"]
        assert names == []
    assert split_limit(["-\u00b2"], 10**30) == (sys.maxsize, ["-\u00b2"])


def test_length_of_a_placeholder_of_any_size_is_accepted_or_refused() -> None:
    names = Names(["metrics.loss"])
    assert make_format("%(loss:2)|%(loss:99999999)", names)({"metrics.loss": 0.125}) == "0.|0.125"
    with pytest.raises(DatmoError, match="no experiment has a value 'loss:9"):
        make_format(f"%(loss:{'9' * 5000})", names)


@pytest.mark.parametrize(
    ("mean", "deviation", "shown"),
    [
        (0.770333, 0.00351188, "0.7703 ± 0.0035"),
        (2, 1.41421, "2.0 ± 1.4"),
        (12.3, 9.96, "12.3 ± 10.0"),
        (5, 0, "5 ± 0"),
        (0.9, 1e-12, "0.9 ± 1e-12"),
        (1234567.1, 1234.5, "1.23457e+06 ± 1.2e+03"),
        (math.nan, math.nan, "NaN ± NaN"),
        (math.inf, 1, "Infinity ± 1"),
        (0.1, None, "0.1"),
    ],
)
def test_deviation_has_two_digits_and_mean_as_many_decimals(
    mean: float, deviation: float | None, shown: str
) -> None:
    spread = None if deviation is None else float(deviation)
    assert show_summary(Summary(2, float(mean), spread, 0.0, 0.0)) == shown
