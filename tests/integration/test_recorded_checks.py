"""Test that checks of contracts are recorded and shared, and that recalling them reads no data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo
from tests.support.contract_data import PENGUINS, add_birds, without_readers
from tests.support.pair import Pair
from tests.support.shell import Shell
from tests.support.ssh_keys import trust_ssh, use_ssh


def checked(shell: Shell, *words: str, code: int = 0) -> list[dict[str, Any]]:
    done = datmo(shell, "contract", "check", *words, "--json", code=code)
    return [json.loads(line) for line in done.stdout.splitlines()]


def records(shell: Shell) -> list[str]:
    """Return the lines of the notes that name checks."""
    notes = shell.git("notes", "--ref=datmo", "show", "HEAD").splitlines()
    return [line.split(" ", 1)[1] for line in notes if " check " in line]


@pytest.fixture
def penguins(pair: Pair) -> Shell:
    """Return a clone with data in two folders, and a contract of a pattern."""
    alex = pair.alex
    add_birds(alex)
    alex.git("commit", "-qm", "Add birds")
    return alex


def test_fresh_clone_rechecks_without_reading_data(
    penguins: Shell, pair: Pair, tmp_path: Path
) -> None:
    first = checked(penguins)
    assert [each["rows"] for each in first] == [8, 8]
    assert records(penguins) == ["check contracts/birds.odcs.yaml holds"]
    penguins.git("push", "-q", "origin", "main")
    blind = without_readers(pair.clone(), tmp_path)
    datmo(blind, "fetch")
    assert not (blind.cwd / "data").exists()
    assert checked(blind) == first
    assert checked(blind, "HEAD") == first
    assert records(blind) == records(penguins)


def test_enforced_check_of_another_clone_needs_a_trusted_signature(
    penguins: Shell, pair: Pair, tmp_path: Path
) -> None:
    use_ssh(penguins)
    penguins.git("config", "--global", "datmo.sign", "true")
    penguins.git("config", "--global", "datmo.contract", "enforce")
    first = checked(penguins)
    penguins.git("push", "-q", "origin", "main")
    # A repository believes itself.
    assert checked(without_readers(penguins, tmp_path / "alex")) == first
    blind = without_readers(pair.clone(), tmp_path / "ignacio")
    datmo(blind, "fetch")
    assert "without pyarrow" in datmo(blind, "contract", "check", "HEAD", code=128).stderr
    assert "birds.odcs.yaml holds) by A U Thor <author@example.com>: signature" in shown(blind, 1)
    trust_ssh(blind)
    assert checked(blind, "HEAD") == first
    (line,) = [line for line in shown(blind, 1).splitlines() if line.startswith("check ")]
    assert "signature good" in line


def shown(shell: Shell, code: int) -> str:
    """Return the text of the signatures of the newest experiment."""
    return datmo(shell, "verify", code=code).stdout


def test_changed_data_or_contract_are_checked_again(penguins: Shell, tmp_path: Path) -> None:
    checked(penguins)
    blind = without_readers(penguins, tmp_path)
    assert [each["verdict"] for each in checked(blind, "data/birds/one.csv")] == ["holds"]
    contract = penguins.cwd / "contracts" / "birds.odcs.yaml"
    before = contract.read_text("utf-8")
    contract.write_text(before.replace("draft", "active"), "utf-8")
    assert "without pyarrow" in datmo(blind, "contract", "check", code=128).stderr
    contract.write_text(before, "utf-8")
    penguins.write("data/birds/two.csv", PENGUINS.replace("2007", "last year"))
    assert "without pyarrow" in datmo(blind, "contract", "check", code=128).stderr
    found = {each["path"]: each["verdict"] for each in checked(penguins, code=1)}
    assert found == {"data/birds/one.csv": "holds", "data/birds/two.csv": "broken"}
    # Only stored data can be named by a record.
    assert len(records(penguins)) == 1
    penguins.git("checkout", "-q", "--", ".")
    datmo(penguins, "commit", "-m", "Break")
    checked(penguins, "HEAD", code=1)
    assert records(penguins) == ["check contracts/birds.odcs.yaml broken"]


def test_data_that_are_not_here_are_unchecked_without_record(penguins: Shell, pair: Pair) -> None:
    penguins.git("push", "-q", "origin", "main")
    clone = pair.clone()
    datmo(clone, "fetch")
    found = checked(clone)
    assert [each["verdict"] for each in found] == ["unchecked", "unchecked"]
    message = found[0]["findings"][0]["message"]
    assert message == (
        "not in the working tree: 'git datmo checkout -- data/birds/one.csv' fetches it"
    )
    datmo(clone, "checkout", "--", "data/birds/one.csv")
    assert [each["verdict"] for each in checked(clone)] == ["holds", "unchecked"]


def test_run_on_data_that_break_their_contract_is_refused(penguins: Shell) -> None:
    datmo(penguins, "run", "--", "true")
    penguins.write("data/birds/two.csv", PENGUINS.replace("year", "jahr"))
    done = datmo(penguins, "run", "--", "touch", "ran", code=125)
    assert "'data/birds/two.csv' breaks contracts/birds.odcs.yaml: year: column" in done.stderr
    assert not (penguins.cwd / "ran").exists()
    datmo(penguins, "run", "--no-contract", "--", "touch", "ran")
    assert (penguins.cwd / "ran").exists()
