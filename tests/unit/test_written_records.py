"""Test that the catalog validates the records of others, and not those of its own repository."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.records import codec
from git_datmo.records.catalog_file import read_catalog
from git_datmo.records.ledger import Ledger
from git_datmo.records.written_records import WrittenRecords
from tests.support.ledgers import IDENTITY, annotation, open_ledger
from tests.support.shell import Shell


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    made = make_repo()
    made.commit("a", "1")
    return made


@pytest.fixture
def validated(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Collect the documents that the schema validator is called with."""
    seen: list[object] = []
    monkeypatch.setattr(codec, "_validator", lambda: seen.append)
    return seen


def attach_and_list(repo: Shell, written: Path | None, path: Path) -> int:
    """Attach a record, and return the number of records in the catalog."""
    head = repo.git("rev-parse", "HEAD")
    with open_ledger(repo) as opened:
        ledger = Ledger(opened._git, opened._odb, lambda: IDENTITY, written=written)
        ledger.attach(annotation(head, "mine"))
        return len(read_catalog(ledger, [ledger.tips()], path).rows)


def test_own_record_is_not_validated(repo: Shell, tmp_path: Path, validated: list[object]) -> None:
    assert attach_and_list(repo, tmp_path / "written", tmp_path / "catalog") == 1
    assert validated == []
    assert not (tmp_path / "written").exists()


def test_record_of_others_is_validated(
    repo: Shell, tmp_path: Path, validated: list[object]
) -> None:
    assert attach_and_list(repo, None, tmp_path / "catalog") == 1
    assert len(validated) == 1


@pytest.mark.parametrize("content", ["no id\n", "\N{SNOWMAN}"])
def test_damaged_file_names_no_record(tmp_path: Path, content: str) -> None:
    (tmp_path / "written").write_text(content, encoding="utf-8")
    assert WrittenRecords(tmp_path / "written").read() == frozenset()
