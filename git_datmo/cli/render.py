"""Format records as lines for people and as JSON documents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.text_tables import shorten
from git_datmo.cli.verdicts import receipt_line, receipts_line
from git_datmo.history.commit_data import Claim
from git_datmo.history.experiments import Found
from git_datmo.history.render_cache import TextFormat
from git_datmo.query.tags import join_tags, split_tags
from git_datmo.records.codec import to_document
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_values import Value, show_value
from git_datmo.records.snapshot_record import INTERRUPTED, KILLED, Curve, Run, Snapshot
from git_datmo.runs.resource_needs import needs_of
from git_datmo.sizes import show_count, show_size
from git_datmo.terminal_text import make_printable, quote_words

# Columns of the command of a run, and of a line with many names.
COMMAND_WIDTH = 2000
_SOURCES = {"user": "-p", "command": "the command", "script": "the script"}
# Marks of the start and end of a colour in rendered text. `make_printable` replaces these
# characters in texts of records.
_GREEN, _PLAIN = "\x0e", "\x0f"
# Stands before and after the tags of the run itself. People may have added or removed some since.
_TAGS = "\x10"

FOUND = {
    "trailer": "found by its trailer, made at commit",
    "tree": "found by its tree, made at commit",
    "code": "found by the code that ran, made at commit",
    "patch": "found by its change, made at commit",
    "range": "found by the change of its branch, made at commit",
}


def snapshot_document(found: Found) -> dict[str, Any]:
    """Return a snapshot as a JSON document with its id."""
    return {"id": str(found.id), **to_document(found.snapshot)}


def snapshot_lines(found: Found, tags: Sequence[str], console: Console) -> Iterator[str]:
    """Yield the lines that `log` prints for an experiment with these tags."""
    yield _headline(
        str(found.id), str(found.snapshot.commit), str(found.commit), found.way, console
    )
    text = with_tags("\n".join(_tell(found.snapshot)), lambda _: tags)
    yield from painted(text, console).split("\n")


def headline(claim: Claim, console: Console) -> str:
    """Return the headline of an experiment: its id, its commit, and how it was found."""
    return _headline(claim.row.record, claim.row.commit, str(claim.commit), claim.way, console)


def _headline(snapshot: str, made_at: str, commit: str, way: str, console: Console) -> str:
    """Return the headline for a snapshot made at commit `made_at` and found on `commit`."""
    how = f"  ({FOUND[way]} {made_at[:10]})" if way in FOUND else ""
    return console.paint("yellow", f"snapshot {snapshot[:10]} of commit {commit[:10]}") + how


def painted(text: str, console: Console) -> str:
    """Return rendered text of `LINES` with colours if the console has them."""
    # The codes for start and end stand around the line break.
    green, bare = console.paint("green", "\n").split("\n")
    return text.replace(_GREEN, green).replace(_PLAIN, bare)


def with_tags(text: str, current: Callable[[tuple[str, ...]], Sequence[str]]) -> str:
    """Return rendered text of `LINES` with the tags that the experiment has now.

    `current` returns them for the tags of the run itself.
    """
    head, own, rest = text.split(_TAGS)
    tags = current(split_tags(own))
    line = f"\n    tags:       {'  '.join(map(shorten, tags))}" if tags else ""
    # The tags stand on a line of their own.
    return f"{head[:-1]}{line}{rest}"


def _tell(snapshot: Snapshot) -> Iterator[str]:
    """Yield the rendered lines of a snapshot, without its headline."""
    # Experiments of other trackers may have authors without an address.
    address = f" <{snapshot.author.email}>" if snapshot.author.email else ""
    yield make_printable(f"Author: {snapshot.author.name}{address}")
    yield make_printable(f"Date:   {snapshot.created[:19].replace('T', ' ')} UTC")
    words = [
        line
        for text in (snapshot.message, snapshot.why and f"why: {snapshot.why}")
        for line in text.splitlines()
    ]
    if words:
        yield ""
        yield from (f"    {make_printable(line)}" for line in words)
    yield ""
    if snapshot.run is not None:
        command = shorten(quote_words(snapshot.run.command), COMMAND_WIDTH)
        yield f"    $ {command}{_how_it_ended(snapshot.run, clean=snapshot.clean)}"
    if snapshot.parameters:
        yield f"    parameters: {figures(snapshot.parameters.items())}"
    if snapshot.metrics:
        yield f"    metrics:    {_GREEN}{metric_figures(snapshot)}{_PLAIN}"
    yield f"{_TAGS}{join_tags(snapshot.tags)}{_TAGS}"
    for payload in snapshot.payloads:
        size = show_size(payload.content.size)
        if payload.content.form == "folder":
            size += f", {show_count(payload.content.files, 'file')}"
        yield f"    {payload.role!s:<7} {make_printable(payload.path)} ({size})"


# A change of the rendered text needs a new format name, because cached texts have the old form.
LINES = TextFormat("lines-6", lambda snapshot: "\n".join(_tell(snapshot)))
DOCUMENTS = TextFormat(
    "documents-2", lambda snapshot: json.dumps(to_document(snapshot), ensure_ascii=False)
)


def listed_document(claim: Claim, text: str, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """Return the document that `log --json` prints, from a cached text of `DOCUMENTS`."""
    return {
        **json.loads(text),
        "id": claim.row.record,
        "found_by": claim.way,
        "found_on": str(claim.commit),
        "receipts": [
            {"verdict": receipt.verdict, "author": receipt.author.name} for receipt in receipts
        ],
    }


def _how_it_ended(run: Run, *, clean: bool) -> str:
    """Return the duration, exit code and uncommitted changes of a run, in words."""
    changes = "" if clean else ", uncommitted changes"
    if not run.has_run:
        return f"  (recorded, not run{changes})"
    failed = f", exit code {run.exit_code}" if run.exit_code else ""
    ended = f", {run.status}" if run.status in (INTERRUPTED, KILLED) else ""
    return f"  ({run.seconds:.1f} s{ended}{failed}{changes})"


def figures(items: Iterable[tuple[str, Value]]) -> str:
    """Return parameters or metrics as `NAME=VALUE` words, sorted by name."""
    return "  ".join(f"{shorten(name)}={short_value(value)}" for name, value in sorted(items))


def short_value(value: Value) -> str:
    """Return a parameter or metric as a short text for people."""
    return shorten(show_value(value))


def metric_figures(snapshot: Snapshot) -> str:
    """Return the metrics, sorted by name, as `NAME=VALUE` words.

    A metric with a curve has its best value besides, or its smallest and largest if it is not known
    which values are better.
    """
    return "  ".join(
        f"{shorten(name)}={short_value(value)}{_bounds(snapshot.curves.get(name), value)}"
        for name, value in sorted(snapshot.metrics.items())
    )


def _bounds(curve: Curve | None, last: Value) -> str:
    """Return the best value of a curve, or its bounds, in brackets; '' where the last says it."""
    if curve is None or curve.min == curve.max == last or curve.best == last:
        return ""
    if curve.best is not None:
        return f" (best {short_value(curve.best)})"
    return f" ({short_value(curve.min)} to {short_value(curve.max)})"


def snapshot_details(
    found: Found, tags: Sequence[str], receipts: Sequence[Receipt], console: Console
) -> Iterator[str]:
    """Yield the lines that `show` prints for an experiment with these tags."""
    yield from snapshot_lines(found, tags, console)
    snapshot = found.snapshot
    yield ""
    yield f"record:      {found.id}"
    yield f"commit:      {snapshot.commit}" + (
        "" if snapshot.clean else "  (with uncommitted changes)"
    )
    for payload in snapshot.payloads:
        yield f"payload:     {payload.object}  {make_printable(payload.path)}"
    if snapshot.code is not None:
        yield (
            f"code:        {snapshot.code.object}  ({show_count(snapshot.code.files, 'file')},"
            f" {show_size(snapshot.code.size)})"
        )
    if snapshot.tolerances:
        yield f"tolerances:  {figures(snapshot.tolerances.items())}"
    if snapshot.environment is not None:
        yield f"environment: {snapshot.environment.object}"
    yield from _run_details(snapshot.run)
    yield from _source_details(snapshot)
    yield from _curve_details(snapshot)
    needs = needs_of(snapshot)
    if needs is not None:
        yield f"needs:       {make_printable(needs.words())}"
    if receipts:
        yield f"summary:     {receipts_line(receipts)}"
    for receipt in receipts:
        yield f"receipt:     {receipt_line(receipt)}"


def _run_details(run: Run | None) -> Iterator[str]:
    """Yield the lines of a run: engine, folder, log, outputs, machine and resources."""
    if run is None:
        return
    yield make_printable(f"run:         engine {run.engine}, in '{run.folder or '.'}'") + (
        f", log {run.log.object}" if run.log else ""
    )
    if run.attempt is not None:
        yield f"resumes:     {run.attempt}"
    if run.artifacts is not None:
        yield (
            f"artifacts:   {run.artifacts.object}  ({show_count(run.artifacts.files, 'file')},"
            f" {show_size(run.artifacts.size)})"
        )
    if run.outputs:
        yield f"outputs:     {make_printable(', '.join(run.outputs))}"
    if run.machine:
        yield f"machine:     {figures(run.machine.items())}"
    if run.resources:
        yield f"resources:   {figures(run.resources.items())}"


def _source_details(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for each source of parameters."""
    for source in sorted(set(snapshot.sources.values())):
        names = sorted(name for name, each in snapshot.sources.items() if each == source)
        label = _SOURCES.get(source, source.removeprefix("file:"))
        listed = ", ".join(map(shorten, names))
        yield f"parameters:  {listed} from {shorten(label)}"


def _curve_details(snapshot: Snapshot) -> Iterator[str]:
    """Yield a line for each curve: the number of its values, the last, least, largest and best."""
    for name, curve in sorted(snapshot.curves.items()):
        values = {
            "last": snapshot.metrics.get(name),
            "min": curve.min,
            "max": curve.max,
            "best": curve.best,
        }
        words = "  ".join(
            f"{label} {short_value(value)}" for label, value in values.items() if value is not None
        )
        count = show_count(curve.points, "value")
        yield f"curve:       {shorten(name)}  {count}: {words}"
