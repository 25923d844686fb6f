"""Test that `add-data` warns of tables whose headers do not fit their contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from git_datmo.contract_checks.check_headers import check_headers
from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from tests.support.commands import datmo
from tests.support.contract_data import infer
from tests.support.pair import Pair


def write(path: Path, ages: list[Any], scores: list[Any]) -> None:
    """Write two columns, and a nested one, in groups of two rows."""
    nested = [{"age": -1} for _ in ages]
    table = pa.table({"age": pa.array(ages, pa.int32()), "score": scores, "more": nested})
    parquet.write_table(table, path, row_group_size=2)


def found(folder: Path, contract: Contract) -> list[tuple[str, str, str]]:
    """Return level, field and message of each finding in the headers below a folder."""
    checks = check_headers(folder, [contract], [""])
    return [(f.level, f.field, f.message) for check in checks for f in check.findings]


def test_statistics_of_parquet_are_compared_with_nulls_and_ranges(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write(path, [1, 2, 3], [0.5, 1.5, 2.5])
    # The file of a contract has its bounds as decimals.
    contract = read_contract(new_contract(infer(path, ranges=True)).encode(), "contract")
    assert found(tmp_path, contract) == []
    write(path, [None, 2, None], [0.25, 1.5, 99.0])
    assert found(tmp_path, contract) == [
        ("refuse", "age", "2 rows are null, and the field is required"),
        ("refuse", "score", "least value 0.25 is below the minimum 0.5"),
        ("refuse", "score", "largest value 99.0 is above the maximum 2.5"),
    ]


def test_parquet_without_statistics_is_judged_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write(path, [1, 2, 3], [0.5, 1.5, 2.5])
    contract = infer(path, ranges=True)
    table = pa.table({"age": pa.array([None, 99], pa.int32()), "score": ["a", "b"]})
    parquet.write_table(table, path, write_statistics=False)
    assert [(field, message) for _, field, message in found(tmp_path, contract)] == [
        ("score", "column is a string (string), not a number"),
        ("more", "column is missing"),
    ]


def test_damaged_parquet_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    write(path, [1], [0.5])
    contract = infer(path)
    path.write_bytes(b"PAR1")
    ((level, _, message),) = found(tmp_path, contract)
    assert level == "refuse"
    assert message.startswith("'table.parquet' is not readable Parquet")


def test_many_findings_name_the_command_that_shows_all(pair: Pair) -> None:
    alex = pair.alex
    names = [f"age{number}" for number in range(11)]
    alex.write("data/faces.csv", f"{','.join(names)}\n{'1,' * 10}1\n")
    datmo(alex, "contract", "infer", "data/faces.csv")
    assert "warning" not in datmo(alex, "add-data", "data").stderr
    alex.write("data/faces.csv", f"{','.join(names).upper()}\n{'1,' * 10}1\n")
    told = datmo(alex, "add-data", "data").stderr
    assert "warning: 'data/faces.csv' does not fit contracts/faces.odcs.yaml: age0: " in told
    assert "warning: 12 more: 'git datmo contract check' shows all\n" in told
    shown = datmo(alex, "contract", "check", code=1).stdout
    assert all(f" {name}: " in shown and f" {name.upper()}: " in shown for name in names)
