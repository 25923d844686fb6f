"""Test that a check warns of fields that are distributed differently than before."""

from __future__ import annotations

import json
from typing import Any

from tests.support.commands import datmo
from tests.support.pair import Pair
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
    assert (
        f"  warning: mass: values are distributed differently than in the data checked at {first[:10]} ("
        in shown
    )
    # The record of a colleague tells the same, and older data are compared with none after them.
    alex.git("push", "-q", "origin", "main")
    clone = pair.clone()
    datmo(clone, "fetch")
    assert findings(clone, "HEAD") == [("warn", "drift", "mass")]
    assert findings(clone, "HEAD~") == []
