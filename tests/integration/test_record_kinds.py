"""Test that every command handles a record kind registered once, and that older versions keep
it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import STORE, datmo, experiments, refusal, states
from tests.support.disk_space import noise
from tests.support.pair import Pair
from tests.support.shell import Shell

MODULE = """
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.model import Content, Oid
from git_datmo.records.record_fields import decode_content
from git_datmo.records.record_kind import RecordKind
from git_datmo.records.record_registry import KINDS
from git_datmo.records.record_values import KeptObject, Person, more_field


@dataclass(frozen=True, slots=True)
class Series:
    about: Oid
    commit: Oid
    created: str
    author: Person
    steps: int
    table: Content
    more: tuple[KeptObject, ...] = more_field()

    kind = "series"


def decode(document):
    return {"about": Oid.parse(document["about"]), "table": decode_content(document["table"])}


def check(document):
    if not isinstance(document["steps"], int):
        raise Damaged("a series without steps")


KINDS["series"] = RecordKind(
    Series,
    words=lambda series: (f"{series.steps} steps",),
    decode=decode,
    check=check,
    objects=lambda series: (KeptObject("table", series.table),),
    about=lambda series: (series.about,),
)
"""
# Attaches a series about a snapshot, whose table is the content of a tracked payload.
ATTACH = """
import os, sys
from pathlib import Path
from series import Series
from git_datmo.model import Oid
from git_datmo.repository.workspace import open_workspace

with open_workspace(os.environ, Path.cwd()) as ws:
    payloads = {each.payload.path: each.payload for each in ws.tracking().payloads}
    head = ws.repo.resolve("HEAD")
    content = payloads[sys.argv[2]].content
    series = Series(Oid.parse(sys.argv[1]), head, ws.now(), ws.person, 7, content)
    print(ws.ledger.attach(series)[0])
"""


@dataclass(frozen=True)
class Scene:
    """Hold a clone that knows the kind, a record of it, and the object that only this record
    names."""

    shell: Shell
    record: str
    object: str

    def has_object(self) -> bool:
        return has(self.shell, self.object)


def has(shell: Shell, oid: str) -> bool:
    """Return whether the clone's store has the object."""
    return shell.run("git", *STORE, "cat-file", "-e", oid, ok=False).returncode == 0


@pytest.fixture
def python(tmp_path: Path) -> str:
    """Make a folder whose modules register the kind in each Python that has it on its path."""
    folder = tmp_path / "python"
    folder.mkdir()
    (folder / "series.py").write_text(MODULE)
    (folder / "sitecustomize.py").write_text("import series\n")
    return str(folder)


def attach(shell: Shell, table: bytes) -> Scene:
    """Make a snapshot, and a series about it whose table nothing else names."""
    shell.write("data/x", "1")
    datmo(shell, "add-data", "data")
    datmo(shell, "snapshot", "-m", "base")
    shell.write("table", table)
    datmo(shell, "add-data", "table")
    payloads = json.loads(datmo(shell, "status", "--json").stdout)["payloads"]
    (oid,) = (payload["object"] for payload in payloads if payload["path"] == "table")
    (snapshot,) = experiments(shell)
    record = shell.run("python", "-c", ATTACH, snapshot["id"], "table").stdout.strip()
    datmo(shell, "rm", "table")
    (shell.cwd / "table").unlink()
    assert states(shell) == {"data": "unchanged"}
    return Scene(shell, record, oid)


@pytest.fixture
def scene(pair: Pair, python: str) -> Scene:
    return attach(pair.alex.having(PYTHONPATH=python), noise(1, 5000))


def test_log_and_show_of_registered_kind_print_no_warning(scene: Scene) -> None:
    for verb in ("log", "show"):
        done = datmo(scene.shell, verb)
        assert "base" in done.stdout
        assert done.stderr == ""
    note = scene.shell.git("notes", "--ref=datmo", "show", "HEAD")
    assert f"{scene.record} series 7 steps" in note


def test_record_of_a_registered_kind_is_pushed_and_fetched_with_its_object(
    scene: Scene, pair: Pair, python: str
) -> None:
    scene.shell.git("push", "-q", "origin", "main")
    there = pair.hub.git("rev-list", "--objects", "refs/datmo/keep/1")
    assert scene.object in there
    other = pair.clone().having(PYTHONPATH=python)
    datmo(other, "fetch")
    assert datmo(other, "log").stderr == ""
    assert scene.record in other.git("notes", "--ref=datmo", "show", "HEAD")
    datmo(other, "fsck", "--remote")


def test_object_of_a_registered_kind_is_freed_after_its_drop_alone(scene: Scene) -> None:
    datmo(scene.shell, "gc")
    assert scene.has_object()
    dropped = datmo(scene.shell, "drop", scene.record[:10])
    assert f"dropped: {scene.record}" in dropped.stdout
    datmo(scene.shell, "gc")
    assert not scene.has_object()
    assert [told["message"] for told in experiments(scene.shell)] == ["base"]


def test_secret_in_an_object_of_a_registered_kind_is_not_pushed(pair: Pair, python: str) -> None:
    secret = f"x\ntoken = ghp_{'a1B2c3' * 6}\n"
    scene = attach(pair.alex.having(PYTHONPATH=python), secret.encode())
    refused = datmo(scene.shell, "push", code=128)
    refusal(refused, f"line 2 of 'table' of series '{scene.record}'")


def test_older_version_keeps_and_shares_a_kind_that_it_does_not_know(
    scene: Scene, pair: Pair, python: str
) -> None:
    older = scene.shell.having(PYTHONPATH="")
    warned = datmo(older, "log").stderr
    assert "was made by a newer git-datmo (kind 'series')" in warned
    assert "made by a newer git-datmo" in datmo(older, "show").stderr
    datmo(older, "gc")
    assert scene.has_object()
    older.git("push", "-q", "origin", "main")
    assert scene.object in pair.hub.git("rev-list", "--objects", "refs/datmo/keep/1")


def test_upgraded_version_knows_the_kind_of_a_record_that_it_kept(
    scene: Scene, python: str
) -> None:
    assert "newer git-datmo" in datmo(scene.shell.having(PYTHONPATH=""), "log").stderr
    assert datmo(scene.shell, "log").stderr == ""
    datmo(scene.shell, "drop", scene.record[:10])
