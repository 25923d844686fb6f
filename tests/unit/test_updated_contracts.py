"""Test that contracts of tables are edited so that new data pass, and that all else stays."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from git_datmo.contract_checks.check_paths import bound_paths, check_paths
from git_datmo.contract_checks.new_data import read_new_data
from git_datmo.contract_checks.update_contract import Updated, update_contract
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.errors import DatmoError

HEAD = """\
apiVersion: v3.1.0
kind: DataContract
id: b
version: 1.0.0
status: draft
servers:
  - {server: local, type: local, path: "data/*.csv", format: csv}
schema:
"""
FILE = "contracts/b.odcs.yaml"
BIRDS = """\
  - name: birds   # as measured
    properties:
      - name: mood
        logicalType: string
        quality:
          - metric: invalidValues
            arguments:
              validValues: [happy, sad]
            mustBe: 0
          - {metric: nullValues, mustBeLessThan: 5}
      - name: code
        logicalType: string
        logicalTypeOptions:
          pattern: "^[A-Z]+$"   # by hand
"""


def update(root: Path, text: str, **files: str) -> Updated:
    """Write tables, and return the contract that is updated by them; all of them pass it."""
    (root / "data").mkdir(exist_ok=True)
    for name, rows in files.items():
        (root / "data" / f"{name}.csv").write_text(rows, "utf-8")
    contract = read_contract(text.encode(), FILE)
    checks = check_paths(root, bound_paths(root, [contract]), root)
    data = tuple(read_new_data(root, contract, checks))
    done = update_contract(text.encode(), contract, data, contract, ranges=False)
    again = read_contract(done.content, FILE)
    for check in check_paths(root, bound_paths(root, [again]), root):
        assert done.left or check.verdict == "holds", check.findings
    return done


def changed_lines(text: str, done: Updated) -> list[str]:
    """Return the lines that an update removed and added."""
    lines = difflib.unified_diff(text.splitlines(), done.content.decode().splitlines(), n=0)
    return [line for line in lines if line[0] in "+-" and line[:3] not in ("+++", "---")]


def test_new_values_are_added_and_a_broken_pattern_is_removed(tmp_path: Path) -> None:
    text = HEAD + BIRDS
    done = update(tmp_path, text, birds="mood,code\nhappy,AB\ncalm,ab\nangry,\n")
    assert done.changes == (
        *("mood: angry is a new value", "mood: calm is a new value"),
        *('code: pattern "^[A-Z]+$" is removed', "version is now 2.0.0"),
    )
    assert changed_lines(text, done) == [
        *("-version: 1.0.0", "+version: 2.0.0", "-              validValues: [happy, sad]"),
        "+              validValues: [happy, sad, angry, calm]",
        *("-        logicalTypeOptions:", '-          pattern: "^[A-Z]+$"   # by hand'),
    ]


def test_each_table_of_a_contract_is_edited_by_its_own_files(tmp_path: Path) -> None:
    eggs = "  - name: eggs\n    properties:\n      - {name: size, logicalType: integer}\n"
    nests = "  - name: nests\n    properties:\n      - {name: size, logicalType: integer}\n"
    text = HEAD + BIRDS + eggs + nests
    files = {"birds": "mood,code\ncalm,A\n", "eggs": "size,nest\n1.5,3\n", "nests": "size\n2\n"}
    done = update(tmp_path, text, **files)
    assert done.changes == (
        *("birds.mood: calm is a new value", "eggs.nest: added"),
        *("eggs.size: logicalType is now number", "version is now 2.0.0"),
    )
    assert nests in done.content.decode()


@pytest.mark.parametrize(
    ("rules", "rows", "changed"),
    [
        ("enum: [1, 2]", "3\n1\n", "enum: [1, 2, 3]"),
        ("enum: [{value: 1}]", "3\n", "enum: [{value: 1}, {value: 3}]"),
        (
            "logicalTypeOptions: {minimum: 0}, enum: [1]",
            "\n".join(map(str, range(60))),
            "logicalTypeOptions: {minimum: 0}",
        ),
        ("enum: [1]", "5\n-2\n5\n", "enum: [1, -2, 5]"),
        # The type is loosened, so values of the new type are compared.
        (
            "enum: [1], logicalTypeOptions: {maximum: 2}",
            "2.5\n1\n",
            "enum: [1, 2.5], logicalTypeOptions: {maximum: 2.5}",
        ),
    ],
)
def test_enumeration_of_numbers_grows_in_its_own_form(
    tmp_path: Path, rules: str, rows: str, changed: str
) -> None:
    field = "  - name: t\n    properties:\n      - {name: n, logicalType: integer, %s}\n"
    text = HEAD.replace("v3.1.0", "v3.2.0") + field % rules
    done = update(tmp_path, text, one=f"n\n{rows}\n", two=f"n\n{rows}\n")
    kind = "number" if "2.5" in changed else "integer"
    assert f"logicalType: {kind}, {changed}}}\n" in done.content.decode()


def test_number_in_text_is_a_new_value_of_an_enumeration_of_text(tmp_path: Path) -> None:
    done = update(tmp_path, HEAD + BIRDS, birds="mood,code\n3,A\n")
    assert 'validValues: [happy, sad, "3"]\n' in done.content.decode()


def test_values_of_a_classified_field_are_not_listed(tmp_path: Path) -> None:
    text = HEAD + BIRDS.replace("- name: mood", "- name: mood\n        classification: secret")
    done = update(tmp_path, text, birds="mood,code\ncalm,A\n")
    assert (done.changes, [finding.rule for finding in done.left]) == ((), ["enum"])


def test_contract_of_no_table_is_refused(tmp_path: Path) -> None:
    text = f"{HEAD}  - name: other\n    properties: [{{name: a}}]\n  - name: more\n"
    with pytest.raises(DatmoError, match="no object of it is a table of these data"):
        update(tmp_path, text, birds="a\n1\n")
