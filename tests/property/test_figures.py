"""Test that figures are recorded as a user or a program writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_datmo.errors import DatmoError, UsageError
from git_datmo.model import SHA1
from git_datmo.readers.scalar_values import parse_value
from git_datmo.records.codec import decode, encode
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.runs.figure_values import FIGURES_LIMIT, parse_figures, read_metrics


@given(st.integers() | st.floats(allow_nan=False) | st.booleans())
def test_number_that_is_written_out_is_read_as_itself(value: float) -> None:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    read = parse_value(text)
    assert read == value
    assert type(read) is type(value)


@given(st.text())
def test_parameter_value_keeps_its_text(text: str) -> None:
    value = parse_value(text)
    assert isinstance(value, bool | int | float | str)
    if isinstance(value, str):
        assert value == text


@pytest.mark.parametrize(
    "text",
    ["", " ", "1_000", " 1", "1 ", "True", "FALSE", "0x10", "1e", "1,5", "--", "1\n", "None"],
)
def test_value_that_is_no_number_is_text(text: str) -> None:
    assert parse_value(text) == text


def test_infinite_value_is_a_number() -> None:
    assert parse_value("inf") == math.inf
    assert parse_value("-Infinity") == -math.inf
    nan = parse_value("nan")
    assert isinstance(nan, float)
    assert math.isnan(nan)


@given(st.dictionaries(st.text(min_size=1).filter(lambda name: "=" not in name), st.text()))
def test_word_is_split_at_its_first_equals_sign(figures: dict[str, str]) -> None:
    read = parse_figures(f"{name}={text}" for name, text in figures.items())
    assert list(read) == list(figures)
    assert repr(read) == repr({name: parse_value(text) for name, text in figures.items()})


@pytest.mark.parametrize("word", ["", "=", "=1", "lr", "lr:1"])
def test_word_without_a_name_or_equals_sign_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match="NAME=VALUE"):
        parse_figures([word])


plain = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 60), 1 << 60)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
)
keys = st.text(
    st.characters(exclude_characters=".", exclude_categories=["Cs"]), min_size=1, max_size=5
)
documents = st.dictionaries(
    keys,
    st.recursive(
        plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
)


def leaves(item: Any, *path: str) -> dict[str, Any]:
    """Return the values of a document by their dotted paths, computed in another way."""
    if isinstance(item, dict):
        inner = ((str(key), value) for key, value in item.items())
    elif isinstance(item, list):
        inner = ((str(place), value) for place, value in enumerate(item))
    else:
        return {} if item is None else {".".join(path): item}
    return {
        name: value for key, below in inner for name, value in leaves(below, *path, key).items()
    }


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(documents)
def test_figures_of_file_are_named_by_their_paths(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps(document))
    assert read_metrics(path) == leaves(document)


def record_of(figures: dict[str, Value]) -> Snapshot:
    zero = SHA1.hash("blob", b"")
    person, time = Person("A", "a@b"), "2024-05-01T12:00:00.000000Z"
    return Snapshot(zero, zero, "", time, person, "", "", (), {}, figures, None, True, None, None)


@contextmanager
def suppress_line(name: str) -> Iterator[None]:
    """Accept a refusal that is one line and contains `name`."""
    refused = ""
    try:
        yield
    except DatmoError as error:
        refused = error.what
    assert not refused or (name in refused and len(refused.splitlines()) == 1)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a": NaN, "b": -Infinity}', id="not finite"),
        pytest.param('{"a": 1e999}', id="a float out of range"),
        pytest.param('{"a": 1' + "0" * 400 + "}", id="a whole number out of range"),
        pytest.param('{"\\ud800": 1, "b": "\\udcff"}', id="half letters"),
        pytest.param('{"a": "\\u0000"}', id="a NUL"),
        pytest.param('{"a": 1, "a": 2}', id="a key twice"),
        pytest.param('\ufeff{"a": 1}', id="a byte order mark"),
        pytest.param('{"a": ' * 900 + "1" + "}" * 900, id="nine hundred levels"),
        pytest.param("[" * 100_000, id="brackets alone"),
        pytest.param("{}" * 2, id="two documents"),
        pytest.param("[1]", id="a list"),
        pytest.param("", id="nothing"),
        pytest.param('{"a": ' + "9" * 10_000 + "}", id="ten thousand digits"),
        pytest.param(json.dumps({"a": list(range(FIGURES_LIMIT + 1))}), id="too many"),
    ],
)
def test_metrics_file_is_recorded_or_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """Check that a file written by a finished run does not prevent its record."""
    path = tmp_path / "metrics.json"
    path.write_text(text, "utf-8")
    figures: dict[str, Value] = {}
    with suppress_line("metrics.json"):
        figures = read_metrics(path)
    assert decode(encode(record_of(figures))).commit == SHA1.hash("blob", b"")


@pytest.mark.parametrize(
    "text",
    ["1" + "0" * 400, "-" + "9" * 5000, "1e999", "nan", "\u0661", "\x00"],
    ids=lambda t: t[:6],
)
def test_parameter_of_any_text_is_recorded(text: str) -> None:
    """Read the parameter back, however large its number is."""
    decode(encode(record_of(parse_figures([f"a={text}"]))))


def test_file_of_any_depth_is_read_or_refused(tmp_path: Path) -> None:
    """Try depths near Python's own limit, which reading and naming reach at different levels."""
    path = tmp_path / "metrics.json"
    for depth in range(800, 1010):
        path.write_text('{"a": ' + "[" * depth + "1" + "]" * depth + "}")
        with suppress_line("metrics.json"):
            assert len(read_metrics(path)) == 1


def test_bytes_that_are_no_text_are_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "metrics.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(DatmoError, match=r"metrics\.json"):
        read_metrics(path)
