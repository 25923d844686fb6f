"""Read the journals of training scripts, and pass over lines that are no calls."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.query.goals import known_goal
from git_datmo.records.record_values import Value
from git_datmo.runs.logged_calls import NAMES_LIMIT, TEXT_LIMIT, LoggedCalls, read_calls
from git_datmo.tracking.artifacts import file_name


def read(folder: Path, *journals: bytes) -> LoggedCalls:
    """Return the values in the journals of several processes."""
    (folder / "calls").mkdir(parents=True, exist_ok=True)
    for number, journal in enumerate(journals):
        (folder / "calls" / f"{number}.0").write_bytes(journal)
    return read_calls(folder)


def test_values_are_read_in_the_order_of_the_calls(tmp_path: Path) -> None:
    found = read(
        tmp_path, b'm 0.5 10 7 "loss"\nm nan 3 6 "loss"\nm inf 4.5 9 "a b\\n\\u001b[31m"\n'
    )
    loss = found.curves["loss"]
    assert (list(loss.steps), list(loss.times)) == ([10.0, 3.0], [7, 6])
    assert (loss.values[0], math.isnan(loss.values[1])) == (0.5, True)
    assert found.metrics["a b\n\x1b[31m"] == math.inf
    assert list(found.curves["a b\n\x1b[31m"].steps) == [4.5]


def test_values_of_several_processes_are_in_the_order_of_their_times(tmp_path: Path) -> None:
    found = read(tmp_path, b'm 1 0 10 "x"\nm 3 1 30 "x"\n', b'm 2 0 20 "x"\n')
    assert list(found.curves["x"].values) == [1, 2, 3]


def test_metrics_of_other_ranks_are_named_by_their_rank(tmp_path: Path) -> None:
    first = b'r {"pid": 1, "rank": 0}\nm 1 0 10 "x"\n'
    other = b'r {"pid": 2, "rank": 3}\nm 2 0 11 "x"\ng {"x": "max"}\n'
    found = read(tmp_path, first, other)
    assert found.metrics == {"x": 1, "rank3/x": 2}
    assert found.goals == {"rank3/x": "max"}


def test_parameters_tags_goals_and_attempt_are_read(tmp_path: Path) -> None:
    lines = [
        b'p {"lr": 0.1, "deep": true, "list": [1], "none": null, "name": "sgd"}',
        b'p {"lr": 0.2}',
        b't "first"',
        b't "first"',
        b'a "abc"',
        b'g {"dice": "min", "y": "sideways"}',
        b'm 1 0 1 "dice"',
        b'm 1 0 1 "val/top5_accuracy"',
        b'm 1 0 1 "y"',
    ]
    found = read(tmp_path, b"\n".join(lines) + b"\n")
    assert found.parameters == {"lr": 0.2, "deep": True, "name": "sgd"}
    assert (found.tags, found.attempt) == (["first"], "abc")
    assert found.goals == {"dice": "min", "val/top5_accuracy": "max"}


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b'm 1 2 3 "x"', b"p {}", b"r 1"])))
def test_damaged_lines_are_passed_over(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    journal = b"\n".join([*lines, b'm 7 2 3 "last"', b""])
    assert read(tmp_path_factory.mktemp("run"), journal).metrics["last"] == 7


def test_cut_last_line_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, b'm 1 0 1 "x"\nm 2 1 2 "x').metrics == {"x": 1}


@pytest.mark.parametrize("line", ['m 1 2 99999999999999999999 "x"', 'm 1e999 x 3 "x"'])
def test_value_with_one_bad_part_is_left_out_whole(tmp_path: Path, line: str) -> None:
    assert not sum(map(len, read(tmp_path, line.encode() + b"\n").curves.values()))


def test_names_beyond_the_limit_are_left_out_with_a_warning(tmp_path: Path) -> None:
    journal = "".join(f'm 1 0 1 "x{n}"\n' for n in range(NAMES_LIMIT + 5))
    found = read(tmp_path, journal.encode())
    assert len(found.curves) == NAMES_LIMIT
    assert found.remarks == ["the run logged too many metrics: not all are recorded"]


def test_parameters_larger_than_a_record_are_left_out_with_a_warning(tmp_path: Path) -> None:
    values: dict[str, Value] = {"small": "x" * 100_000, "large": "y" * TEXT_LIMIT, "huge": 10**400}
    found = read(tmp_path, f"p {json.dumps(values)}\n".encode())
    assert found.parameters == {"small": "x" * 100_000, "huge": str(10**400)}
    assert found.remarks == ["the run logged too many parameters: not all are recorded"]


@pytest.mark.parametrize(
    ("name", "goal"),
    [
        *(("loss", "min"), ("val_loss", "min"), ("accuracy", "max"), ("eval/F1", "max")),
        *(("mAP50", "max"), ("top5.acc", "max"), ("lr", ""), ("", ""), ("epoch", "")),
        *(("r2", "max"), ("rmse2", "min"), ("classless", "")),
    ],
)
def test_name_of_a_metric_tells_which_values_are_better(name: str, goal: str) -> None:
    assert known_goal(name) == goal


@given(st.text(max_size=300), st.sampled_from(["", ".png"]))
def test_metric_of_any_name_gets_a_file_name(name: str, suffix: str) -> None:
    made = file_name(name, suffix)
    assert made not in ("", ".", "..")
    assert not made.startswith(".")
    assert made.endswith(suffix)
    assert "/" not in made
    assert len(made.encode()) < 250
    assert file_name("curve of val (1)") == "curve of val (1)"
