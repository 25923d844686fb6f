"""Test reading and writing contracts in the form of the Open Data Contract Standard."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from git_datmo.contracts.contract_types import (
    Contract,
    Field,
    FileRule,
    QualityRule,
    Table,
    Tensor,
)
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from git_datmo.errors import DatmoError
from tests.support.contract_texts import FACES, MODEL

FILE = "contracts/faces.odcs.yaml"

EVERYTHING = Contract(
    id="x-1",
    name="faces",
    version="1.0.0",
    status="draft",
    paths=("data/faces/*.csv", "data/more.parquet"),
    tables=(
        Table(
            "faces",
            "faces_v1",
            fields=(
                Field(
                    "age",
                    "a1",
                    logical_type="integer",
                    physical_type="int64",
                    is_required=True,
                    is_key=True,
                    is_unique=True,
                    minimum=0,
                    maximum=Decimal("1e20"),
                    is_maximum_exclusive=True,
                    multiple_of=Decimal("0.5"),
                    quality=(QualityRule("nullValues", "percent", upper=Decimal(5)),),
                ),
                Field(
                    "no",
                    logical_type="string",
                    enum=("no", "001", None, "a: b", "\t", "é", "\x85"),
                    pattern="^[0-9]+$",
                    has_default=True,
                    min_length=0,
                    max_length=9,
                    description="a # b",
                    classification="public",
                    examples=("x", 1, Decimal("1.5"), True),
                ),
                Field(
                    "pixels",
                    logical_type="array",
                    tensor=Tensor("FP32", (-1, 3)),
                    items=Field("", logical_type="number", unit="cm"),
                    is_optional=True,
                    min_items=1,
                ),
                Field("box", logical_type="object", fields=(Field("left", is_required=True),)),
                Field("day", logical_type="date", minimum="2020-01-01", format="yyyy-MM-dd"),
            ),
            quality=(
                QualityRule("rowCount", lower=Decimal(1), upper=Decimal(9), is_negated=True),
                QualityRule("rowCount", lower=Decimal(1), is_lower_exclusive=True, severity="info"),
                QualityRule("duplicateValues", upper=Decimal(0), arguments=(("p", '["a"]'),)),
            ),
            files=FileRule(("image/jpeg",), (10, 10), None, (1, 3)),
            disjoint=("test",),
        ),
        Table("out", port="output"),
    ),
    entry="predict.py:predict",
    gates=("accuracy>0.9",),
    file=FILE,
)


def test_contract_with_every_key_is_written_and_read_unchanged() -> None:
    assert read_contract(new_contract(EVERYTHING).encode(), FILE) == EVERYTHING


def test_contract_of_person_is_read_with_its_rules() -> None:
    contract = read_contract(FACES.encode(), FILE)
    (table,) = contract.tables
    image, age, emotion = table.fields
    assert (contract.name, contract.version, contract.paths) == (
        "faces",
        "1.2.0",
        ("data/faces/*.csv",),
    )
    assert contract.unchecked == ("slaProperties",)
    assert (image.is_required, age.minimum, age.maximum, age.id) == (True, 0, 120, "age")
    assert emotion.enum == ("happy", "sad")
    assert emotion.quality == (
        QualityRule("nullValues", "percent", upper=Decimal(5), is_upper_exclusive=True),
    )


def test_contract_of_model_has_ports_and_entry() -> None:
    contract = read_contract(MODEL.encode(), "contracts/emotion.odcs.yaml")
    assert [table.port for table in contract.tables] == ["requires", "output"]
    assert contract.entry == "predict.py:predict"


def test_enum_of_newer_standard_is_read_like_that_of_older_one() -> None:
    newer = FACES.replace("v3.1.0", "v3.2.0").replace(
        "name: image\n", "name: image\n        enum: [a, {value: b}]\n"
    )
    assert read_contract(newer.encode(), FILE).tables[0].fields[0].enum == ("a", "b")


def test_rules_outside_the_interpreted_part_are_unchecked() -> None:
    text = FACES.replace("mustBe: 0}", "mustBe: 0}\n          - {type: sql, query: x, mustBe: 0}")
    text = text.replace("maximum: 120", "maximum: 120, uniqueItems: true")
    table = read_contract(text.encode(), FILE).tables[0]
    assert table.fields[1].unchecked == ("logicalTypeOptions.uniqueItems",)
    assert table.fields[2].unchecked == ("quality[1] (sql)",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("./data/faces/*.csv", "../data", "faces.odcs.yaml:8: path '../data' is outside"),
        ("./data/faces/*.csv", "/etc/passwd", "outside the repository"),
        ("./data/faces/*.csv", "data/**/a/**/b/**", "has '**' more than 2 times"),
        ("./data/faces/*.csv", ".git/config", "outside the repository"),
        ("./data/faces/*.csv", "data/.GIT/x", "outside the repository"),
        ("./data/faces/*.csv", "s3://bucket/x", "is a URL"),
        ("./data/faces/*.csv", '"a\\\\b"', "character"),
        ("v3.1.0", "v2.2.0", "'apiVersion' is v2.2.0"),
        ("DataContract", "Table", "'kind' is not DataContract"),
        ("id: faces", "id:", "'id' is missing"),
        ("required: true", "required: yes", "faces.odcs.yaml:14: 'required' is not true or false"),
        ("logicalType: string", "logicalType: text", "'logicalType' is 'text'"),
        ("name: image", "name: age", "two fields are 'age'"),
        ("mustBeLessThan: 5,", "", "exactly 1 'must…' operator"),
        ("mustBeLessThan: 5", "mustBeLessThan: x", "is not a number"),
        ("minimum: 0", "minimum: [1]", "'minimum' is not a number or a date"),
        ("minimum: 0", "minLength: -1", "whole number of at least 0"),
        ("minimum: 0", "multipleOf: 0", "not above 0"),
        ("schema:", "schema: 5\nx:", "'schema' is not a list"),
        ("version: 1.2.0", "version: 1\nversion: 2", "'version' is there twice"),
    ],
)
def test_invalid_contract_is_refused_with_line_and_reason(old: str, new: str, problem: str) -> None:
    assert old in FACES
    with pytest.raises(DatmoError) as caught:
        read_contract(FACES.replace(old, new, 1).encode(), FILE)
    assert problem in caught.value.what


@pytest.mark.parametrize("path", ["../other/x.csv", "/etc/x.csv", "data/../../x.csv"])
def test_disjoint_data_outside_the_repository_are_refused(path: str) -> None:
    text = MODEL.replace("datmo.port, value: requires", f'datmo.disjoint, value: ["{path}"]')
    with pytest.raises(DatmoError, match="outside the repository"):
        read_contract(text.encode(), FILE)


def test_conflict_of_a_merge_in_a_contract_is_named_with_its_line() -> None:
    sides = "<<<<<<< HEAD\nversion: 1.3.0\n=======\nversion: 2.0.0\n>>>>>>> other"
    text = FACES.replace("version: 1.2.0", sides)
    with pytest.raises(DatmoError, match=r"yaml:5: the file has conflict markers of a merge"):
        read_contract(text.encode(), FILE)


def test_unknown_custom_properties_of_git_datmo_are_unchecked() -> None:
    text = MODEL.replace("datmo.port, value: requires", "datmo.prot, value: requires")
    assert read_contract(text.encode(), FILE).tables[0].unchecked == ("datmo.prot",)


def test_unknown_port_of_table_is_refused_with_the_known_ones() -> None:
    with pytest.raises(DatmoError, match=r"'datmo\.port' is 'sink', not provides, requires"):
        read_contract(MODEL.replace("value: requires", "value: sink").encode(), FILE)


def test_contract_without_name_is_named_as_its_file() -> None:
    unnamed = replace(EVERYTHING, name="")
    assert read_contract(new_contract(unnamed).encode(), "contracts/a.odcs.yaml").name == "a"
