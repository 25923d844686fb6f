"""Test that a check warns of fields that are distributed differently than before."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

from git_datmo.repository.workspace import open_workspace
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import KEY, PageOptions, PageState
from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell


def write_birds(shell: Shell, mass: float, secret: int) -> None:
    """Write 400 rows whose masses begin at `mass`."""
    rows = [f"{row},{mass + row % 40},{'ab'[row % 2]},{secret + row % 50}" for row in range(400)]
    shell.write("data/birds.csv", "\n".join(["id,mass,sex,secret", *rows, ""]))


def findings(shell: Shell, *words: str) -> list[tuple[str, str, str]]:
    """Return level, rule and field of the findings of a check that holds."""
    (line,) = datmo(shell, "contract", "check", *words, "--json").stdout.splitlines()
    return [(each["level"], each["rule"], each["field"]) for each in json.loads(line)["findings"]]


def profiles(shell: Shell) -> dict[str, Any]:
    """Return the profiles of the record of a check of HEAD."""
    notes = shell.git("notes", "--ref=datmo", "show", "HEAD").splitlines()
    (record,) = [line.split(" ", 1)[0] for line in notes if " check " in line]
    document = json.loads(shell.git("cat-file", "blob", record))
    return {each["field"]: each["profile"] for each in document["profiles"]}


def require_drift_is_shown(shell: Shell, first: str) -> None:
    """Require that `show`, `log`, `report` and the page name the field that drifted."""
    words = f"1 field drifted since {first[:10]} (mass)"
    line = f"contracts/birds.odcs.yaml holds, 1 file, 400 rows, {words}\n"
    assert f"contract:    {line}" in datmo(shell, "show").stdout
    log = datmo(shell, "log", "--data").stdout
    assert (log.count(line), log.count("drifted")) == (1, 1)
    snapshot = json.loads(datmo(shell, "show", "--json").stdout)["id"]
    report = unescape(datmo(shell, "report", snapshot).stdout)
    assert f"<code>holds, 1 file, 400 rows, {words}</code>" in report
    for verb, word in (("show", "HEAD"), ("log", "--data"), ("report", snapshot)):
        document = json.loads(datmo(shell, verb, word, "--json").stdout.splitlines()[0])
        require_valid(verb, document)
        ((drift,),) = [check["drift"] for check in document["checks"]]
        assert (drift["table"], drift["field"], drift["since"]) == ("birds", "mass", first)
        assert drift["index"] >= 0.25
    with open_workspace(shell.env, shell.cwd) as ws:
        name = f"experiment/{snapshot[:KEY]}"
        page = json.loads(make_document(PageState(ws), name))
        assert [each["drift"] for each in page["checks"]] == [words]
        without_code = PageState(ws, PageOptions(has_code=False))
        assert json.loads(make_document(without_code, name))["checks"] == []


def test_changed_distribution_is_a_warning_against_the_last_checked_version(pair: Pair) -> None:
    alex = pair.alex
    write_birds(alex, 50.0, 0)
    datmo(alex, "add-data", "data")
    datmo(alex, "contract", "infer", "data/birds.csv")
    contract = alex.cwd / "contracts" / "birds.odcs.yaml"
    text = contract.read_text("utf-8")
    classified = "- name: secret\n        classification: restricted\n"
    text = text.replace("- name: secret\n", classified).replace(
        "- name: id\n", "- name: id\n        unique: true\n"
    )
    contract.write_text(text, "utf-8")
    alex.git("add", "contracts")
    datmo(alex, "commit", "-m", "Add birds")
    first = alex.git("rev-parse", "HEAD").strip()
    assert findings(alex) == []
    found = profiles(alex)
    assert sorted(found) == ["mass", "sex"]
    assert (found["mass"]["edges"][0], found["mass"]["edges"][-1]) == (50, 89)
    assert (found["sex"]["categories"], found["sex"]["counts"]) == (["a", "b"], [200, 200, 0])

    write_birds(alex, 70.0, 500)
    # Data that are not stored yet are compared, too.
    assert findings(alex) == [("warn", "drift", "mass")]
    datmo(alex, "commit", "-m", "Weigh birds anew")
    shown = datmo(alex, "contract", "check").stdout
    assert "data/birds.csv: holds" in shown
    assert f"  warning: mass: drifted since {first[:10]} (population stability index " in shown
    require_drift_is_shown(alex, first)
    # The record of a colleague tells the same, and older data are compared with none after them.
    alex.git("push", "-q", "origin", "main")
    clone = pair.clone()
    datmo(clone, "fetch")
    assert findings(clone, "HEAD") == [("warn", "drift", "mass")]
    assert findings(clone, "HEAD~") == []
