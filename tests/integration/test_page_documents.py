"""Test the documents of the page: what they say about experiments, curves, data and history."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from git_datmo.model import Oid
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.report.curve_parts import PART
from git_datmo.repository.stored_curves import store_curves
from git_datmo.repository.workspace import open_workspace
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import NoDocument, PageState
from tests.support.commands import datmo
from tests.support.page_repository import MARKUP, ids
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def repo(page_template: Shell) -> Shell:
    return page_template


@pytest.fixture
def state(repo: Shell) -> Iterator[PageState]:
    with open_workspace(repo.env, repo.cwd) as ws:
        yield PageState(ws)


def load(state: PageState, name: str) -> Any:
    return json.loads(make_document(state, name))


def column(document: Any, name: str) -> list[Any]:
    found = next(each for each in document if each["name"] == name)
    if "words" in found:
        return [None if index < 0 else found["words"][index] for index in found["index"]]
    values: list[Any] = found["values"]
    return values


def by_name(items: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in items}


def test_table_has_facts_and_blocks_in_the_order_of_log(repo: Shell, state: PageState) -> None:
    document = load(state, "experiments")
    runs = ids(repo)
    assert [oid for oid in document["ids"] if oid in runs] == runs
    assert column(document["facts"], "subject")[:3] == ["use it", "second", f"first {MARKUP}"]
    assert column(document["facts"], "tags")[:3] == [None, None, "good"]
    assert column(document["facts"], "annotations")[:3] == [0, 0, 1]
    assert column(document["facts"], "branch")[:3] == ["main"] * 3
    assert column(document["facts"], "status")[:3] == ["completed"] * 3
    assert document["repository"]["branch"] == "main"
    listed = by_name(document["columns"])
    block = load(state, f"block/{listed['params.rate']['block']}")["columns"]
    assert column(block, "params.rate")[:3] == [None, 0.2, 0.1]
    # An integer that a browser would round is text.
    assert str(1 << 60) in column(block, "params.big")
    assert listed["metrics.loss.best"]["goal"] == listed["metrics.loss"]["goal"] == "min"
    assert listed["metrics.accuracy"]["goal"] == "max"
    assert listed["metrics.loss"]["present"] == 2


def test_values_that_json_lacks_are_texts(state: PageState) -> None:
    document = load(state, "experiments")
    block = by_name(document["columns"])["metrics.loss"]["block"]
    assert "NaN" in column(load(state, f"block/{block}")["columns"], "metrics.loss")


def test_experiment_tells_all_about_itself(repo: Shell, state: PageState) -> None:
    use, second, first = ids(repo)
    document = load(state, f"experiment/{first[:16]}")
    assert document["id"] == first
    assert document["command"] == "python train.py 0.1"
    assert [note["type"] for note in document["annotations"]] == ["hypothesis"]
    assert by_name(document["params"])["rate"]["value"] == 0.1
    assert by_name(document["metrics"])["loss"]["points"] == 201
    assert [each["path"] for each in document["inputs"]] == ["data"]
    assert "model.bin" in [each["path"] for each in document["outputs"]]
    media = {(each["kind"], each["name"]): each["items"][0]["step"] for each in document["media"]}
    assert media == {("text", "note"): 3, ("table", "table"): None, ("image", "sample"): 10}
    assert document["code"]["changed"] == 0
    assert f"git datmo show {first[:10]}" in [each["command"] for each in document["commands"]]
    assert document["children"] == []
    assert document["parents"] == []
    written = load(state, f"experiment/{second[:16]}")
    assert {"id": use, "path": "model.bin", "role": "output"} in written["children"]
    used = load(state, f"experiment/{use[:16]}")
    assert second in [link["id"] for link in used["parents"]]


def test_changed_code_is_a_patch_from_the_commit(repo: Shell, state: PageState) -> None:
    second = ids(repo)[1]
    assert load(state, f"experiment/{second[:16]}")["code"]["changed"] == 1
    text = load(state, f"patch/{second[:16]}")["text"]
    assert "--- a/train.py\n+++ b/train.py\n" in text
    assert "\n+# more\n" in text


def test_log_keeps_its_colours(repo: Shell, state: PageState) -> None:
    document = load(state, f"log/{ids(repo)[1][:16]}")
    assert document["text"] == f"\x1b[31mred\x1b[0m {MARKUP}\n"
    assert not document["is_cut"]


def test_short_curve_has_its_points(repo: Shell, state: PageState) -> None:
    first = ids(repo)[-1]
    metrics = load(state, f"experiment/{first[:16]}")["metrics"]
    document = load(state, by_name(metrics)["loss"]["curve"])
    assert document["values"][0][76:79] == [1 / 77, 50.0, 1 / 79]
    assert document["values"][0][-1] == "NaN"
    assert document["steps"][0][-1] == 200
    rows = load(state, "sparklines/0")["rows"]
    assert max(value for row in rows if row for value in row if value != "NaN") == 50.0


def test_files_are_listed_with_their_kinds(repo: Shell, state: PageState) -> None:
    inputs = load(state, f"experiment/{ids(repo)[1][:16]}")["inputs"]
    listing = load(
        state, by_name([{**each, "name": each["path"]} for each in inputs])["data"]["listing"]
    )
    kinds = {file["path"]: file["kind"] for file in listing["files"]}
    assert kinds == {"a.csv": "table", f"{MARKUP[:20]}.svg": "text"}
    oid = next(file["oid"] for file in listing["files"] if file["path"] == "a.csv")
    table = load(state, f"table/{oid}")
    assert table["rows"] == 3
    number, word = table["columns"]
    assert (number["type"], number["missing"], number["min"], number["max"]) == ("number", 1, 1, 2)
    assert sum(number["bins"]) == 2
    assert (word["type"], word["distinct"]) == ("text", 3)
    assert load(state, f"text/{oid}")["text"].startswith("n,word\n")


def test_data_has_versions_with_those_who_used_them(repo: Shell, state: PageState) -> None:
    _, second, first = ids(repo)
    payloads = {each["path"]: each["versions"] for each in load(state, "data")["payloads"]}
    (version,) = payloads["data"]
    # The third run is known to have read another payload alone.
    assert set(version["used_by"]) == {second, first}
    assert (version["added"], version["is_output"], version["is_local"]) == (2, False, True)
    assert [each["is_output"] for each in payloads["model.bin"]] == [True, True]
    assert [each["changed"] for each in payloads["model.bin"]] == [0, 1]


def test_story_begins_with_the_oldest_experiment(repo: Shell, state: PageState) -> None:
    entries = load(state, "story")["entries"]
    assert [each["experiment"] for each in entries] == ids(repo)[::-1]
    assert entries[0]["notes"][0]["text"] == f"it may work {MARKUP}"
    assert entries[0]["values"]["accuracy"] == 0.6
    assert "loss.min" not in entries[0]["values"]


def test_health_names_what_is_not_reproduced(repo: Shell, state: PageState) -> None:
    health = load(state, "health")
    assert health["never_reproduced"] == ids(repo)
    assert set(ids(repo)) <= set(health["unsigned"])
    assert health["missing"] == []
    assert health["remotes"] == []


def test_health_does_not_miss_what_the_remote_has(pair: Pair) -> None:
    began = int(time.time())
    pair.alex.commit("train.py", "open('model.bin', 'w').write('1')\n")
    datmo(pair.alex, "run", "--", "python3", "train.py")
    pair.alex.git("push", "-q")
    ignacio = pair.clone()
    for shell in (pair.alex, ignacio):
        with open_workspace(shell.env, shell.cwd) as ws:
            health = load(PageState(ws), "health")
            assert health["missing"] == []
            (remote,) = health["remotes"]
            assert remote["unshared"] == []
            assert began <= remote["seen"] <= time.time()
    # A clone whose remote is another one knows of no place that has the data.
    ignacio.git("remote", "set-url", "origin", str(ignacio.cwd / "elsewhere"))
    with open_workspace(ignacio.env, ignacio.cwd) as ws:
        (lost,) = load(PageState(ws), "health")["missing"]
    assert lost["path"] == "model.bin"


@pytest.mark.parametrize(
    "name",
    [
        *("", "nothing", "experiments/1", "block/999", "block/x", "block/-1", "sparklines/99"),
        *("experiment/0123456789abcdef", "experiment/../../x", "curve/0123456789abcdef/0"),
        *("files/123", f"text/{'0' * 40}", f"table/{'0' * 40}", f"files/{'0' * 40}", "log/HEAD"),
    ],
)
def test_name_without_document_is_refused(state: PageState, name: str) -> None:
    with pytest.raises(NoDocument):
        make_document(state, name)


def test_long_curve_is_read_by_levels(tmp_path: Path, sealed: dict[str, str]) -> None:
    from array import array

    from git_datmo.curves.curve_points import Points
    from git_datmo.records.snapshot_record import Run

    shell = Shell(tmp_path, sealed)
    shell.git("init", "-q", ".")
    shell.commit("x", "x")
    datmo(shell, "init")
    count, spike = 40_000, 12_345
    values = array("d", (float(number % 7) for number in range(count)))
    values[spike] = 1000.0
    steps, times = array("d", map(float, range(count))), array("q", range(count))
    with open_workspace(shell.env, shell.cwd) as ws:
        series, curves = store_curves(ws, {"loss": Points(values, steps, times)}, {})
        head = ws.head()
        assert isinstance(head, Oid)
        snapshot = Snapshot(
            head, head, "", "2026-01-01T00:00:00.000000Z", Person("A", "a@b"), "long", "", (), {},
            {"loss": 1.0}, None, True, None, Run(("x",), exit_code=0, series=series), curves=curves,
        )  # fmt: skip
        (oid,) = ws.ledger.attach(snapshot)
    with open_workspace(shell.env, shell.cwd) as ws:
        state, name = PageState(ws), f"curve/{str(oid)[:16]}/0"
        (found,) = load(state, name)["series"]
        assert found["points"] == count
        assert "values" not in load(state, name)
        for number, level in enumerate(found["levels"]):
            assert level["parts"] == -(-level["count"] // PART)
            parts = [load(state, f"{name}/0/{number}/{part}") for part in range(level["parts"])]
            highs = [high for part in parts for high in part.get("highs", part.get("values"))]
            assert len(highs) == level["count"]
            # The spike is in every level, in the bucket that holds it.
            assert highs.index(1000.0) == spike // level["bucket"]
            if number:
                last = [step for part in parts for step in part["last_steps"]]
                assert last[-1] == count - 1
                assert last[0] == level["bucket"]
