"""People infer contracts of their data, and check data of the working tree and of commits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from tests.support.commands import datmo, refused
from tests.support.contract_data import PENGUINS
from tests.support.schemas import require_valid
from tests.support.shell import Shell


def checked(shell: Shell, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = datmo(shell, "contract", "check", *words, "--json", code=code)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    for document in documents:
        require_valid("contract-check", document)
    return documents


@pytest.fixture
def penguins(repo: Shell) -> Shell:
    """Return a repository with tracked data and their committed contract."""
    repo.write("data/penguins.csv", PENGUINS)
    datmo(repo, "add-data", "data")
    datmo(repo, "contract", "infer", "data/penguins.csv")
    repo.git("add", "contracts")
    repo.git("commit", "-qm", "Add penguins")
    return repo


def test_data_without_contract_name_the_command_that_writes_one(repo: Shell) -> None:
    repo.write("data/penguins.csv", PENGUINS)
    done = datmo(repo, "contract", "check", code=128).stderr
    assert "no contract is bound to data of the working tree" in done
    assert "git datmo contract infer PATH" in done
    datmo(repo, "contract", "infer", "data/penguins.csv")
    assert [each["verdict"] for each in checked(repo)] == ["holds"]


def test_broken_rows_are_printed_with_their_numbers(penguins: Shell) -> None:
    text = PENGUINS.replace("3250,female", "3250.5,female").replace("Gentoo", "")
    penguins.write("data/penguins.csv", text)
    done = datmo(penguins, "contract", "check", "data", code=1)
    lines = done.stdout.splitlines()
    assert lines[0] == "data/penguins.csv: broken (contracts/penguins.odcs.yaml, 8 rows)"
    assert "  error: body_mass_g: 1 row is not an integer (row 3 '3250.5')" in lines
    (document,) = checked(penguins, "data/penguins.csv", code=1)
    assert {each["field"] for each in document["findings"]} == {"species", "body_mass_g"}


def test_check_of_commit_uses_its_data_and_its_contract(penguins: Shell) -> None:
    penguins.write("data/penguins.csv", PENGUINS.replace("2007", "this year"))
    datmo(penguins, "commit", "-m", "Break the data")
    assert [each["verdict"] for each in checked(penguins, "HEAD", code=1)] == ["broken"]
    assert [each["verdict"] for each in checked(penguins, "HEAD~1")] == ["holds"]
    assert list((penguins.cwd / ".git" / "datmo").glob("check*-*")) == []


def test_forms_of_output_name_the_same_finding(penguins: Shell) -> None:
    penguins.write("data/penguins.csv", PENGUINS.replace("2007", "<this|year>", 1))
    text = datmo(penguins, "contract", "check", "--format", "markdown", code=1).stdout
    assert "| data/penguins.csv | contracts/penguins.odcs.yaml | broken | 8 rows |" in text
    assert "- `data/penguins.csv` refuse year: 1 row is not an integer" in text
    assert "  - row 1: `<this\\|year>`" in text
    suite = ET.fromstring(datmo(penguins, "contract", "check", "--format", "junit", code=1).stdout)
    assert suite.attrib == {"name": "contracts", "tests": "1", "failures": "1"}
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "refuse year: 1 row is not an integer"


def test_folders_and_arrays_get_contracts_of_their_form(repo: Shell) -> None:
    for part in ("a", "b"):
        repo.write(f"data/parts/{part}.csv", "x,y\n1,2\n3,4\n")
    folder = repo.cwd / "data" / "photos"
    folder.mkdir()
    Image.new("RGB", (8, 6)).save(folder / "1.png")
    np.save(repo.cwd / "data" / "w.npy", np.zeros((2, 3), "float32"))
    for path in ("data/parts", "data/photos", "data/w.npy"):
        datmo(repo, "contract", "infer", path)
    found = {each["path"]: each["verdict"] for each in checked(repo)}
    assert found == dict.fromkeys(
        ["data/parts/a.csv", "data/parts/b.csv", "data/photos", "data/w.npy"], "holds"
    )
    Image.new("L", (8, 6)).save(folder / "2.png")
    np.save(repo.cwd / "data" / "w.npy", np.zeros((2, 4), "float32"))
    broken = {each["path"] for each in checked(repo, code=1) if each["verdict"] == "broken"}
    assert broken == {"data/photos", "data/w.npy"}


def test_splits_that_share_a_row_are_found(repo: Shell) -> None:
    repo.write("data/train.csv", "id,x\n1,a\n2,b\n3,c\n")
    repo.write("data/test.csv", "id,x\n4,a\n2,z\n")
    repo.write(
        "contracts/splits.odcs.yaml",
        "apiVersion: v3.1.0\nkind: DataContract\nid: splits\nversion: 1.0.0\nstatus: active\n"
        "servers:\n"
        "  - {server: a, type: local, path: data/train.csv, format: csv}\n"
        "  - {server: b, type: local, path: data/test.csv, format: csv}\n"
        "schema:\n"
        "  - name: train\n"
        "    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true}\n"
        "      - {name: x, logicalType: string}\n"
        "    customProperties:\n"
        "      - {property: datmo.disjoint, value: [test]}\n"
        "  - name: test\n"
        "    properties:\n"
        "      - {name: id, logicalType: integer, primaryKey: true}\n"
        "      - {name: x, logicalType: string}\n",
    )
    found = {each["path"]: each for each in checked(repo, code=1)}
    assert found["data/test.csv"]["verdict"] == "holds"
    (finding,) = found["data/train.csv"]["findings"]
    assert (finding["rule"], finding["rows"]) == ("disjoint", [{"row": 2, "value": ""}])


def test_contract_that_exists_is_not_overwritten(penguins: Shell) -> None:
    before = (penguins.cwd / "contracts" / "penguins.odcs.yaml").read_text("utf-8")
    assert "exists already" in refused(penguins, "contract", "infer", "data/penguins.csv")
    assert (penguins.cwd / "contracts" / "penguins.odcs.yaml").read_text("utf-8") == before
    datmo(penguins, "contract", "infer", "data/penguins.csv", "-o", "contracts/two.odcs.yaml")
    assert len(checked(penguins)) == 2


def test_update_edits_the_contract_so_that_new_data_pass(penguins: Shell) -> None:
    path = penguins.cwd / "contracts/penguins.odcs.yaml"
    before = path.read_text("utf-8")
    commented = before.replace("schema:", "# as measured\nschema:")
    path.write_text(commented, "utf-8")
    header, first, *others = PENGUINS.splitlines()
    first = first.replace("Adelie", "").replace("3750", "3750.5")
    lines = [f"{header},nickname", f"{first},Pip", *(f"{line},Skipper" for line in others)]
    penguins.write("data/penguins.csv", "\n".join(lines) + "\n")
    done = datmo(penguins, "contract", "infer", "--update", "data/penguins.csv")
    assert done.stdout.splitlines() == [
        f"contracts/penguins.odcs.yaml: {change}"
        for change in (
            "nickname: added",
            "species: required is now false",
            "body_mass_g: logicalType is now number",
            "version is now 2.0.0",
        )
    ]
    after = path.read_text("utf-8")
    assert "# as measured\nschema:" in after
    # Three lines are edited, and those of the new column added.
    assert len(set(commented.splitlines()) - set(after.splitlines())) <= 3
    assert [each["verdict"] for each in checked(penguins)] == ["holds"]
    again = datmo(penguins, "contract", "infer", "--update", "data/penguins.csv")
    assert "nothing to change" in again.stdout
    assert path.read_text("utf-8") == after


def test_update_of_data_without_contract_is_refused(repo: Shell) -> None:
    repo.write("data/a.csv", "a\n1\n")
    error = refused(repo, "contract", "infer", "--update", "data/a.csv")
    assert "no contract is bound to 'data/a.csv'" in error


def test_data_that_nothing_can_read_are_refused_in_a_line(repo: Shell) -> None:
    repo.write("model.pkl", b"\x80\x04.")
    assert "may run code when it is loaded" in refused(repo, "contract", "infer", "model.pkl")
    repo.write("notes.txt", "text")
    assert "its format is unknown" in refused(repo, "contract", "infer", "notes.txt")
    assert "there is no file or folder 'x'" in refused(repo, "contract", "infer", "x")
    assert "takes 1 NAME, PATH or REV" in refused(repo, "contract", "infer", code=129)
    assert "belong to 'infer'" in refused(repo, "contract", "check", "--ranges", code=129)


def test_missing_library_is_one_line_that_names_the_extra(repo: Shell, tmp_path: Path) -> None:
    repo.write("data.csv", "a\n1\n")
    blocked = tmp_path / "blocked"
    (blocked / "pyarrow").mkdir(parents=True)
    (blocked / "pyarrow" / "__init__.py").write_text("raise ImportError", "utf-8")
    shell = repo.having(PYTHONPATH=str(blocked))
    text = datmo(shell, "contract", "infer", "data.csv", code=128).stderr
    assert "'data.csv' cannot be read without pyarrow" in text
    assert "pip install 'git-datmo[contracts]'" in text
