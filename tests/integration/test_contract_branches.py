"""Ignacio changes the data and Alex the model; their contracts say whether both fit."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest

from tests.support.commands import datmo, refused
from tests.support.contract_texts import FACES, MODEL
from tests.support.schemas import require_valid
from tests.support.shell import Shell

MakeRepo = Callable[..., Shell]
FITS = "models/emotion.onnx: holds (contracts/emotion.odcs.yaml, contracts compared)\n"
RENAMED = FACES.replace("name: age, id: age", "name: years, id: age")


@pytest.fixture
def team(repo: Shell) -> Shell:
    """Return a repository with the contract of data, and with that of a model that fits."""
    repo.write("contracts/faces.odcs.yaml", FACES)
    repo.write("contracts/emotion.odcs.yaml", MODEL.replace("name: age,", "name: age, id: age,"))
    commit(repo, "Describe data and model")
    return repo


def commit(shell: Shell, message: str) -> str:
    """Commit everything, and return the start of its id."""
    shell.git("add", "-A")
    shell.git("commit", "-qm", message)
    return shell.git("rev-parse", "HEAD")[:10]


def rename_age(shell: Shell) -> str:
    """Commit a renamed column, and return the start of its id."""
    shell.write("contracts/faces.odcs.yaml", RENAMED.replace("1.2.0", "2.0.0"))
    return commit(shell, "Call ages years")


def test_contracts_that_fit_hold_in_each_tree(team: Shell) -> None:
    assert datmo(team, "contract", "check").stdout == FITS
    assert datmo(team, "contract", "check", "HEAD").stdout == FITS


def test_renamed_column_is_named_with_data_model_and_commit(team: Shell) -> None:
    changed = rename_age(team)
    team.write("later", "x")
    commit(team, "Later")
    done = datmo(team, "contract", "check", code=1)
    assert done.stdout == (
        "models/emotion.onnx: broken (contracts/emotion.odcs.yaml, contracts compared)\n"
        "  error: age: 'faces' (data/faces/*.csv) does not fit 'emotion': 'age' is missing: its new "
        f"name is 'years'; changed by {changed} A U Thor: Call ages years\n"
    )
    assert datmo(team, "contract", "check", "HEAD", code=1).stdout == done.stdout
    assert datmo(team, "contract", "check", "HEAD~2").stdout == FITS


def test_contracts_are_checked_in_clone_that_was_never_set_up(make_repo: MakeRepo) -> None:
    bare = make_repo("fresh")
    bare.write("contracts/faces.odcs.yaml", RENAMED)
    bare.write("contracts/emotion.odcs.yaml", MODEL)
    commit(bare, "Describe both")
    assert "'age' is missing" in datmo(bare, "contract", "check", code=1).stdout


def test_uncommitted_change_is_named_as_cause(team: Shell) -> None:
    team.write("contracts/faces.odcs.yaml", RENAMED)
    done = datmo(team, "contract", "check", code=1)
    assert "; changed by uncommitted changes\n" in done.stdout


def test_invalid_contract_is_refused_with_its_line(team: Shell) -> None:
    team.write("contracts/faces.odcs.yaml", FACES.replace("required: true", "required: 5", 1))
    says = ("contracts/faces.odcs.yaml:14: 'required' is not true or false",)
    refused(team, "contract", "check", says=says)


def test_findings_are_printed_as_json_markdown_and_junit(team: Shell) -> None:
    changed = rename_age(team)
    document = json.loads(datmo(team, "contract", "check", "--json", code=1).stdout)
    require_valid("contract-check", document)
    (finding,) = document["findings"]
    assert (document["path"], document["verdict"], finding["field"], finding["rule"]) == (
        *("models/emotion.onnx", "broken", "age", "missing"),
    )
    assert f"changed by {changed} A U Thor: Call ages years" in finding["message"]
    markdown = datmo(team, "contract", "check", "--format", "markdown", code=1).stdout
    assert "'faces' (data/faces/\\*.csv) does not fit 'emotion'" in markdown
    text = datmo(team, "contract", "check", "--format", "junit", code=1).stdout
    suite = ET.fromstring(text)
    assert suite.attrib == {"name": "contracts", "tests": "1", "failures": "1"}
    assert "does not fit 'emotion'" in suite[0][0].attrib["message"]


def test_version_that_does_not_rise_is_found_with_base(team: Shell) -> None:
    team.write("contracts/faces.odcs.yaml", FACES.replace("maximum: 120", "maximum: 130"))
    commit(team, "Allow older people")
    assert datmo(team, "contract", "check").stdout == FITS
    done = datmo(team, "contract", "check", "--base", "HEAD~1", code=1)
    assert done.stdout == FITS + (
        "contracts/faces.odcs.yaml: broken (contracts/faces.odcs.yaml, version compared)\n"
        "  error: version 1.2.0 is too low for a major change of 1.2.0: 2.0.0 or higher is needed\n"
    )


def test_branch_that_a_data_change_breaks_is_named(team: Shell) -> None:
    team.git("checkout", "-q", "-b", "alex")
    team.write("contracts/emotion.odcs.yaml", MODEL.replace("2.0.0", "2.1.0"))
    commit(team, "Improve the model")
    team.git("checkout", "-q", "-b", "stale", "main")
    team.write("contracts/faces.odcs.yaml", FACES.replace("required: true", "required: 5", 1))
    commit(team, "Break a contract")
    team.git("checkout", "-q", "main")
    # The model of this branch no longer needs ages, so it fits alone.
    team.write(
        "contracts/emotion.odcs.yaml",
        "\n".join(line for line in MODEL.splitlines() if "name: age," not in line),
    )
    commit(team, "Need no ages")
    changed = rename_age(team)
    assert datmo(team, "contract", "check").stdout == FITS
    done = datmo(team, "contract", "check", "--against", "*", code=1)
    assert done.stdout == (
        f"{FITS}alex:models/emotion.onnx: broken (contracts/emotion.odcs.yaml, contracts compared)\n"
        "  error: age: 'faces' (data/faces/*.csv) does not fit 'emotion' of alex: 'age' is missing; "
        f"changed by {changed} A U Thor: Call ages years\n"
        "stale:contracts/faces.odcs.yaml: unchecked (contracts/faces.odcs.yaml)\n"
        "  unchecked: invalid contract contracts/faces.odcs.yaml:14: 'required' is not true or "
        "false\n"
    )


def test_pattern_without_branches_is_refused_with_hint(team: Shell) -> None:
    refused(
        team, "contract", "check", "--against", "nothing", says=("no branch matches 'nothing'",)
    )


def test_200_branches_are_checked_at_once(team: Shell) -> None:
    main = team.git("rev-parse", "HEAD").strip()
    commands = []
    for index in range(200):
        text = MODEL.replace("name: age,", f"name: age{index % 100},") + f"# {index}\n"
        commands.append(
            f"commit refs/heads/b{index}\ncommitter A <a@b> 1 +0000\ndata 1\nx\nfrom {main}\n"
            f"M 100644 inline contracts/emotion.odcs.yaml\ndata {len(text)}\n{text}\n"
        )
    team.git("fast-import", "--quiet", stdin="".join(commands).encode())
    rename_age(team)
    done = datmo(team, "contract", "check", "--against", "b*", code=1)
    assert done.stdout.count("\n") > 1


def test_changes_of_contracts_are_shown_with_size_and_reason(team: Shell) -> None:
    assert datmo(team, "contract", "diff").stderr == "the contracts do not differ\n"
    team.write("contracts/faces.odcs.yaml", RENAMED)
    team.write("contracts/new.odcs.yaml", FACES)
    assert datmo(team, "contract", "diff").stdout == (
        "faces 1.2.0: major change\n"
        "  major faces.years: 'age' renamed to 'years' (provides)\n"
        "  version 1.2.0 is too low for a major change of 1.2.0: 2.0.0 or higher is needed\n"
        "\n"
        "new 1.2.0: added\n"
    )
    commit(team, "Rename")
    lines = datmo(team, "contract", "diff", "HEAD~1", "HEAD", "--json").stdout.splitlines()
    for line in lines:
        require_valid("contract-diff", json.loads(line))
    assert [json.loads(line)["state"] for line in lines] == ["changed", "added"]


def test_diff_of_experiments_has_the_changes_of_contracts(team: Shell) -> None:
    datmo(team, "snapshot")
    rename_age(team)
    datmo(team, "snapshot")
    assert datmo(team, "diff", "HEAD~1", "HEAD").stdout.split("\n\n")[1].splitlines() == [
        "contracts:",
        "  faces 1.2.0 -> 2.0.0: major change",
        "    major faces.years: 'age' renamed to 'years' (provides)",
    ]
    document = json.loads(datmo(team, "diff", "HEAD~1", "HEAD", "--json").stdout)
    require_valid("diff", document)
    assert [one["size"] for one in document["contracts"]] == ["major"]


def test_contracts_are_listed_and_shown_with_their_rules(team: Shell) -> None:
    assert datmo(team, "contract").stdout == (
        "emotion 2.0.0 of models/emotion.onnx: requires faces, output emotions\n"
        "faces 1.2.0 of data/faces/*.csv: provides faces\n"
    )
    assert datmo(team, "contract", "show", "faces").stdout == (
        "faces 1.2.0 (active), contracts/faces.odcs.yaml\n"
        "  bound to data/faces/*.csv\n"
        "\n"
        "provides faces:\n"
        "  image: string, not null\n"
        "  age: int32, not null, >= 0 and <= 120\n"
        "  emotion: string, not null, one of happy, sad, nullValues < 5 %\n"
    )
    require_valid(
        "contract-show", json.loads(datmo(team, "contract", "show", "faces", "--json").stdout)
    )
    refused(team, "contract", "show", "nothing", says=("no contract 'nothing'",))


def test_folder_without_contracts_names_the_form_of_one(repo: Shell) -> None:
    assert datmo(repo, "contract").stderr == (
        "no contracts: a contract is a file contracts/NAME.odcs.yaml\n"
    )


def test_contract_is_converted_there_and_back_with_its_losses(team: Shell) -> None:
    there = datmo(team, "contract", "convert", "faces", "--to", "json-schema")
    assert "warning: not converted: faces.age: physicalType" in there.stderr
    team.write("people.schema.json", there.stdout)
    back = datmo(team, "contract", "convert", "people.schema.json", "--from", "json-schema")
    team.write("contracts/people.odcs.yaml", back.stdout)
    shown = datmo(team, "contract", "show", "people").stdout
    assert "  age: integer, not null, >= 0 and <= 120\n" in shown
    team.write("bad.json", '{"properties": {"a": {"pattern": "x"}, "": {}}}')
    says = ("a property has no 'name'",)
    refused(team, "contract", "convert", "bad.json", "--from", "json-schema", says=says)
    refused(
        team, "contract", "convert", "no.json", "--from", "json-schema", says=("no file 'no.json'",)
    )
    refused(team, "contract", "convert", "faces", code=129)


def test_contract_becomes_a_parquet_file_and_a_schema_of_pandera(team: Shell) -> None:
    refused(team, "contract", "convert", "faces", "--to", "parquet", code=129, says=("-o FILE",))
    made = datmo(team, "contract", "convert", "faces", "--to", "parquet", "-o", "faces.parquet")
    assert "warning: not converted: faces.age: range" in made.stderr
    back = datmo(team, "contract", "convert", "faces.parquet", "--from", "parquet").stdout
    assert "physicalType: int32\n        required: true\n" in back
    words = ("contract", "convert", "faces", "--to", "pandera", "-o")
    refused(team, *words, "faces.parquet", says=("'faces.parquet' exists already",))
    datmo(team, *words, "frames/faces.yaml")
    shown = datmo(team, "contract", "convert", "frames/faces.yaml", "--from", "pandera").stdout
    assert "minimum: 0\n          maximum: 120\n" in shown


@pytest.mark.parametrize(
    "words",
    [
        ("show", "a", "b"),
        ("diff", "--against", "x"),
        ("show", "--format", "json"),
        ("show", "--to", "json-schema"),
        ("check", "-o", "x"),
    ],
)
def test_options_of_another_action_are_refused(team: Shell, words: tuple[str, ...]) -> None:
    refused(team, "contract", *words, code=129)


def test_signature_of_an_mlmodel_file_becomes_a_contract_and_back(repo: Shell) -> None:
    repo.write("MLmodel", """signature:\n  inputs: '[{"type": "long", "name": "age"}]'\n""")
    made = datmo(repo, "contract", "convert", "MLmodel", "--from", "mlmodel").stdout
    repo.write("contracts/m.odcs.yaml", made)
    done = datmo(repo, "contract", "convert", "m", "--to", "mlmodel")
    inputs = json.loads(json.loads(done.stdout)["signature"]["inputs"])
    assert inputs == [{"type": "long", "name": "age", "required": True}]
    assert "warning: not converted: version" in done.stderr
