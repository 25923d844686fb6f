"""Test that provided fields fit required ones, or are refused with the reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from git_datmo.contracts.compatibility import compatible, meeting_findings, meetings
from git_datmo.contracts.contract_changes import change
from git_datmo.contracts.contract_types import (
    Field,
    FileRule,
    QualityRule,
    Table,
    Tensor,
    verdict_of,
)
from git_datmo.contracts.odcs_file import read_contract
from tests.support.contract_texts import FACES, MODEL

INT = Field("x", logical_type="integer", physical_type="int32")
TEXT = Field("x", logical_type="string")
NULLS = QualityRule("nullValues", "percent", upper=Decimal(5))


def physical(name: str, **rules: int) -> Field:
    """Return a field with a physical type, and bounds if given."""
    return replace(Field("x", physical_type=name), **rules)


def tensor(*shape: int, datatype: str = "FP32") -> Field:
    """Return a field with a tensor."""
    return Field("x", tensor=Tensor(datatype, shape))


FITS: dict[str, tuple[Field, Field]] = {
    "same": (INT, INT),
    "not-null": (replace(INT, is_required=True), INT),
    "mandatory": (INT, replace(INT, is_optional=True)),
    "optional-with-default": (replace(INT, is_optional=True), replace(INT, has_default=True)),
    "int32-int64": (physical("int32"), physical("int64")),
    "int32-float64": (physical("int32"), physical("float64")),
    "float32-float64": (physical("float32"), physical("float64")),
    "uint8-int16": (physical("uint8"), physical("int16")),
    "int64-within-int8": (physical("int64", minimum=0, maximum=99), physical("int8")),
    "int64-within-float64": (physical("int64", minimum=0, maximum=99), physical("double")),
    "integer-number": (INT, Field("x", logical_type="number")),
    "anything-undeclared": (TEXT, Field("x")),
    "range": (replace(INT, minimum=1, maximum=5), replace(INT, minimum=0, maximum=5)),
    "range-exclusive": (
        replace(INT, maximum=6, is_maximum_exclusive=True),
        replace(INT, maximum=5),
    ),
    "range-of-type": (physical("uint8"), physical("int32", minimum=0, maximum=255)),
    "range-of-dates": (
        Field("x", logical_type="date", minimum="2020-02-01"),
        Field("x", logical_type="date", minimum="2020-01-31"),
    ),
    "enum": (replace(TEXT, enum=("a",)), replace(TEXT, enum=("a", "b"))),
    "enum-pattern": (replace(TEXT, enum=("a1",)), replace(TEXT, pattern="^[a-z][0-9]$")),
    "enum-length": (replace(TEXT, enum=("abc",)), replace(TEXT, max_length=3)),
    "boolean-enum": (physical("bool"), replace(physical("bool"), enum=(True, False))),
    "range-enum": (physical("int8", minimum=1, maximum=2), replace(INT, enum=(1, 2, 3))),
    "length": (replace(TEXT, max_length=3, min_length=1), replace(TEXT, max_length=4)),
    "varchar": (replace(TEXT, physical_type="varchar(8)"), replace(TEXT, max_length=8)),
    "pattern": (replace(TEXT, pattern="a"), replace(TEXT, pattern="a")),
    "multiple": (INT, replace(INT, multiple_of=Decimal("0.5"))),
    "unique-by-key": (replace(INT, is_key=True), replace(INT, is_unique=True)),
    "key": (replace(INT, is_unique=True), replace(INT, is_key=True)),
    "unit": (replace(INT, unit="cm"), replace(INT, unit="cm")),
    "dimension": (tensor(1, 224), tensor(-1, 224)),
    "no-nulls": (replace(INT, is_required=True), replace(INT, quality=(NULLS,))),
}

# The rule that is broken, and words of the reason.
REFUSED: dict[str, tuple[Field, Field, str, str]] = {
    "nulls": (INT, replace(INT, is_required=True), "null", "'x' may be null"),
    "optional": (replace(INT, is_optional=True), INT, "optional", "'x' may be absent"),
    "int64-int32": (physical("int64"), physical("int32"), "type", "'x' is int64, not int32"),
    "int64-float64": (physical("int64"), physical("float64"), "type", "int64, not float64"),
    "float64-float32": (physical("float64"), physical("float32"), "type", "float64, not float32"),
    "float-int": (physical("float32"), physical("int64"), "type", "float32, not int64"),
    "bool-int": (physical("bool"), physical("int64"), "type", "boolean, not int64"),
    "int-bool": (physical("int8"), physical("bool"), "type", "int8, not boolean"),
    "date-timestamp": (physical("date"), physical("timestamp"), "type", "date, not timestamp"),
    "text-number": (TEXT, INT, "type", "string, not int32"),
    "range": (INT, replace(INT, minimum=0), "range", "'x' may be any value, not only >= 0"),
    "range-of-dates": (
        Field("x", logical_type="date", minimum="2020-01-01"),
        Field("x", logical_type="date", minimum="2020-01-31"),
        "range",
        "may be >= 2020-01-01, not only >= 2020-01-31",
    ),
    "enum": (
        replace(TEXT, enum=("a", "b", "c", "d", "e")),
        replace(TEXT, enum=("a",)),
        "enum",
        "'x' may be 'b', 'c', 'd' and 1 more value",
    ),
    "enum-of-any": (TEXT, replace(TEXT, enum=("a",)), "enum", "may be more than 'a'"),
    "enum-length": (replace(TEXT, enum=("abc",)), replace(TEXT, max_length=2), "enum", "'abc'"),
    "length": (TEXT, replace(TEXT, max_length=4), "length", "not only <= 4"),
    "multiple": (INT, replace(INT, multiple_of=Decimal(2)), "multiple", "no multiple of 2"),
    "unique": (INT, replace(INT, is_unique=True), "unique", "may have a value twice"),
    "key": (replace(INT, is_required=True), replace(INT, is_key=True), "key", "the key (x)"),
    "unit": (replace(INT, unit="cm"), replace(INT, unit="m"), "unit", "the unit 'cm', not 'm'"),
    "dimension": (tensor(-1, 224), tensor(1, 224), "tensor", "[-1, 224], not [1, 224]"),
    "rank": (tensor(224), tensor(1, 224), "tensor", "[224], not [1, 224]"),
    "datatype": (tensor(1, datatype="FP64"), tensor(1), "tensor", "'x' is FP64, not FP32"),
    "items": (
        replace(TEXT, logical_type="array", min_items=0),
        replace(TEXT, logical_type="array", min_items=1),
        "items",
        "number of items",
    ),
    "nested": (
        Field("x", logical_type="object", fields=(Field("a"),)),
        Field("x", logical_type="object", fields=(Field("b"),)),
        "missing",
        "'x.b' is missing",
    ),
}

UNCHECKED: dict[str, tuple[Field, Field, str]] = {
    "pattern": (TEXT, replace(TEXT, pattern="a"), "pattern"),
    "slow-pattern": (replace(TEXT, enum=("aaa",)), replace(TEXT, pattern="(a+)+$"), "pattern"),
    "format": (TEXT, replace(TEXT, format="email"), "format"),
    "type-undeclared": (Field("x"), TEXT, "type"),
    "width-undeclared": (Field("x", logical_type="number"), physical("float32"), "type"),
    "unit-undeclared": (INT, replace(INT, unit="cm"), "unit"),
    "zones": (
        Field("x", logical_type="timestamp", minimum="2020-01-01T00:00:00Z"),
        Field("x", logical_type="timestamp", minimum="2020-01-01T00:00:00"),
        "range",
    ),
    "uninterpreted": (INT, replace(INT, unchecked=("quality[0] (sql)",)), "unchecked"),
}


@pytest.mark.parametrize("name", FITS)
def test_field_that_promises_enough_fits(name: str) -> None:
    offered, wanted = FITS[name]
    found = compatible(Table("t", fields=(offered,)), Table("t", fields=(wanted,)))
    assert found == ()


@pytest.mark.parametrize("name", REFUSED)
def test_field_that_promises_less_is_refused_with_its_reason(name: str) -> None:
    offered, wanted, rule, reason = REFUSED[name]
    found = compatible(Table("t", fields=(offered,)), Table("t", fields=(wanted,)), "faces")
    assert [(one.level, one.rule, one.contract) for one in found] == [("refuse", rule, "faces")]
    assert reason in found[0].message


@pytest.mark.parametrize("name", UNCHECKED)
def test_rule_that_texts_cannot_decide_is_unchecked(name: str) -> None:
    offered, wanted, rule = UNCHECKED[name]
    found = compatible(Table("t", fields=(offered,)), Table("t", fields=(wanted,)))
    assert [(one.level, one.rule) for one in found] == [("unchecked", rule)]
    assert verdict_of(found) == "unchecked"


def test_undeclared_fields_of_provider_are_not_promised() -> None:
    empty = Table("t")
    assert compatible(Table("t", fields=(INT,)), empty) == ()
    (found,) = compatible(empty, Table("t", fields=(INT,)))
    assert (found.rule, found.message) == ("missing", "'x' is missing")
    assert compatible(empty, Table("t", fields=(replace(INT, is_optional=True),))) == ()
    assert compatible(empty, Table("t", fields=(replace(INT, has_default=True),))) == ()


def test_renamed_field_is_named_with_its_new_name() -> None:
    old, new = replace(INT, id="a"), replace(INT, id="a", name="years")
    (found,) = compatible(Table("t", fields=(new,)), Table("t", fields=(old,)))
    assert found.message == "'x' is missing: its new name is 'years'"


def test_threshold_that_is_not_promised_warns() -> None:
    wanted = Table("t", quality=(QualityRule("rowCount", lower=Decimal(100)),))
    (found,) = compatible(Table("t"), wanted)
    assert (found.level, found.message) == (
        "warn",
        "rowCount of the table is not promised to be >= 100",
    )
    promised = Table("t", quality=(QualityRule("rowCount", lower=Decimal(200)),))
    assert compatible(promised, wanted) == ()


@pytest.mark.parametrize(
    ("offered", "wanted", "reason"),
    [
        (FileRule(("image/png",)), FileRule(("image/jpeg",)), "media type image/png"),
        (FileRule(channels=(1, 3)), FileRule(channels=(3,)), "channels 1 is not accepted"),
        (FileRule(min_size=(9, 9)), FileRule(min_size=(10, 9)), "too small"),
        (FileRule(max_size=(11, 9)), FileRule(max_size=(10, 9)), "too large"),
        (FileRule(("a",), (9, 9), (9, 9), (3,)), FileRule(("a",), (9, 9), (9, 9), (3,)), ""),
    ],
)
def test_files_of_other_form_are_refused_with_their_reason(
    offered: FileRule, wanted: FileRule, reason: str
) -> None:
    found = compatible(Table("t", files=offered), Table("t", files=wanted))
    assert [reason in one.message for one in found] == ([True] if reason else [])


def test_each_of_1000_fields_is_compared() -> None:
    old = tuple(replace(INT, name=f"f{index}", minimum=0) for index in range(1_000))
    new = tuple(replace(field, minimum=1, description="new") for field in old)
    tables = Table("t", fields=old), Table("t", fields=new)
    assert len(compatible(*tables)) == 1_000
    assert len(change(*tables, "provides")) == 2_000


def test_contracts_meet_by_name_of_table_or_path_of_data() -> None:
    faces = read_contract(FACES.encode(), "contracts/faces.odcs.yaml")
    model = read_contract(MODEL.encode(), "contracts/emotion.odcs.yaml")
    (meeting,) = meetings([faces, model], [faces, model])
    assert (meeting.provider, meeting.consumer) == (faces, model)
    assert meeting_findings(meeting) == ()
    by_path = replace(model.tables[0], name="training", physical_name="data/faces/*.csv")
    (other,) = meetings([faces], [replace(model, tables=(by_path,))])
    assert other.provided.name == "faces"


def test_finding_of_meeting_names_data_field_and_model() -> None:
    renamed = FACES.replace("name: age, id: age", "name: years, id: age")
    faces = read_contract(renamed.encode(), "contracts/faces.odcs.yaml")
    model = read_contract(
        MODEL.replace("name: age,", "name: age, id: age,").encode(), "contracts/emotion.odcs.yaml"
    )
    (meeting,) = meetings([faces], [model])
    (found,) = meeting_findings(meeting)
    assert (found.contract, found.table, found.field) == ("faces", "faces", "age")
    assert "'age' is missing: its new name is 'years'" in found.message
    assert "'emotion' requires it" in found.message
