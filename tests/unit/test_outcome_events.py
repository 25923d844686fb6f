"""Test outcomes: which are accepted, and which of their values are stored."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from git_datmo.contracts.contract_types import Field
from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import is_public
from git_datmo.serving.named_tensors import RefusedRequest
from git_datmo.serving.outcome_events import outcomes_of_csv, outcomes_of_request
from tests.support.feedback_events import prediction_id

ONE, TWO = (prediction_id("ab" * 20, number) for number in (1, 2))


def read(tmp_path: Path, content: str | bytes) -> list[tuple[str, int, list[str]]]:
    """Return prediction, row and names of the outcomes of a CSV file."""
    path = tmp_path / "labels.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    events = outcomes_of_csv(path, None, 0.0)
    found = [event["data"] for event in events]
    return [(each["prediction"], each["row"], each["left_out"]) for each in found]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_csv_of_spreadsheets_is_read(tmp_path: Path, encoding: str) -> None:
    text = f"prediction,y\r\n{ONE},caf\u00e9\r\n"
    assert read(tmp_path, text.encode(encoding)) == [(ONE, 0, ["y"])]


def test_empty_cells_are_no_values(tmp_path: Path) -> None:
    text = f"y,prediction,z\n,{ONE},5\n,{TWO},\n"
    assert read(tmp_path, text) == [(ONE, 0, ["z"])]


def test_last_outcome_of_a_row_counts(tmp_path: Path) -> None:
    assert len(read(tmp_path, f"prediction,y\n{ONE},1\n{TWO},1\n{ONE},2\n")) == 2
    given = [{"prediction": ONE, "row": 3, "outcome": {name: 1}} for name in ("first", "last")]
    (event,) = outcomes_of_request({"outcomes": given}, None, 0.0)
    assert event["data"]["left_out"] == ["last"]


# Before Python 3.11, the module `csv` refused the character itself.
NUL = "not the id" if sys.version_info >= (3, 11) else "line contains NUL"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"prediction,y\n" + ONE.encode() + b",caf\xe9\n", "not text in UTF-8"),
        (b"\xff\xfea", "not text in UTF-8"),
        (f"prediction;y\n{ONE};1\n", "not separated by commas"),
        (f"prediction,y,y\n{ONE},1,2\n", "'y' twice"),
        (f"y,prediction\n1\n{ONE},1\n", "as many cells"),
        (f"prediction,y\n{ONE},1,2\n", "as many cells"),
        (f"prediction,row,y\n{ONE},-1,2\n", "is no row"),
        (f"prediction,row,y\n{ONE},{'9' * 5000},2\n", "is no row"),
        (f"prediction,row,y\n{ONE},\u0663,2\n", "is no row"),
        ("prediction,y\nx,1\n", "not the id of a prediction"),
        ("", "needs the column"),
        ("prediction,y\n\x00,1\n", NUL),
    ],
    ids=range(12),
)
def test_csv_of_another_form_is_refused(tmp_path: Path, content: str | bytes, problem: str) -> None:
    with pytest.raises(DatmoError) as error:
        read(tmp_path, content)
    assert problem in error.value.what


@pytest.mark.parametrize("row", [-1, True, 1.0, "1", None, 10**400])
def test_row_of_an_outcome_is_a_number_from_zero(row: Any) -> None:
    with pytest.raises(RefusedRequest):
        outcomes_of_request({"prediction": ONE, "row": row, "outcome": {}}, None, 0.0)


def test_field_with_a_private_part_is_not_public() -> None:
    def field(name: str, classification: str, *parts: Field) -> Field:
        return Field(name, classification=classification, fields=parts)

    assert is_public(field("a", "public", field("b", "")))
    assert is_public(field("a", "public", field("b", "", field("c", "public"))))
    assert not is_public(field("a", "public", field("b", "", field("c", "restricted"))))
    items = Field("list", classification="public", items=field("b", "confidential"))
    assert not is_public(items)
    assert not is_public(field("a", ""))
    assert not is_public(None)
