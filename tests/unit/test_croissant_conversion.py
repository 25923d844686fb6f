"""Test that descriptions in Croissant become contracts and back, and that losses are named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.contracts.conversions.croissant import CONFORMS_TO, from_croissant, to_croissant
from git_datmo.contracts.conversions.json_documents import read_json, write_json
from git_datmo.errors import DatmoError

TEXT = Field("", logical_type="string")
BOX = (Field("left", logical_type="integer"), Field("top", logical_type="integer"))
FIELDS = (
    Field("image", logical_type="string", is_required=True, is_key=True),
    Field("age", logical_type="integer", description="in years"),
    Field("born", logical_type="date"),
    Field("seen", logical_type="timestamp"),
    Field("noon", logical_type="time"),
    Field("score", logical_type="number"),
    Field("ok", logical_type="boolean"),
    Field("tags", logical_type="array", items=TEXT),
    Field("box", logical_type="object", fields=BOX),
    Field("boxes", logical_type="array", items=Field("", logical_type="object", fields=BOX)),
)
CONTRACT = Contract(
    "faces", "faces", "1.2.0", paths=("data/*.csv",), tables=(Table("faces", fields=FIELDS),)
)
# As the specification's examples are, with the forms that JSON-LD allows.
DOCUMENT: dict[str, Any] = {
    "@context": {"@vocab": "https://schema.org/"},
    "@type": "sc:Dataset",
    "name": "titanic",
    "license": "https://creativecommons.org/publicdomain/zero/1.0/",
    "distribution": [
        {"@type": "cr:FileObject", "@id": "a", "contentUrl": "data/a.csv", "sha256": "00"},
        {"@type": "cr:FileObject", "@id": "b", "contentUrl": "https://example.com/b.csv"},
        {"@type": "cr:FileSet", "@id": "c", "containedIn": {"@id": "b"}, "includes": "*.csv"},
    ],
    "recordSet": {
        "@type": "cr:RecordSet",
        "@id": "passengers",
        "key": {"@id": "passengers/name"},
        "field": [
            {
                "@type": "cr:Field",
                "@id": "passengers/name",
                "dataType": ["https://schema.org/Text", "wd:Q82799"],
                "source": {"fileObject": {"@id": "a"}, "extract": {"column": "Full name"}},
            },
            {"@type": "cr:Field", "name": "passengers/class", "dataType": "cr:Int8"},
            {"@type": "cr:Field", "name": "fare", "dataType": "cr:Float32", "references": {}},
        ],
    },
}


def test_fields_survive_croissant_and_back() -> None:
    document, lost = to_croissant(CONTRACT)
    assert lost == ("faces.image: required",)
    assert (document["conformsTo"], document["version"]) == (CONFORMS_TO, "1.2.0")
    again = from_croissant(read_json(write_json(document).encode(), "x"), "faces")
    assert again == (CONTRACT, ())


def test_description_with_local_and_remote_files_is_read() -> None:
    contract, lost = from_croissant(DOCUMENT, "t")
    assert (contract.id, contract.name, contract.paths) == ("t", "titanic", ("data/a.csv",))
    assert contract.tables == (
        Table(
            "passengers",
            fields=(
                Field("Full name", logical_type="string", is_required=True, is_key=True),
                Field("class", logical_type="integer", physical_type="int8"),
                Field("fare", logical_type="number", physical_type="float32"),
            ),
        ),
    )
    assert lost == (
        *("license", "distribution: b", "distribution: c"),
        *("passengers.Full name: dataType wd:Q82799", "passengers.fare: references"),
    )


@pytest.mark.parametrize(
    ("field", "lost"),
    [
        (
            replace(TEXT, name="a", is_required=True, is_optional=True),
            ["required", "datmo.optional"],
        ),
        (Field("a", logical_type="integer", physical_type="int8"), ["physicalType"]),
        (Field("a", logical_type="number", minimum=Decimal(1), enum=(1,)), ["enum", "range"]),
        (Field("a", logical_type="array", items=replace(TEXT, pattern="x")), ["items"]),
        (Field("a"), ["values of any type"]),
        (Field("a", logical_type="array"), ["values of any type"]),
        (Field("a", logical_type="object"), ["values of any type"]),
    ],
)
def test_rules_that_croissant_cannot_say_are_named(field: Field, lost: list[str]) -> None:
    contract = replace(CONTRACT, tables=(Table("t", fields=(field,)),))
    assert list(to_croissant(contract)[1]) == [f"t.a: {name}" for name in lost]


def test_each_table_has_the_files_that_are_named_for_it() -> None:
    tables = (Table("birds", fields=(TEXT,)), Table("eggs", fields=(TEXT,)))
    paths = ("a/birds.csv", "b/birds.csv", "eggs.csv", "more.csv")
    contract = replace(CONTRACT, paths=paths, tables=tables)
    document, lost = to_croissant(contract)
    sources = [found["field"][0]["source"]["fileSet"]["@id"] for found in document["recordSet"]]
    assert sources == ["files/a/birds.csv", "files/eggs.csv"]
    assert [files["includes"] for files in document["distribution"]] == [
        *(["a/birds.csv", "b/birds.csv"], "eggs.csv", "more.csv"),
    ]
    assert (lost, from_croissant(document, "x")[0].paths) == ((), paths)
    lost = to_croissant(replace(contract, paths=()))[1]
    assert lost[0] == "birds: source, since no path of the contract is known as its data"


@pytest.mark.parametrize("document", [{}, {"recordSet": 1}, {"recordSet": []}])
def test_description_without_record_set_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(DatmoError, match="no record set"):
        from_croissant(document, "x")


def test_values_of_other_types_are_read_as_nothing() -> None:
    field = {"@id": [], "name": "a", "source": [], "dataType": 5}
    document = {"recordSet": {"name": 1, "key": {"@id": {}}, "field": [field, 7]}}
    contract, lost = from_croissant(document, "x")
    assert contract.tables == (Table("", fields=(Field("a"),)),)
    assert lost == (".a: dataType 5",)
