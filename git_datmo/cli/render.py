"""Records as lines for people and as documents for programs."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.flows.history import Claim, Found
from git_datmo.flows.told import Style
from git_datmo.records.codec import number, to_document
from git_datmo.records.notes import show_size, show_value
from git_datmo.records.types import Difference, Receipt, Run, Snapshot, Value

_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")

# Where the colour begins and ends in what is told; `plain` leaves neither in a stranger's text.
_GREEN, _PLAIN = "\x0e", "\x0f"

FOUND = {
    "tree": "found by its tree, made at commit",
    "patch": "found by its change, made at commit",
    "range": "found by the change of its branch, made at commit",
}


def plain(text: str) -> str:
    """A stranger's text on one line, without what a terminal would obey."""
    # Nearly every text is, and to see that takes a fraction of the time.
    return text if text.isprintable() else _CONTROL.sub("\ufffd", text)


def snapshot_document(found: Found) -> dict[str, Any]:
    return {"id": str(found.id), **to_document(found.snapshot)}


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    return to_document(receipt)


def snapshot_lines(found: Found, console: Console) -> Iterator[str]:
    """An experiment as `log` shows it."""
    yield _headline(str(found.id), str(found.snapshot.commit), str(found.commit), found.way, console)
    yield from painted("\n".join(_tell(found.snapshot)), console).split("\n")


def headline(claim: Claim, console: Console) -> str:
    """Which experiment it is, and by what it is known to be the commit's."""
    return _headline(claim.row.record, claim.row.commit, str(claim.commit), claim.way, console)


def _headline(snapshot: str, made_at: str, commit: str, way: str, console: Console) -> str:
    how = f"  ({FOUND[way]} {made_at[:10]})" if way in FOUND else ""
    return console.paint("yellow", f"snapshot {snapshot[:10]} of commit {commit[:10]}") + how


def painted(text: str, console: Console) -> str:
    """A text of `LINES`, in colour or without."""
    green, bare = console.paint("green", "\n").split("\n")
    return text.replace(_GREEN, green).replace(_PLAIN, bare)


def _tell(snapshot: Snapshot) -> Iterator[str]:
    yield plain(f"Author: {snapshot.author.name} <{snapshot.author.email}>")
    yield plain(f"Date:   {snapshot.created[:19].replace('T', ' ')} UTC")
    words = [line for text in (snapshot.message, snapshot.why and f"why: {snapshot.why}") for line in text.splitlines()]
    if words:
        yield ""
        yield from (f"    {plain(line)}" for line in words)
    yield ""
    if snapshot.run is not None:
        yield f"    $ {plain(shlex.join(snapshot.run.command))}{_how_it_ended(snapshot.run)}"
    if snapshot.parameters:
        yield f"    parameters: {figures(snapshot.parameters.items())}"
    if snapshot.metrics:
        yield f"    metrics:    {_GREEN}{figures(snapshot.metrics.items())}{_PLAIN}"
    for payload in snapshot.payloads:
        files = f", {payload.content.files} files" if payload.content.form == "folder" else ""
        yield f"    {payload.role!s:<7} {plain(payload.path)} ({show_size(payload.content.size)}{files})"


# Whoever changes what is told gives it another name.
LINES = Style("lines-1", lambda snapshot: "\n".join(_tell(snapshot)))
DOCUMENTS = Style("documents-1", lambda snapshot: json.dumps(to_document(snapshot), ensure_ascii=False))


def listed_document(claim: Claim, text: str, receipts: Sequence[Receipt]) -> dict[str, Any]:
    """An experiment as `log --json` shows it, from a text of `DOCUMENTS`."""
    return {
        **json.loads(text),
        "id": claim.row.record,
        "found_by": claim.way,
        "found_on": str(claim.commit),
        "receipts": [{"verdict": receipt.verdict, "author": receipt.author.name} for receipt in receipts],
    }


def _how_it_ended(run: Run) -> str:
    if run.exit_code is None:
        return "  (recorded, not run)"
    failed = f", exit code {run.exit_code}" if run.exit_code else ""
    return f"  ({run.seconds:.1f} s{failed})"


def figures(items: Iterable[tuple[str, Value]]) -> str:
    return plain("  ".join(f"{name}={show_value(value)}" for name, value in sorted(items)))


def receipts_line(receipts: Sequence[Receipt]) -> str:
    """How often a snapshot was rerun, by how many people, and how it came out."""
    counts: dict[str, int] = {}
    for receipt in receipts:
        counts[receipt.verdict] = counts.get(receipt.verdict, 0) + 1
    people = len({receipt.author for receipt in receipts})
    times = f"{len(receipts)} time" + ("s" if len(receipts) > 1 else "")
    by = f"{people} " + ("people" if people > 1 else "person")
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
    return plain(f"reproduced {times} by {by}: {verdicts}")


def snapshot_details(found: Found, receipts: Sequence[Receipt], console: Console) -> Iterator[str]:
    """An experiment as `show` shows it."""
    yield from snapshot_lines(found, console)
    snapshot = found.snapshot
    yield ""
    yield f"record:      {found.id}"
    yield f"commit:      {snapshot.commit}" + ("" if snapshot.clean else "  (with uncommitted changes)")
    for payload in snapshot.payloads:
        yield f"payload:     {payload.object}  {plain(payload.path)}"
    if snapshot.code is not None:
        yield f"code:        {snapshot.code.object}  ({snapshot.code.files} files, {show_size(snapshot.code.size)})"
    if snapshot.environment is not None:
        yield f"environment: {snapshot.environment.object}"
    run = snapshot.run
    if run is not None:
        yield plain(f"run:         engine {run.engine}, in '{run.folder or '.'}'") + (
            f", log {run.log.object}" if run.log else ""
        )
        if run.outputs:
            yield f"outputs:     {plain(', '.join(run.outputs))}"
        if run.machine:
            yield f"machine:     {figures(run.machine.items())}"
        if run.resources:
            yield f"resources:   {figures(run.resources.items())}"
    for receipt in receipts:
        yield plain(f"receipt:     {receipt.verdict}, by {receipt.author.name} on {receipt.created[:10]}")


def verdict_lines(receipt: Receipt, console: Console) -> Iterator[str]:
    """A verdict with a table of what was recorded beside what came out."""
    good = receipt.verdict in ("identical", "within tolerance")
    rows = [(plain(m.name), _cell(m.recorded), _cell(m.rerun), _mark(m)) for m in receipt.metrics]
    rows += [(plain(o.name), _short(o.recorded), _short(o.rerun), _mark(o)) for o in receipt.outputs]
    head = ("", "recorded", "rerun", "")
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(4)]
    if rows:
        for row in [head, *rows]:
            yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
    yield console.paint("green" if good else "red", plain(f"verdict: {receipt.verdict}"))


def _cell(value: Value | None) -> str:
    return "-" if value is None else plain(show_value(value))


def _short(value: Value | None) -> str:
    return "-" if value is None else plain(str(value)[:10])


def _mark(difference: Difference) -> str:
    if difference.rerun is None:
        return "missing"
    one, other = number(difference.recorded), number(difference.rerun)
    if one is not None and other is not None and abs(one - other) > 0:
        return f"off by {abs(one - other):.3g}" + (" (allowed)" if difference.same else "")
    return "same" if difference.same else "different"
