"""Test that served models are shown in production beside their recorded experiments."""

from __future__ import annotations

import gzip
import json
from typing import Any

from git_datmo.repository.workspace import open_workspace
from git_datmo.web.exported_names import ExportedNames
from git_datmo.web.following import LIVENESS
from git_datmo.web.live_pages import open_pages
from git_datmo.web.page_documents import make_document
from git_datmo.web.page_state import KEY, PageState
from tests.support.commands import datmo, experiments
from tests.support.feedback_events import collect, outcome, prediction, refusal, write_events
from tests.support.pair import Pair
from tests.support.schemas import require_valid
from tests.support.shell import Shell


def status(shell: Shell, *words: str) -> list[dict[str, Any]]:
    """Return the documents of `feedback status`."""
    lines = datmo(shell, "feedback", "status", *words, "--json").stdout.splitlines()
    documents = [json.loads(line) for line in lines]
    for document in documents:
        require_valid("feedback", document)
    return documents


def train(shell: Shell) -> str:
    """Record an experiment with checked data and a metric, and return its id."""
    rows = [f"{row},{50 + row % 40},{row % 2}" for row in range(400)]
    shell.write("data/birds.csv", "\n".join(["id,mass,y", *rows, ""]))
    datmo(shell, "add-data", "data")
    datmo(shell, "contract", "infer", "data/birds.csv")
    shell.git("add", "contracts")
    script = "import json; json.dump({'accuracy': 0.9}, open('metrics.json', 'w'))\n"
    shell.commit("train.py", script)
    datmo(shell, "contract", "check")
    datmo(shell, "run", "-m", "birds", "--", "python3", "train.py")
    oid: str = experiments(shell)[0]["id"]
    return oid


def check_page_with_log(shell: Shell, snapshot: str, found: dict[str, Any]) -> None:
    """Check that the live page has the events of the log, follows them, and exports none."""
    shell.git("config", "datmo.feedbackLog", "events")
    name = f"feedback/{snapshot[:KEY]}"
    pages = open_pages(shell.env, shell.cwd)
    assert json.loads(gzip.decompress(pages.document(name))) == found
    pages.look()
    write_events(shell, "3", [prediction(snapshot, 4, {"mass": [50]}, {"y": [1]})])
    changed = [each for _ in range(LIVENESS) for event in pages.look() for each in event["changed"]]
    assert "feedback" in changed
    document = json.loads(gzip.decompress(pages.document(name)))
    assert document["uncollected"] == 2
    pages.close()
    with open_workspace(shell.env, shell.cwd) as ws:
        assert json.loads(make_document(PageState(ws), name))["uncollected"] == 0
    (shell.cwd / "events" / "3.jsonl").unlink()


def test_production_is_shown_beside_the_record_in_every_clone(pair: Pair) -> None:
    alex = pair.alex
    assert datmo(alex, "feedback", "status").stderr == "this clone has no feedback\n"
    snapshot = train(alex)
    masses = [50 + row % 40 for row in range(200)]
    moved = [mass + 20 for mass in masses]
    first = [
        prediction(snapshot, 1, {"mass": moved}, {"y": [row % 2 for row in range(200)]}),
        *(outcome(snapshot, 1, {"y": 1}, row=row) for row in range(4)),
        refusal(snapshot, 2, "mass", "maximum"),
    ]
    collect(alex, "1", first)
    # The log has the collected events, too, and one more.
    more = [prediction(snapshot, 3, {"mass": [50]}, {"y": [1]}), first[-1]]
    write_events(alex, "2", more)
    (found,) = status(alex, "--log", "events")
    assert (found["predictions"], found["refusals"], found["outcomes"]) == (2, 1, 4)
    assert (found["batches"], found["absent"], found["uncollected"]) == (1, 0, 1)
    assert (
        "  in the log   1 event not collected yet\n"
        in datmo(alex, "feedback", "--log", "events").stdout
    )
    check_page_with_log(alex, snapshot, found)

    alex.git("push", "-q", "origin", "main")
    sam = pair.clone()
    datmo(sam, "fetch")
    url = sam.git("config", "remote.origin.url").strip()
    sam.git("config", "remote.origin.url", f"{url}-gone")
    (found,) = status(sam)
    assert (found["predictions"], found["batches"], found["absent"]) == (0, 1, 1)
    assert "1 of 1 not available, and not counted" in datmo(sam, "feedback").stdout
    sam.git("config", "remote.origin.url", url)
    (found,) = status(sam)
    assert (found["snapshot"], found["predictions"]) == (snapshot[:10], 1)
    assert found["refused"] == [{"field": "mass", "rule": "maximum", "count": 1}]
    assert found["metrics"][0] == {
        "field": "y",
        "metric": "accuracy",
        "production": 0.5,
        "count": 4,
        "recorded": {"accuracy": 0.9},
    }
    changes = {each["field"]: (each["is_large"], each["rows"]) for each in found["stability"]}
    assert changes == {"mass": (True, 200), "y": (False, 200)}
    shown = datmo(sam, "feedback").stdout
    assert "  refusals     1: mass maximum 1\n" in shown
    assert "  recorded     accuracy=0.9\n" in shown
    for words in (["y", "accuracy", "0.5", "4", "accuracy=0.9"], ["output", "y", "0.00", "200"]):
        assert words in [line.split() for line in shown.splitlines()]

    # The page has the same, live and exported.
    with open_workspace(sam.env, sam.cwd) as ws:
        state = PageState(ws)
        name = f"feedback/{snapshot[:KEY]}"
        assert json.loads(make_document(state, f"experiment/{snapshot[:KEY]}"))["feedback"] == name
        assert json.loads(make_document(state, name)) == found
        assert name in set(ExportedNames(state).all())
