"""Test the document of contracts of the page."""

from __future__ import annotations

import json
from typing import Any

from git_datmo.report.contract_overview import describe_contracts, pair_contracts
from git_datmo.repository.workspace import open_workspace
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import PageOptions, PageState
from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.shell import Shell

MODEL = """\
apiVersion: v3.1.0
kind: DataContract
id: weigher
name: weigher
version: 1.0.0
status: active
schema:
  - name: birds
    customProperties:
      - {property: datmo.port, value: requires}
    properties:
      - {name: mass, logicalType: number}
"""


def write_birds(shell: Shell, first: int, last: str = "60") -> None:
    """Write 200 rows; masses begin at `first`, and the last row has `last`."""
    rows = [str(first + row % 40) for row in range(199)]
    shell.write("data/birds.csv", "\n".join(["mass", *rows, last, ""]))


def edit_contract(shell: Shell, old: str, new: str) -> None:
    file = shell.cwd / "contracts" / "birds.odcs.yaml"
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def contracts(shell: Shell, *, has_previews: bool = True) -> Any:
    with open_workspace(shell.env, shell.cwd) as ws:
        state = PageState(ws, PageOptions(has_previews=has_previews))
        return json.loads(make_document(state, "contracts"))


def test_document_has_versions_pairs_checks_and_drift(pair: Pair) -> None:
    alex = pair.alex
    assert contracts(alex) == {"contracts": [], "pairs": []}
    write_birds(alex, 50)
    datmo(alex, "add-data", "data")
    datmo(alex, "contract", "infer", "data/birds.csv")
    alex.write("contracts/weigher.odcs.yaml", MODEL)
    alex.git("add", "contracts")
    datmo(alex, "commit", "-m", "Add birds")
    first = alex.git("rev-parse", "HEAD").strip()
    datmo(alex, "contract", "check")
    write_birds(alex, 80, "heavy")
    edit_contract(alex, "mass", "weight")
    alex.git("add", "contracts")
    datmo(alex, "commit", "-m", "Rename mass")
    edit_contract(alex, "weight", "mass")
    alex.git("commit", "-qam", "Name it mass again")
    datmo(alex, "contract", "check", code=1)

    document = contracts(alex)
    birds, weigher = document["contracts"]
    assert (birds["file"], birds["paths"]) == ("contracts/birds.odcs.yaml", ["data/birds.csv"])
    (table,) = birds["tables"]
    (field,) = table["fields"]
    assert (table["port"], field["name"], field["type"]) == ("provides", "mass", "integer")
    assert [each["subject"] for each in birds["versions"]] == [
        "Name it mass again",
        "Rename mass",
        "Add birds",
    ]
    assert [each["size"] for each in birds["versions"]] == ["major", "major", ""]
    assert birds["versions"][0]["problem"].startswith("version 1.0.0 is too low")

    (meeting,) = document["pairs"]
    assert (meeting["provider"], meeting["consumer"]) == (birds["file"], weigher["file"])
    assert (meeting["findings"], meeting["fits"]) == ([], [[True], [False], [True]])

    newest, oldest = birds["checks"]
    assert (newest["verdict"], oldest["verdict"]) == ("broken", "holds")
    (finding,) = newest["findings"]
    assert finding["message"] == "1 row is not an integer"
    assert finding["samples"] == [{"row": 200, "value": "heavy"}]
    (drift,) = newest["drift"]
    assert (drift["field"], drift["is_large"], drift["since"]) == ("mass", True, first)
    assert oldest["drift"] == []
    # An export without previews has no value of the data.
    (finding,) = contracts(alex, has_previews=False)["contracts"][0]["checks"][0]["findings"]
    assert finding["samples"] == [{"row": 200, "value": ""}]


def test_invalid_contract_is_named_with_its_problem(pair: Pair) -> None:
    alex = pair.alex
    alex.write("contracts/birds.odcs.yaml", "kind: DataContract\n")
    alex.git("add", "contracts")
    alex.git("commit", "-qm", "Add a contract")
    with open_workspace(alex.env, alex.cwd) as ws:
        head = ws.head()
        assert head is not None
        (found,) = describe_contracts(ws, head)
        assert list(pair_contracts([found, found])) == []
    (contract,) = contracts(alex)["contracts"]
    assert "'apiVersion' is missing" in contract["problem"]
