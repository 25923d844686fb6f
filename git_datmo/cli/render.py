"""Records as lines for people and as documents for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.plain import plain
from git_datmo.cli.verdicts import receipt_line, receipts_line
from git_datmo.flows.history import Found
from git_datmo.records.codec import to_document
from git_datmo.records.notes import show_size, show_value
from git_datmo.records.types import Receipt, Run, Value

FOUND = {
    "tree": "found by its tree, made at commit",
    "patch": "found by its change, made at commit",
    "range": "found by the change of its branch, made at commit",
}


def snapshot_document(found: Found) -> dict[str, Any]:
    return {"id": str(found.id), **to_document(found.snapshot)}


def snapshot_lines(found: Found, console: Console) -> Iterator[str]:
    """An experiment as `log` shows it."""
    snapshot = found.snapshot
    way = f"  ({FOUND[found.way]} {str(snapshot.commit)[:10]})" if found.way in FOUND else ""
    yield console.paint("yellow", f"snapshot {str(found.id)[:10]} of commit {str(found.commit)[:10]}") + way
    yield plain(f"Author: {snapshot.author.name} <{snapshot.author.email}>")
    yield plain(f"Date:   {snapshot.created[:19].replace('T', ' ')} UTC")
    words = [line for text in (snapshot.message, snapshot.why and f"why: {snapshot.why}") for line in text.splitlines()]
    if words:
        yield ""
        yield from (f"    {plain(line)}" for line in words)
    yield ""
    if snapshot.run is not None:
        yield f"    $ {plain(shlex.join(snapshot.run.command))}{_how_it_ended(found)}"
    if snapshot.parameters:
        yield f"    parameters: {figures(snapshot.parameters.items())}"
    if snapshot.metrics:
        yield f"    metrics:    {console.paint('green', figures(snapshot.metrics.items()))}"
    for payload in snapshot.payloads:
        files = f", {payload.content.files} files" if payload.content.form == "folder" else ""
        yield f"    {payload.role!s:<7} {plain(payload.path)} ({show_size(payload.content.size)}{files})"


def _how_it_ended(found: Found) -> str:
    run = found.snapshot.run
    if run is None or run.exit_code is None:
        return "  (recorded, not run)"
    failed = f", exit code {run.exit_code}" if run.exit_code else ""
    return f"  ({run.seconds:.1f} s{failed})"


def figures(items: Iterable[tuple[str, Value]]) -> str:
    return plain("  ".join(f"{name}={show_value(value)}" for name, value in sorted(items)))


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
    if snapshot.tolerances:
        yield f"tolerances:  {figures(snapshot.tolerances.items())}"
    if snapshot.environment is not None:
        yield f"environment: {snapshot.environment.object}"
    yield from _run_details(snapshot.run)
    if receipts:
        yield f"summary:     {receipts_line(receipts)}"
    for receipt in receipts:
        yield f"receipt:     {receipt_line(receipt)}"


def _run_details(run: Run | None) -> Iterator[str]:
    if run is None:
        return
    yield plain(f"run:         engine {run.engine}, in '{run.folder or '.'}'") + (
        f", log {run.log.object}" if run.log else ""
    )
    if run.outputs:
        yield f"outputs:     {plain(', '.join(run.outputs))}"
    if run.machine:
        yield f"machine:     {figures(run.machine.items())}"
    if run.resources:
        yield f"resources:   {figures(run.resources.items())}"
