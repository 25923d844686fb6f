"""Test the size of each change of a contract, for providers and for consumers."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from git_datmo.contracts.contract_changes import (
    Direction,
    Size,
    change,
    contract_changes,
    largest,
    needed_version,
    version_problem,
)
from git_datmo.contracts.contract_types import (
    Contract,
    Field,
    FileRule,
    Port,
    QualityRule,
    Table,
    Tensor,
)
from git_datmo.contracts.odcs_file import read_contract
from tests.support.contract_texts import FACES

BASE = Field("x", id="x", logical_type="integer", physical_type="int32")
TEXT = Field("x", logical_type="string")
NULLS = QualityRule("nullValues", "percent", upper=Decimal(5))


def physical(name: str) -> Field:
    """Return a field with a physical type alone."""
    return Field("x", physical_type=name)


def shaped(*shape: int, datatype: str = "FP32") -> Field:
    """Return a field with a tensor."""
    return Field("x", tensor=Tensor(datatype, shape))


# By its name: the old field, the new one, and the size for the provider and for the consumer.
# A missing field is None.
ROWS: dict[str, tuple[Field | None, Field | None, str | None, str | None]] = {
    "mandatory-added": (None, BASE, "minor", "major"),
    "mandatory-removed": (BASE, None, "major", "minor"),
    "optional-added": (None, replace(BASE, is_optional=True), "minor", "minor"),
    "optional-removed": (replace(BASE, is_optional=True), None, "minor", "minor"),
    "optional-now": (BASE, replace(BASE, is_optional=True), "major", "minor"),
    "mandatory-now": (replace(BASE, is_optional=True), BASE, "minor", "major"),
    "not-null-tightened": (BASE, replace(BASE, is_required=True), "minor", "major"),
    "not-null-loosened": (replace(BASE, is_required=True), BASE, "major", "minor"),
    "key-tightened": (BASE, replace(BASE, is_key=True), "minor", "major"),
    "key-loosened": (replace(BASE, is_key=True), BASE, "major", "minor"),
    "unique-tightened": (BASE, replace(BASE, is_unique=True), "minor", "major"),
    "range-tightened": (BASE, replace(BASE, minimum=0), "minor", "major"),
    "range-loosened": (replace(BASE, maximum=9), replace(BASE, maximum=10), "major", "minor"),
    "range-moved": (
        replace(BASE, minimum=0, maximum=9),
        replace(BASE, minimum=1, maximum=10),
        "major",
        "major",
    ),
    "length-tightened": (
        replace(TEXT, max_length=9),
        replace(TEXT, max_length=8),
        "minor",
        "major",
    ),
    "length-loosened": (replace(TEXT, min_length=2), TEXT, "major", "minor"),
    "quality-tightened": (
        replace(BASE, quality=(NULLS,)),
        replace(BASE, quality=(replace(NULLS, upper=Decimal(1)),)),
        "minor",
        "major",
    ),
    "quality-loosened": (replace(BASE, quality=(NULLS,)), BASE, "major", "minor"),
    "enum-added": (replace(TEXT, enum=("a",)), replace(TEXT, enum=("a", "b")), "major", "minor"),
    "enum-removed": (replace(TEXT, enum=("a", "b")), replace(TEXT, enum=("a",)), "minor", "major"),
    "int32-to-int64": (physical("int32"), physical("int64"), "major", "minor"),
    "int64-to-int32": (physical("int64"), physical("int32"), "minor", "major"),
    "int32-to-float64": (physical("int32"), physical("float64"), "major", "minor"),
    "float64-to-int32": (physical("double"), physical("int32"), "minor", "major"),
    "float32-to-float64": (physical("float32"), physical("float64"), "major", "minor"),
    "float64-to-float32": (physical("float64"), physical("float32"), "minor", "major"),
    "dimension-to-any": (shaped(-1, 224), shaped(-1, -1), "major", "minor"),
    "dimension-to-fixed": (shaped(-1, -1), shaped(-1, 224), "minor", "major"),
    "dimension-to-other": (shaped(224), shaped(256), "major", "major"),
    "rank": (shaped(1, 224), shaped(224), "major", "major"),
    "datatype": (shaped(1), shaped(1, datatype="FP64"), "major", "major"),
    "int64-to-float64": (physical("int64"), physical("float64"), "major", "major"),
    "float64-to-int64": (physical("float64"), physical("int64"), "major", "major"),
    "bool-to-int": (physical("bool"), physical("int32"), "major", "major"),
    "int-to-bool": (physical("int32"), physical("bool"), "major", "major"),
    "date-to-timestamp": (physical("date"), physical("timestamp[us]"), "major", "major"),
    "timestamp-to-date": (physical("timestamp"), physical("date"), "major", "major"),
    "unit": (replace(BASE, unit="cm"), replace(BASE, unit="mm"), "major", "major"),
    "unit-added": (BASE, replace(BASE, unit="mm"), "major", "major"),
    "rename": (BASE, replace(BASE, name="y"), "major", "major"),
    "pattern": (replace(TEXT, pattern="a"), replace(TEXT, pattern="b"), "major", "major"),
    "description": (BASE, replace(BASE, description="years"), "patch", "patch"),
    "examples": (BASE, replace(BASE, examples=(1,)), "patch", "patch"),
    "physical-name-alone": (physical("int32"), physical("i32"), "patch", "patch"),
    "nothing": (BASE, BASE, None, None),
}


@pytest.mark.parametrize("name", ROWS)
def test_size_of_each_change_depends_on_the_direction(name: str) -> None:
    old, new, provider, consumer = ROWS[name]
    before = Table("t", fields=() if old is None else (old,))
    after = Table("t", fields=() if new is None else (new,))
    assert largest(change(before, after, "provides")) == provider
    assert largest(change(before, after, "requires")) == consumer


@pytest.mark.parametrize("direction", ["provides", "requires"])
def test_changed_order_of_tensors_is_major_in_both_directions(direction: Direction) -> None:
    one, two = shaped(1), replace(shaped(1), name="y")
    old, new = Table("t", fields=(one, two)), Table("t", fields=(two, one))
    (found,) = change(old, new, direction)
    assert (found.kind, found.size) == ("order", "major")


def test_changed_order_of_columns_is_no_change() -> None:
    x, y = Field("x"), Field("y")
    assert change(Table("t", fields=(x, y)), Table("t", fields=(y, x)), "provides") == ()


@pytest.mark.parametrize("port", ["provides", "output", "requires", "input", "label"])
def test_direction_of_each_port_sizes_its_changes(port: Port) -> None:
    old = Contract("c", tables=(Table("t", port=port, fields=(BASE,)),))
    new = Contract("c", tables=(Table("t", port=port),))
    (found,) = contract_changes(old, new)
    expected = "major" if port in ("provides", "output") else "minor"
    assert (found.size, found.path, found.reason) == (expected, "t.x", "field removed")


def test_changes_of_nested_fields_are_named_by_their_paths() -> None:
    old = Field("box", fields=(Field("left", items=physical("int32")),))
    new = Field("box", fields=(Field("left", items=physical("int64")),))
    found = change(Table("t", fields=(old,)), Table("t", fields=(new,)), "provides")
    assert [(one.path, one.reason) for one in found] == [("t.box.left[]", "int32 became int64")]


def test_changed_entry_and_files_of_model_are_major() -> None:
    old = Contract("c", entry="a.py:f", tables=(Table("t", files=FileRule(channels=(3,))),))
    new = Contract("c", entry="b.py:f", tables=(Table("t", files=FileRule(channels=(1,))),))
    assert [one.size for one in contract_changes(old, new)] == ["major", "major"]


def test_version_must_rise_as_far_as_the_change() -> None:
    old = read_contract(FACES.encode(), "contracts/faces.odcs.yaml")
    age = replace(old.tables[0].fields[1], is_required=False)
    fields = (old.tables[0].fields[0], age, old.tables[0].fields[2])
    new = replace(old, tables=(replace(old.tables[0], fields=fields),))
    changes = contract_changes(old, new)
    assert [(one.path, one.size) for one in changes] == [("faces.age", "major")]
    problem = "version 1.2.0 is too low for a major change of 1.2.0: 2.0.0 or higher is needed"
    assert version_problem(old, new, changes) == problem
    assert version_problem(old, replace(new, version="2.0.0"), changes) == ""
    assert version_problem(old, old, ()) == ""


@pytest.mark.parametrize(
    ("old", "size", "needed"),
    [
        ("1.2.3", "patch", "1.2.4"),
        ("1.2.3", "minor", "1.3.0"),
        ("v1", "major", "2.0.0"),
        ("0.2.3", "major", "0.3.0"),
        ("draft", "major", ""),
    ],
)
def test_needed_version_follows_semantic_versioning(old: str, size: Size, needed: str) -> None:
    assert needed_version(old, size) == needed
