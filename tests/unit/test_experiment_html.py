"""Test the HTML of experiments in notebooks, hostile texts included."""

from __future__ import annotations

import math
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from git_datmo.model import SHA1
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Curve, Run, Snapshot
from git_datmo.report.experiment_html import ROWS_LIMIT, experiment_html, experiments_html

ZERO = SHA1.hash("blob", b"")
HOSTILE = (
    "<script>alert(1)</script>",
    "</td></table><img src=x onerror=alert(1)>",
    "\x1b[31m\x9b2J\u202e",
    "&lt;\"'`",
    "\udc9b",
    "long " * 20_000,
)
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "p"}


class Page(HTMLParser):
    """Collect the texts, and check that every tag is plain and closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in TAGS
        assert attrs == []
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        assert data.isprintable()
        self.texts.append(data)


def snapshot(text: str) -> Snapshot:
    return Snapshot(
        commit=ZERO,
        tree=ZERO,
        patch="",
        created="2024-05-01T12:30:45.123456Z",
        author=Person(text, text),
        message=text,
        why=text,
        payloads=(),
        parameters={text: text},
        metrics={text: "NaN", "loss": 0.25},
        code=None,
        clean=True,
        environment=None,
        run=Run(("python", text), exit_code=3),
        curves={"loss": Curve("0", 7, 0.125, 2.0, "min")},
        tags=(text,),
    )


@pytest.mark.parametrize(
    "text", HOSTILE, ids=["script", "tags", "controls", "quotes", "half", "long"]
)
def test_hostile_text_is_shown_as_text(text: str) -> None:
    html = experiment_html("0" * 40, "1" * 40, snapshot(text))
    assert len(html) < 10_000
    assert "failed" in Page(html).texts
    table = experiments_html({text: [text, None, math.nan]})
    assert Page(table).texts[-1] == "3 experiments"
    table.encode()


def test_metric_has_its_last_and_best_value() -> None:
    texts = Page(experiment_html("0" * 40, "1" * 40, snapshot("text"))).texts
    start = texts.index("loss")
    assert texts[start : start + 6] == ["loss", "0.25", "0.125", "0.125", "2", "7"]


def test_experiment_without_message_is_named_by_its_id() -> None:
    bare = replace(snapshot("text"), message="", run=None)
    assert Page(experiment_html("0" * 40, "1" * 40, bare)).texts[0] == "0" * 10


def test_many_experiments_are_cut_and_counted() -> None:
    texts = Page(experiments_html({"id": ["a" * 40] * 1000, "empty": [None] * 1000})).texts
    assert texts.count("a" * 10) == ROWS_LIMIT
    assert "empty" not in texts
    assert texts[-1] == "1000 experiments, the first 100 of which are shown"
    assert Page(experiments_html({})).texts == ["0 experiments"]
