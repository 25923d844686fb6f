"""Make the documents of an example for tests of the page: 24 experiments by two people."""

from __future__ import annotations

import math
from typing import Any

from tests.support.page_contracts import make_contracts
from tests.support.page_documents import (
    SPIKE,
    START,
    Document,
    make_curve,
    make_oid,
    make_png,
    make_table,
)

COUNT = 24
LONG = 60_000
"""Points of the long curve; its spike is at a third of them."""


def make_example(odd: str = "") -> tuple[dict[str, Document], dict[str, bytes]]:
    """Return documents and files; `odd` is put into every name and text that people choose."""
    facts = [_facts(number, odd) for number in range(COUNT)]
    rows = [_values(number, odd) for number in range(COUNT)]
    documents = make_table(rows, facts)
    documents["experiments"]["sparklines"] = [{"name": f"loss{odd}", "document": "sparklines/0"}]
    documents["sparklines/0"] = {
        "name": f"loss{odd}",
        "rows": [_loss(n)[::5] for n in range(COUNT)],
    }
    for number in range(COUNT):
        documents |= _experiment(number, facts[number], odd)
    documents |= _files(odd)
    documents["data"] = {"stored": 4_000, "payloads": [_versions(f"data{odd}", odd)]}
    documents["story"] = {"entries": [_entry(n, facts[n], odd) for n in reversed(range(COUNT))]}
    documents["health"] = _health(odd)
    documents["contracts"] = make_contracts(odd)
    suffixed = {f"{make_oid(f'image{red}')}.png": make_png(red) for red in (40, 200)}
    return documents, suffixed


def id_of(number: int) -> str:
    """Return the id of an experiment; 0 is the newest."""
    return make_oid(f"experiment {number}")


def _facts(number: int, odd: str) -> dict[str, Any]:
    author = ("Ada", "Grace")[number % 2]
    return {
        "id": id_of(number),
        "subject": f"Try number {COUNT - number}{odd}",
        "message": f"Try number {COUNT - number}{odd}",
        "why": f"Perhaps **depth** {number % 3} helps{odd}" if number % 4 == 0 else None,
        "author": f"{author}{odd}",
        "mail": f"{author.lower()}@example.com",
        "time": START - 3_600 * number,
        "seconds": 10.0 + number,
        "status": "failed" if number == 5 else "completed",
        "exit": 1 if number == 5 else 0,
        "commit": make_oid(f"commit {number // 4}"),
        "branch": f"main{odd}",
        "tags": f"paper{odd}" if number == 3 else None,
        "code": make_oid(f"code {number // 12}")[:10],
        "tree": make_oid(f"tree {number // 12}"),
        "data": make_oid("data 1")[:10],
        "environment": make_oid("environment")[:10],
        "receipts": "reproduced 1" if number == 3 else None,
        "annotations": 2 if number == 3 else 0,
        "command": f"python train.py{odd}",
        "is_data_only": False,
    }


def _values(number: int, odd: str) -> dict[str, Any]:
    accuracy = round(0.7 + 0.01 * ((number * 7) % COUNT), 4)
    return {
        f"params.rate{odd}": (0.1, 0.01, 0.001)[number // 2 % 3],
        "params.depth": 2 + number // 6,
        "params.seed": number % 2,
        f"metrics.accuracy{odd}": "NaN" if number == 5 else accuracy,
        f"metrics.loss{odd}": round(1.2 - accuracy, 4),
    }


def _loss(number: int) -> list[float]:
    return [round(1 + math.exp(-at / (5 + number)), 4) for at in range(60)]


def _experiment(number: int, facts: dict[str, Any], odd: str) -> dict[str, Document]:
    oid = id_of(number)
    key = oid[:16]
    values = _values(number, odd)
    losses = _loss(number)
    losses[7] = math.nan
    documents = make_curve(f"curve/{key}/1", [("", losses), ("1", losses[:40])])
    if number == 0:
        ripple = [math.sin(at / 500) for at in range(LONG)]
        ripple[LONG // 3] = SPIKE
        documents |= make_curve(f"curve/{key}/2", [("", ripple)])
    metrics = [
        _metric(f"accuracy{odd}", values[f"metrics.accuracy{odd}"], "max", "", 0),
        _metric(f"loss{odd}", losses[-1], "min", f"curve/{key}/1", 60),
        *([_metric("ripple", 0.5, "", f"curve/{key}/2", LONG)] if number == 0 else []),
    ]
    documents[f"log/{key}"] = {
        "text": f"start{odd}\n\x1b[32mepoch 1\x1b[0m done\n\x1b]0;title\x07\x1b[2Jloss 0.5\n",
        "size": 60,
        "is_cut": False,
    }
    documents[f"patch/{key}"] = {
        "text": f"diff --git a/train.py b/train.py\n@@ -1 +1 @@\n-rate = 1\n+rate = 2{odd}\n"
    }
    if number == 0:
        documents[f"feedback/{key}"] = _feedback(oid, odd)
    documents[f"experiment/{key}"] = {
        "id": oid,
        "commit": facts["commit"],
        "facts": {name: value for name, value in facts.items() if name != "id"},
        "annotations": _notes(number, odd),
        "tags": [facts["tags"]] if facts["tags"] else [],
        "command": facts["command"],
        "folder": "",
        "params": [
            {"name": name.removeprefix("params."), "value": value, "source": "user"}
            for name, value in values.items()
            if name.startswith("params.")
        ],
        "metrics": metrics,
        "environment": {
            "engine": "host",
            "id": make_oid("environment"),
            "python": "3.11.7",
            "lines": [["interpreter", f"cpython{odd}"]],
            "packages": [[f"numpy{odd}", f"2.{number // 12}", "index"]],
        },
        "machine": [["cpus", 2]],
        "resources": [["peak_memory", 48_000_000]],
        "inputs": [_payload(f"data{odd}", number // 12)],
        "outputs": [],
        "code": {
            "files": f"files/{make_oid(f'code {number // 12}')}",
            "patch": f"patch/{key}" if number == 0 else "",
            "changed": 1 if number == 0 else 0,
        },
        "feedback": f"feedback/{key}" if number == 0 else "",
        "log": f"log/{key}",
        "media": [_media(number, odd)],
        "receipts": _receipts(number, odd),
        "tests": _tests(number, odd),
        "checks": _checks(number, odd),
        "attempts": [],
        "parents": [{"id": id_of(number + 1), "path": f"data{odd}", "role": "input"}]
        if number < 2
        else [],
        "children": [],
        "commands": [{"does": "show this experiment", "command": f"git datmo show {oid[:10]}"}],
    }
    return documents


def _metric(name: str, last: object, goal: str, curve: str, points: int) -> Document:
    extremes = (
        {"min": 0.5, "max": 2.0, "best": 0.5} if curve else dict.fromkeys(("min", "max", "best"))
    )
    return {"name": name, "last": last, **extremes, "goal": goal, "curve": curve, "points": points}


def _notes(number: int, odd: str) -> list[Document]:
    if number != 3:
        return []
    first = make_oid("note")
    texts = [("hypothesis", f"Depth matters{odd}", ""), ("result", f"It *does*{odd}", first)]
    return [
        {
            "id": first if not answers else make_oid(text),
            "type": kind,
            "text": text,
            "author": f"Ada{odd}",
            "time": START,
            "answers": answers,
        }
        for kind, text, answers in texts
    ]


def _receipts(number: int, odd: str) -> list[Document]:
    if number != 3:
        return []
    return [
        {
            "verdict": "differs",
            "author": f"Grace{odd}",
            "time": START,
            "engine": "docker",
            "differences": [f"accuracy 0.91 instead of 0.9{odd}"],
        }
    ]


def _checks(number: int, odd: str) -> list[Document]:
    if number != 3:
        return []
    return [
        {
            "contract": f"contracts/faces{odd}.odcs.yaml",
            "verdict": "broken",
            "counts": "1 file, 400 rows, 1 error",
            "first": f"years: 1 row is above the maximum 120{odd}",
            "drift": f"1 field drifted since 0123456789 (years{odd})",
        }
    ]


def _tests(number: int, odd: str) -> list[Document]:
    if number != 3:
        return []
    return [
        {
            "verdict": "failed",
            "author": f"Grace{odd}",
            "time": START,
            "count": 7,
            "champion": id_of(4),
            "problems": [f"failed gate accuracy >= champion{odd}: accuracy 0.9"],
        }
    ]


def _payload(path: str, version: int) -> Document:
    oid = make_oid(f"data {version}")
    return {
        "path": path,
        "form": "folder",
        "oid": oid,
        "size": 2_000,
        "files": 3,
        "listing": f"files/{oid}",
        "from": [],
        "is_local": True,
        "remotes": ["origin"],
    }


def _media(number: int, odd: str) -> Document:
    blob = make_oid(f"image{(40, 200)[number % 2]}")
    items = [{"step": step, "blob": blob, "suffix": ".png", "size": 900} for step in (0, 5)]
    return {"name": f"samples{odd}", "kind": "image", "items": items}


def _files(odd: str) -> dict[str, Document]:
    table, text, image = make_oid("table"), make_oid("text"), make_oid("image40")
    documents: dict[str, Document] = {}
    for version in range(2):
        note = make_oid(f"note {version}")
        listed = [
            (f"labels{odd}.csv", table, "table"),
            (f"readme{odd}.txt", text, "text"),
            (f"one{odd}.png", image, "image"),
            (f"note-{version}{odd}.json", note, "json"),
        ]
        files = [{"path": p, "oid": o, "size": 90, "kind": k} for p, o, k in listed]
        documents[f"files/{make_oid(f'data {version}')}"] = {"files": files}
        documents[f"text/{note}"] = {
            "text": f'{{"version": {version}}}',
            "is_cut": False,
            "size": 14,
        }
        code = make_oid(f"train {version}")
        train = {"path": "train.py", "oid": code, "size": 20, "kind": "text"}
        documents[f"files/{make_oid(f'code {version}')}"] = {"files": [train]}
        documents[f"text/{code}"] = {"text": f"rate = {version}{odd}\n", "is_cut": False, "size": 9}
    documents[f"text/{text}"] = {"text": f"plain{odd} text\n", "is_cut": True, "size": 9_000}
    column = {"missing": 0, "distinct": 2, "min": 0, "max": 9, "mean": 4.5, "bins": [1, 5, 2]}
    documents[f"table/{table}"] = {
        "rows": 100,
        "columns": [{"name": f"label{odd}", "type": "number", **column}],
        "sample": [[1], [2]],
    }
    return documents


def _versions(path: str, odd: str) -> Document:
    versions = [
        {
            "oid": make_oid(f"data {version}"),
            "size": 2_000,
            "new_bytes": 2_000 * version,
            "files": 3,
            "added": 1,
            "removed": 0,
            "changed": version,
            "time": START - 9_000 * version,
            "author": f"Ada{odd}",
            "subject": f"Clean the labels{odd}",
            "why": f"Some were wrong{odd}",
            "commit": make_oid(f"commit {version}"),
            "experiment": id_of(3),
            "used_by": [id_of(0), id_of(1)],
        }
        for version in range(2)
    ]
    return {"path": path, "versions": versions}


def _entry(number: int, facts: dict[str, Any], odd: str) -> Document:
    values = _values(number, odd)
    return {
        "experiment": id_of(number),
        "time": facts["time"],
        "author": facts["author"],
        "subject": facts["subject"],
        "why": facts["why"] or "",
        "notes": _notes(number, odd),
        "tags": [facts["tags"]] if facts["tags"] else [],
        "status": facts["status"],
        "branch": facts["branch"],
        "parents": [],
        "values": {f"accuracy{odd}": values[f"metrics.accuracy{odd}"]},
    }


def _feedback(oid: str, odd: str) -> Document:
    metric = {"field": f"y{odd}", "metric": "accuracy", "production": 0.5, "count": 4}
    change = {"field": f"mass{odd}", "side": "input", "rows": 200, "index": 2.65, "is_large": True}
    return {
        "snapshot": oid[:10],
        "first": "2026-01-02T00:00:01.000Z",
        "last": "2026-01-03T00:00:01.000Z",
        "batches": 2,
        "absent": 1,
        "uncollected": 7,
        "predictions": 1234,
        "rows": 2000,
        "refusals": 3,
        "refused": [{"field": f"mass{odd}", "rule": "maximum", "count": 3}],
        "outcomes": 4,
        "unmatched": 0,
        "metrics": [metric | {"recorded": {f"accuracy{odd}": 0.9}}],
        "stability": [change | {"contract": f"contracts/birds.odcs.yaml{odd}"}],
        "recorded": {f"accuracy{odd}": 0.9},
    }


def _health(odd: str) -> Document:
    ids = [id_of(number) for number in range(4)]
    remote = {
        "name": f"origin{odd}",
        "url": f"https://host/x{odd}",
        "seen": None,
        "unshared": ids[:2],
    }
    return {
        "remotes": [remote],
        "missing": [{"experiment": ids[0], "path": f"data{odd}", "oid": make_oid("data 0")}],
        "unsigned": ids,
        "reproduced": ids[3:],
        "differs": ids[2:3],
        "never_reproduced": ids[:2],
        "commands": [{"does": "share them", "command": "git push"}],
    }
