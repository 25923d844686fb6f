"""Test that records are readable on a terminal, without anything that it would obey."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.cli.console import Console
from git_datmo.cli.render import (
    DOCUMENTS,
    LINES,
    figures,
    snapshot_details,
    snapshot_document,
    snapshot_lines,
)
from git_datmo.cli.verdicts import receipt_document, receipts_line, verdict_lines
from git_datmo.history.experiment_rows import ROWS
from git_datmo.history.experiments import Found
from git_datmo.model import SHA1, Content, Form, Payload, Role
from git_datmo.records.receipt_record import Cause, Receipt, ReceiptDifference
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.sizes import show_count
from git_datmo.terminal_text import make_printable
from tests.support.record_strategies import records_in

ZERO = SHA1.hash("blob", b"")
AUTHOR = Person("Alex", "alex@example.com")
WHEN = "2024-05-01T12:30:45.123456Z"
CONTENT = Content(ZERO, Form.FOLDER, 2048, 3)


def console(*, coloured: bool = False) -> Console:
    return Console({}, Path.cwd(), io.StringIO(), io.StringIO(), coloured)


def snapshot(text: str = "text", **changes: object) -> Snapshot:
    run = Run(
        (text, "-c", text),
        folder=text,
        engine=text,
        exit_code=3,
        seconds=1.25,
        outputs=(text,),
        log=CONTENT,
        machine={text: text},
        resources={text: 1.5},
    )
    return Snapshot(
        commit=ZERO,
        tree=ZERO,
        patch="",
        created=WHEN,
        author=Person(text, text),
        message=text,
        why=text,
        payloads=(Payload(text, Role.DATA, CONTENT),),
        parameters={text: text},
        metrics={text: 0.25},
        code=CONTENT,
        clean=False,
        environment=CONTENT,
        run=run,
    )


def receipt(text: str = "text") -> Receipt:
    differences = (
        ReceiptDifference(text, text, text, same=True),
        ReceiptDifference(text, 0.5, 0.25, same=False),
    )
    outputs = (
        ReceiptDifference(text, text, None, same=False),
        ReceiptDifference(text, text, text, same=False, detail=text),
    )
    made = Receipt(
        ZERO,
        ZERO,
        WHEN,
        Person(text, text),
        "different",
        0,
        1.0,
        {text: text},
        differences,
        outputs,
        {},
    )
    causes = tuple(
        Cause(kind, text, text, text) for kind in ("package", "machine", "seed", "chance", text)
    )
    return replace(
        made, machine={"processor": text, text: text}, causes=causes, engine={"name": text}
    )


def every_line(made: Snapshot, received: Receipt) -> Iterable[str]:
    found = Found(ZERO, made, ZERO, "note")
    yield from snapshot_lines(found, made.tags, console())
    yield from snapshot_details(found, made.tags, (received,), console())
    yield receipts_line((received, received))
    yield from verdict_lines(received, console())


def obeyed(text: str) -> list[str]:
    """Return the characters of a text that a terminal obeys, except tabs and line ends."""
    return [
        letter
        for letter in text
        if (ord(letter) < 32 and letter not in "\t\n") or 0x7F <= ord(letter) < 0xA0
    ]


HOSTILE = [
    "\x1b[2J",
    "\x1b]0;title\x07",
    "\x9b31m",
    "a\rb",
    "a\bb",
    "\x00",
    "\x7f",
    "\x85",
    "\x1b[31mred\x1b[m",
]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_foreign_text_is_escaped_for_terminals(text: str) -> None:
    for line in every_line(snapshot(text), receipt(text)):
        assert obeyed(line) == []
    assert obeyed(make_printable(text)) == []
    assert obeyed(figures([(text, text)])) == []


@pytest.mark.parametrize(
    "where", ["author", "payload", "parameter", "metric", "output", "folder", "engine"]
)
def test_newline_in_name_starts_no_line(where: str) -> None:
    """Check that foreign text cannot imitate our own lines, as a verdict."""
    forged = "x\nverdict: identical"
    made = snapshot()
    assert made.run is not None
    changed = {
        "author": replace(made, author=Person(forged, forged)),
        "payload": replace(made, payloads=(Payload(forged, Role.DATA, CONTENT),)),
        "parameter": replace(made, parameters={forged: forged}),
        "metric": replace(made, metrics={forged: forged}),
        "output": replace(made, run=replace(made.run, outputs=(forged,))),
        "folder": replace(made, run=replace(made.run, folder=forged)),
        "engine": replace(made, run=replace(made.run, engine=forged)),
    }[where]
    for line in every_line(changed, receipt(forged)):
        assert not any(part.startswith("verdict: identical") for part in line.split("\n"))


@given(records_in(SHA1))
def test_record_of_any_content_is_shown(record: object) -> None:
    if isinstance(record, Snapshot):
        assert all(obeyed(line) == [] for line in every_line(record, receipt()))
        assert snapshot_document(Found(ZERO, record, ZERO, "note"))["id"] == str(ZERO)
    if isinstance(record, Receipt):
        assert all(obeyed(line) == [] for line in every_line(snapshot(), record))
        assert receipt_document(record)["verdict"] == record.verdict


@given(st.text())
def test_plain_text_stays_as_it_is(text: str) -> None:
    if text.isprintable():
        assert make_printable(text) == text


def test_experiment_is_shown_in_these_lines() -> None:
    made = snapshot()
    found = Found(ZERO, made, ZERO, "tree")
    made_at = str(made.commit)[:10]
    assert list(snapshot_lines(found, made.tags, console())) == [
        f"snapshot {str(ZERO)[:10]} of commit {str(ZERO)[:10]}  (found by its tree, made at commit {made_at})",
        "Author: text <text>",
        "Date:   2024-05-01 12:30:45 UTC",
        "",
        "    text",
        "    why: text",
        "",
        "    $ text -c text  (1.2 s, exit code 3, uncommitted changes)",
        "    parameters: text=text",
        "    metrics:    text=0.25",
        "    data    text (2.00 KiB, 3 files)",
    ]


def test_cached_log_format_changes_only_with_its_name() -> None:
    """Pin the texts of each cached format. If this fails, rename the format, since older texts stay
    in the cache."""
    pinned = {
        LINES: ("lines-6", "c58b48e483ea56e2"),
        DOCUMENTS: ("documents-2", "8c9f58b5fd1423bc"),
        ROWS: ("rows-2", "9b0b0f86ed71ef3f"),
    }
    for style, (name, digest) in pinned.items():
        texts = "".join(
            style.tell(made) for made in (snapshot(), replace(snapshot("other"), run=None))
        )
        assert (style.name, hashlib.sha256(texts.encode()).hexdigest()[:16]) == (name, digest)


def test_verdict_is_shown_in_a_table() -> None:
    made = Receipt(
        ZERO,
        ZERO,
        WHEN,
        AUTHOR,
        "within tolerance",
        0,
        1.0,
        {},
        (
            ReceiptDifference("accuracy", 0.951111, 0.95, same=True),
            ReceiptDifference("loss", "NaN", "NaN", same=True),
            ReceiptDifference("name", "a", None, same=False),
        ),
        (
            ReceiptDifference("model.pkl", str(ZERO), str(ZERO), same=True),
            ReceiptDifference(
                "out.csv", str(ZERO), "f" * 40, same=True, off=0.5, detail="1 of 9 cells differ"
            ),
        ),
        {"accuracy": 0.01},
        causes=(
            Cause("package", "numpy", "1.26.4", "2.0.1"),
            Cause("machine", "processor", "one", "other"),
            Cause("seed", "random", None, "train.py"),
            Cause("chance", "loss"),
        ),
        reruns=2,
    )
    assert list(verdict_lines(made, console())) == [
        "           recorded    rerun",
        "accuracy   0.951111    0.95        off by 0.00111 (allowed)",
        "loss       NaN         NaN         same",
        "name       a           -           missing",
        f"model.pkl  {str(ZERO)[:10]}  {str(ZERO)[:10]}  same",
        f"out.csv    {str(ZERO)[:10]}  ffffffffff  1 of 9 cells differ (allowed)",
        "possible causes:",
        "  changed package numpy: 1.26.4 recorded, 2.0.1 in the rerun",
        "  other processor: one recorded, other in the rerun",
        "  unpinned seed: train.py draws from random, and nothing sets its seed",
        "  not deterministic: loss differs between identical reruns",
        "verdict: within tolerance (3 metrics, 2 outputs; the worst of 2 reruns)",
    ]


def test_receipts_are_counted_by_people_and_verdicts() -> None:
    differences = (
        ReceiptDifference("loss", 0.5, 0.502, same=True),
        ReceiptDifference("accuracy", 1, 1, same=True),
    )
    close = replace(receipt(), verdict="within tolerance", metrics=differences)
    theirs = replace(close, author=AUTHOR, verdict="identical", metrics=())
    assert receipts_line((theirs,)) == "reproduced 1 time, by 1 person, identical"
    assert (
        receipts_line((close, close, theirs))
        == "reproduced 3 times, by 2 people, largest difference 0.002 in loss"
    )
    failed = replace(receipt(), verdict="failed")
    assert (
        receipts_line((receipt(), failed))
        == "not reproduced 2 times, by 1 person: 1 different, 1 failed"
    )
    assert receipts_line((theirs, failed)) == (
        "reproduced 1 time, by 1 person, identical; not reproduced 1 time, by 1 person: 1 failed"
    )


def test_colours_are_there_when_asked_for_alone() -> None:
    found = Found(ZERO, snapshot(), ZERO, "note")
    assert any("\x1b[" in line for line in snapshot_lines(found, (), console(coloured=True)))
    assert not any("\x1b[" in line for line in snapshot_lines(found, (), console()))


def test_count_of_one_is_singular() -> None:
    assert (show_count(1, "file"), show_count(2, "file"), show_count(0, "file")) == (
        "1 file",
        "2 files",
        "0 files",
    )
