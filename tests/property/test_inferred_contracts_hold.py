"""Test that every table passes the contract that it infers."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_datmo.contracts.contract_types import verdict_of
from git_datmo.errors import DatmoError
from tests.support.contract_data import check, infer

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)
cells = (
    texts
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.dates().map(str)
    | st.datetimes().map(lambda moment: moment.isoformat())
    | st.sampled_from(["", "NA", "001", "true", "+1", "-0", "1e5", ".5", "2024-02-30", "0x1"])
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
shared = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)


@shared
@given(st.lists(st.tuples(cells, cells), max_size=12))
def test_rows_of_csv_pass_their_inferred_contract(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("a", "b"), *rows])
    path = tmp_path / "t.csv"
    path.write_text(text.getvalue(), "utf-8", newline="")
    assert_holds(path)


@shared
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), values), max_size=8))
def test_rows_of_json_lines_pass_their_inferred_contract(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
    assert_holds(path)


def assert_holds(path: Path) -> None:
    """Assert that a file passes its contract; a file that is refused has none."""
    try:
        contract = infer(path, ranges=True)
    except DatmoError as error:
        raise AssertionError(f"{error.what}: {path.read_bytes()!r}") from error
    findings = check(path, contract).findings
    assert verdict_of(findings) == "holds", findings
