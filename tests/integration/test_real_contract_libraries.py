"""Compare contracts with the libraries that read the same languages."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from git_datmo.contracts.compatibility import compatible
from git_datmo.contracts.contract_edits import Edit, apply_edits
from git_datmo.contracts.contract_types import Contract, Field, FileRule, Table, verdict_of
from git_datmo.contracts.conversions.croissant import to_croissant
from git_datmo.contracts.conversions.json_documents import read_yaml_object, write_json
from git_datmo.contracts.conversions.json_schema import to_json_schema
from git_datmo.contracts.conversions.mlmodel_signature import from_mlmodel, to_mlmodel
from git_datmo.contracts.conversions.table_schema import to_table_schema
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.contracts.odcs_writer import new_contract
from tests.support.contract_data import PENGUINS, check, infer
from tests.support.contract_libraries import ask, needs_libraries

EXAMPLES = os.environ.get("DATMO_TEST_ODCS", "")

FIELDS = (
    Field("id", logical_type="integer", is_required=True, is_unique=True),
    Field("score", logical_type="number", minimum=0, maximum=1),
    Field("mood", logical_type="string", is_required=True, enum=("happy", "sad")),
    Field("code", logical_type="string", min_length=2, max_length=3, pattern="^[A-Z]+$"),
    Field("day", logical_type="date"),
    Field("ok", logical_type="boolean"),
)
HEADER = "id,score,mood,code,day,ok"
# A row that replaces the second one, or the whole file, with whether the contract allows it.
ROWS = {
    "good": ("2,0.5,sad,ABC,2026-01-02,false", True),
    "bounds": ("2,0,sad,AB,2024-02-29,true", True),
    "null": ("2,,sad,,,", True),
    "negative": ("-2,1,happy,ABC,2026-01-02,true", True),
    "required": (",0.5,sad,ABC,2026-01-02,false", False),
    "no mood": ("2,0.5,,ABC,2026-01-02,false", False),
    "repeated": ("1,0.5,sad,ABC,2026-01-02,false", False),
    "too large": ("2,1.5,sad,ABC,2026-01-02,false", False),
    "too small": ("2,-0.5,sad,ABC,2026-01-02,false", False),
    "category": ("2,0.5,angry,ABC,2026-01-02,false", False),
    "pattern": ("2,0.5,sad,abc,2026-01-02,false", False),
    "too long": ("2,0.5,sad,ABCD,2026-01-02,false", False),
    "too short": ("2,0.5,sad,A,2026-01-02,false", False),
    "text": ("two,0.5,sad,ABC,2026-01-02,false", False),
    "fraction": ("2.5,0.5,sad,ABC,2026-01-02,false", False),
    "no day": ("2,0.5,sad,ABC,2026-02-30,false", False),
    "no flag": ("2,0.5,sad,ABC,2026-01-02,perhaps", False),
}
CONTRACT = Contract("birds", "birds", "1.0.0", "draft", tables=(Table("birds", fields=FIELDS),))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, bool]:
    """Write a file for each row, and return whether git-datmo takes it."""
    verdicts = {}
    for name, (row, is_allowed) in ROWS.items():
        path = tmp_path / f"{name.replace(' ', '-')}.csv"
        path.write_text(f"{HEADER}\n1,0.25,happy,AB,2026-01-01,true\n{row}\n")
        findings = check(path, CONTRACT).findings
        verdicts[path.name] = verdict_of(tuple(findings)) == "holds"
        assert verdicts[path.name] == is_allowed, (name, findings)
    return verdicts


DATACONTRACT = """\
import logging
from datacontract.data_contract import DataContract
logging.disable(logging.CRITICAL)
answer = {}
for name, text in given[0].items():
    run = DataContract(data_contract_str=text).test()
    answer[name] = run.result.value
"""


@needs_libraries
def test_datacontract_agrees_on_good_and_broken_files(
    tmp_path: Path, files: dict[str, bool]
) -> None:
    (tmp_path / "missing.csv").write_text("id,score,mood,code,day\n1,0,sad,AB,2026-01-01\n")
    assert check(tmp_path / "missing.csv", CONTRACT).findings[0].rule == "present"
    texts = {
        name: new_contract(Contract("b", "b", "1.0.0", "active", (name,), CONTRACT.tables))
        for name in (*files, "missing.csv")
    }
    answers = ask(DATACONTRACT, tmp_path, texts)
    found = {name: answers[name] == "passed" for name in texts}
    # Its engine rounds 2.5 to an integer.
    assert found == {**files, "fraction.csv": True, "missing.csv": False}, answers


FRICTIONLESS = """\
from frictionless import Resource, Schema
schema = Schema.from_descriptor(given[0])
answer = {name: Resource(path=name, schema=schema).validate().valid for name in given[1]}
"""


@needs_libraries
def test_frictionless_takes_the_table_schema_and_agrees_on_files(
    tmp_path: Path, files: dict[str, bool]
) -> None:
    document, lost = to_table_schema(CONTRACT)
    assert lost == ("version",)
    (tmp_path / "schema.json").write_text(write_json(document))
    assert ask(FRICTIONLESS, tmp_path, "schema.json", sorted(files)) == files


@needs_libraries
def test_frictionless_takes_data_with_nulls_by_their_inferred_contract(tmp_path: Path) -> None:
    (tmp_path / "birds.csv").write_text(PENGUINS)
    document, _ = to_table_schema(infer(tmp_path / "birds.csv", ranges=True))
    (tmp_path / "schema.json").write_text(write_json(document))
    assert ask(FRICTIONLESS, tmp_path, "schema.json", ["birds.csv"]) == {"birds.csv": True}


CROISSANT = """\
import mlcroissant
found = mlcroissant.Dataset(jsonld=given[0])
answer = {
    "errors": sorted(found.metadata.ctx.issues.errors),
    "rows": [{name: str(value) for name, value in row.items()} for row in found.records("birds")],
}
"""
CROISSANT_ERRORS = """\
import mlcroissant
answer = [sorted(mlcroissant.Dataset(jsonld=name).metadata.ctx.issues.errors) for name in given]
"""
TAGS = Field("tags", logical_type="array", items=Field("", logical_type="string"))
BOX = Field("box", logical_type="object", fields=(Field("left", logical_type="integer"),))
BOXES = Field("boxes", logical_type="array", items=replace(BOX, name=""))


@needs_libraries
def test_mlcroissant_takes_the_description_and_reads_its_rows(tmp_path: Path) -> None:
    rows = [ROWS[name][0].split(",") for name in ("good", "negative")]
    text = "\n".join([HEADER, *(",".join(row) for row in rows)])
    (tmp_path / "birds.csv").write_text(f"{text}\n")
    contract = Contract("b", "birds", "1.0.0", "active", ("birds.csv",), CONTRACT.tables)
    (tmp_path / "croissant.json").write_text(write_json(to_croissant(contract)[0]))
    answer = ask(CROISSANT, tmp_path, "croissant.json")
    assert answer["errors"] == []
    found = [[row["birds/id"], row["birds/score"], row["birds/ok"]] for row in answer["rows"]]
    assert found == [["2", "0.5", "False"], ["-2", "1.0", "True"]]


@needs_libraries
def test_mlcroissant_takes_descriptions_of_all_forms(tmp_path: Path) -> None:
    photos = Table("photos", files=FileRule(("image/png",)))
    nested = Table("birds", fields=(*FIELDS, TAGS, BOX, BOXES, Field("any")))
    birds, eggs = Table("birds", fields=FIELDS), Table("eggs", fields=FIELDS)
    forms = {
        "nested.json": (("birds.csv",), (nested,)),
        "folder.json": (("photos",), (photos,)),
        "two.json": (("birds.csv", "more/birds.csv", "eggs.csv"), (birds, eggs)),
    }
    for name, (paths, tables) in forms.items():
        document, _ = to_croissant(replace(CONTRACT, paths=paths, tables=tables))
        (tmp_path / name).write_text(write_json(document))
    assert ask(CROISSANT_ERRORS, tmp_path, *forms) == [[], [], []]


MLFLOW = """\
import numpy as np, pandas as pd, mlflow
from mlflow.models import Model, ModelSignature, infer_signature
from mlflow.types import Schema, TensorSpec
frame = pd.DataFrame({
    "age": np.array([1, 2]), "small": np.array([1, 2], "int32"), "mass": [0.5, None],
    "half": np.array([1, 2], "float32"), "name": ["a", "b"], "ok": [True, False],
    "seen": pd.to_datetime(["2026-01-01", "2026-01-02"]), "raw": [b"a", b"b"],
    "tags": [["a"], ["b"]], "box": [{"left": 1, "why": "x"}, {"left": 2}],
})
tensors = Schema([TensorSpec(np.dtype("uint8"), (-1, 28, 28), "image"),
                  TensorSpec(np.dtype("float64"), (-1,), "mass")])
signatures = {
    "columns": infer_signature(frame, frame[["mass"]]),
    "tensors": ModelSignature(tensors, Schema([TensorSpec(np.dtype("float32"), (-1, 10))])),
    "params": infer_signature(frame[["age"]], None, params={"temperature": 0.5}),
}
"""
MLFLOW_WRITE = f"""{MLFLOW}
for name, signature in signatures.items():
    Model(signature=signature).save(name)
answer = sorted(signatures)
"""
MLFLOW_READ = f"""{MLFLOW}
answer = [name for name, document in given[0].items()
          if ModelSignature.from_dict(document) != signatures[name]]
"""


@needs_libraries
def test_signatures_of_mlflow_survive_a_contract_and_back(tmp_path: Path) -> None:
    documents = {}
    for name in ask(MLFLOW_WRITE, tmp_path):
        content = read_yaml_object((tmp_path / name).read_bytes(), name)
        contract, lost = from_mlmodel(content, name)
        assert lost == (("signature: params",) if name == "params" else ())
        again = read_contract(new_contract(contract).encode(), f"contracts/{name}.odcs.yaml")
        document, lost = to_mlmodel(again)
        assert lost == ("version",)
        documents[name] = document["signature"]
    del documents["params"]
    assert ask(MLFLOW_READ, tmp_path, documents) == []


JSONSUBSCHEMA = """\
from jsonsubschema import isSubschema
answer = [isSubschema(one, other) for one, other in given[0]]
"""


def draw_field(random: Random) -> Field:
    """Return a field with the rules that jsonsubschema compares, too."""
    kind = random.choice(("integer", "number", "string", "boolean"))
    rules: dict[str, Any] = {}
    if kind in ("integer", "number"):
        rules = {
            "minimum": random.choice((None, 0, 1, 2)),
            "maximum": random.choice((None, 7, 8, 9)),
        }
    elif kind == "string":
        rules = {
            "min_length": random.choice((None, 1, 2)),
            "max_length": random.choice((None, 3, 4)),
        }
        if random.random() < 0.3:
            rules = {"enum": tuple(random.sample(("a", "bb", "ccc", "dddd"), random.randint(1, 4)))}
    return Field(
        "x",
        logical_type=kind,  # type: ignore[arg-type]
        is_required=random.random() < 0.5,
        is_optional=random.random() < 0.3,
        **rules,
    )


@needs_libraries
def test_jsonsubschema_agrees_with_compatible_on_common_rules(tmp_path: Path) -> None:
    random = Random(16)
    pairs: list[list[dict[str, Any]]] = []
    expected = []
    while len(pairs) < 400:
        one, other = draw_field(random), draw_field(random)
        # Most pairs of different kinds do not fit.
        if one.logical_type != other.logical_type and random.random() < 0.7:
            continue
        # jsonsubschema takes any text of a bounded length for one of an enumeration.
        if other.enum and not one.enum:
            continue
        tables = Table("t", fields=(one,)), Table("t", port="requires", fields=(other,))
        pairs.append([to_json_schema(Contract("t", "t", tables=(t,)))[0] for t in tables])
        expected.append(not compatible(*tables))
    found = ask(JSONSUBSCHEMA, tmp_path, pairs)
    differing = [
        (pair, mine)
        for pair, mine, other in zip(pairs, expected, found, strict=True)
        if mine != other
    ]
    assert not differing
    assert 60 < sum(expected) < 340


@pytest.mark.skipif(not EXAMPLES, reason="DATMO_TEST_ODCS names no folder of contracts")
def test_examples_of_the_standard_are_read_and_keep_their_bytes() -> None:
    paths = sorted(Path(EXAMPLES).glob("*.odcs.yaml"))
    assert paths
    for path in paths:
        content = path.read_bytes()
        contract = read_contract(content, f"contracts/{path.name}")
        edited = apply_edits(content, [Edit(("version",), "90.91.92")])
        assert edited.count(b"90.91.92") == 1, path
        assert edited.replace(b"90.91.92", contract.version.encode()) == content, path
