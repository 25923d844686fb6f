"""Make the documents of one experiment: itself, its curves, its log, and its changes of code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from git_datmo.curves.curve_points import Points
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.history.annotations import remarks_of
from git_datmo.history.experiments import Found
from git_datmo.model import Form
from git_datmo.objects.tree_nodes import root_node
from git_datmo.records.model_test_record import ModelTest
from git_datmo.records.receipt_record import Receipt, ReceiptDifference
from git_datmo.records.record_values import show_value
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.report.code_changes import count_changed, patch_from_commit
from git_datmo.report.curve_parts import (
    Series,
    attempt_ids,
    buckets_of,
    open_series,
    points_of,
    split_rank,
)
from git_datmo.report.experiment_columns import SHORT_ID, seconds_of
from git_datmo.report.feedback_status import feedback_document, read_feedback
from git_datmo.report.file_kinds import IMAGE, list_content, suffix_of
from git_datmo.report.lineage import LineageLink, PayloadRef
from git_datmo.report.model_tests_shown import newest_tests, problem_words, problems_of
from git_datmo.report.stored_environment import EnvironmentSummary, summarise_environment
from git_datmo.report.stored_files import read_blobs
from git_datmo.terminal_text import quote_words
from git_datmo.web.documents_contracts import recorded_checks
from git_datmo.web.page_state import NoDocument, PageState

INLINE = 4000
"""Points that a curve's document has itself."""
LOG_LIMIT = 1 << 20
PATCH_LIMIT = 1 << 20
_STEP = re.compile(r"(.*?)[-_ ./]*(?:(?:step|epoch|iter)[-_=]?)?(\d+)\Z", re.IGNORECASE | re.DOTALL)
_MEDIA = {"images": "image", "tables": "table", "texts": "text", "figures": "figure"}


def experiment_document(state: PageState, key: str) -> dict[str, Any]:
    """Return all about an experiment but for its larger parts, which it names."""
    found = state.found(key)
    oid, snapshot = str(found.id), found.snapshot
    facts = state.facts(oid)
    run = snapshot.run
    environment = summarise_environment(state.ws, found)
    remarks = remarks_of(state.history, oid)
    lineage = state.lineage
    uses = lineage.experiments[oid]
    return {
        "id": oid,
        "commit": str(found.commit),
        "facts": facts,
        "annotations": [
            {
                "id": remark.id,
                "type": remark.annotation.type,
                "text": remark.annotation.message,
                "author": remark.annotation.author.name,
                "time": seconds_of(remark.annotation.created),
                "answers": str(remark.annotation.record) if remark.depth else "",
            }
            for remark in remarks
        ],
        "tags": str(facts["tags"] or "").split(),
        "command": quote_words(run.command) if run is not None else "",
        "folder": run.folder if run is not None else "",
        "params": [
            {
                "name": name,
                "value": state.masker.named(name, value),
                "source": snapshot.sources.get(name, ""),
            }
            for name, value in sorted(snapshot.parameters.items())
        ],
        "metrics": list(_metrics(key, snapshot)),
        "environment": _environment(snapshot, environment),
        "machine": _pairs(run.machine if run is not None else {}),
        "resources": _pairs(run.resources if run is not None else {}),
        "inputs": [payload_document(state, each) for each in uses.inputs],
        "outputs": [payload_document(state, each) for each in uses.outputs],
        "payloads": [payload_document(state, each) for each in uses.payloads],
        "code": _code(state, key, found),
        "feedback": f"feedback/{key}" if state.has_feedback(oid) else "",
        "log": f"log/{key}" if run is not None and run.log and state.options.has_logs else "",
        "media": list(_media(state, snapshot)),
        "receipts": [_receipt(receipt) for receipt in state.history.receipts(oid)],
        "tests": [_model_test(test) for test in newest_tests(state.history, oid)],
        "checks": recorded_checks(state, found),
        # The last id is that of the experiment itself.
        "attempts": attempt_ids(state.history, found.id, snapshot)[:-1],
        "parents": [_link(link) for link in lineage.parents(oid)],
        "children": [_link(link) for link in lineage.children(oid)],
        "commands": list(_commands(oid, str(found.commit), snapshot)),
    }


def production_document(state: PageState, key: str) -> dict[str, Any]:
    """Return the feedback on the model of an experiment, with that of the log. Nothing is
    fetched."""
    oid = str(state.found(key).id)
    log = state.options.event_log
    # A server makes the folder at its first start.
    log = log if log is not None and log.is_dir() else None
    found = read_feedback(state.ws, state.history, log, None, snapshot=oid)
    if not found:
        raise NoDocument("this experiment has no feedback", "reload the page")
    return feedback_document(found[0])


def _metrics(key: str, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Yield the metrics; those of further processes have the curve of the first one."""
    names = sorted({*snapshot.metrics, *snapshot.curves})
    for name in names:
        curve = snapshot.curves.get(name)
        rank, base = split_rank(name)
        owner = base if rank and base in snapshot.curves else name
        yield {
            "name": name,
            "last": snapshot.metrics.get(name),
            "min": curve.min if curve else None,
            "max": curve.max if curve else None,
            "best": curve.best if curve else None,
            "goal": curve.goal if curve else "",
            # An index, since a metric's name can have characters that a document's name cannot.
            "curve": f"curve/{key}/{names.index(owner)}" if curve else "",
            "points": curve.points if curve else 0,
        }


def _pairs(values: Mapping[str, Any]) -> list[list[Any]]:
    return [[name, value] for name, value in sorted(values.items())]


def _environment(snapshot: Snapshot, found: EnvironmentSummary) -> dict[str, Any]:
    """Return the environment of an experiment."""
    content = snapshot.environment
    return {
        "engine": snapshot.run.engine if snapshot.run is not None else "",
        "id": str(content.object) if content is not None else "",
        "python": found.python,
        "lines": [list(line) for line in found.lines],
        "packages": [list(package) for package in found.packages],
        "is_local": found.is_local,
    }


def payload_document(state: PageState, use: PayloadRef) -> dict[str, Any]:
    """Return a payload of an experiment."""
    form = use.role if use.role == "model" else "folder" if use.form == Form.FOLDER else "file"
    return {
        "path": use.path,
        "form": form,
        "oid": use.oid,
        "size": use.size,
        "files": use.files,
        "listing": f"files/{use.oid}",
        "from": list(state.lineage.writers.get(use.oid, ())),
        "is_local": state.is_local(use.oid),
        "remotes": list(state.ws.repo.remotes()),
    }


def _code(state: PageState, key: str, found: Found) -> dict[str, Any]:
    """Return the code of an experiment, and how many of its files its commit does not have."""
    code = found.snapshot.code
    if code is None or not state.options.has_code:
        return {"files": "", "patch": "", "changed": 0}
    try:
        # Objects may be missing here; the rest of the document does not need them.
        changed = 0 if found.snapshot.clean else count_changed(state.ws, found)
    except DatmoError:
        changed = 0
    return {
        "files": f"files/{code.object}",
        "patch": f"patch/{key}" if changed else "",
        "changed": changed,
    }


def _media(state: PageState, snapshot: Snapshot) -> Iterator[dict[str, Any]]:
    """Yield what the script logged besides numbers, each name with its steps."""
    artifacts = snapshot.run.artifacts if snapshot.run is not None else None
    if artifacts is None or not state.options.has_previews:
        return
    try:
        listing = list_content(state.ws, root_node(artifacts), "")
    except DatmoError:
        return
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for file in listing.files:
        folder, _, rest = file.path.partition("/")
        if folder not in _MEDIA or not rest:
            continue
        suffix = suffix_of(rest)
        # The logger quotes characters that a file's name cannot have.
        name, step = _split_step(unquote(rest.removesuffix(suffix)))
        item = {"step": step, "blob": str(file.oid), "suffix": suffix, "size": file.size}
        kind = _MEDIA[folder]
        if kind == "figure" and file.kind == IMAGE:
            kind = IMAGE
        groups.setdefault((kind, name), []).append(item)
    for (kind, name), items in groups.items():
        # An item without a step comes before step 0.
        items.sort(key=lambda item: -1 if item["step"] is None else item["step"])
        yield {"name": name, "kind": kind, "items": items}


def _split_step(name: str) -> tuple[str, int | None]:
    """Return the name of an artifact without the step at its end, and that step."""
    found = _STEP.fullmatch(name)
    if found is None or not found[1] or len(found[2]) > 12:
        return name, None
    return found[1], int(found[2])


def _receipt(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt, with a line for each value that differs."""
    differing = [each for each in (*receipt.metrics, *receipt.outputs) if not each.same]
    return {
        "verdict": receipt.verdict,
        "author": receipt.author.name,
        "time": seconds_of(receipt.created),
        "engine": str(receipt.engine.get("name", "")),
        "seconds": receipt.seconds,
        "differences": [_difference(each) for each in differing],
    }


def _model_test(test: ModelTest) -> dict[str, Any]:
    """Return a test of the model, with a line for each result that is not passed."""
    return {
        "verdict": test.verdict,
        "author": test.author.name,
        "time": seconds_of(test.created),
        "count": test.counts.total(),
        "champion": "" if test.champion is None else str(test.champion),
        "problems": [problem_words(each) for each in problems_of(test)],
    }


def _difference(each: ReceiptDifference) -> str:
    """Return a line about a value that differs."""
    if each.detail:
        return f"{each.name}: {each.detail}"
    one, other = (
        "absent" if value is None else show_value(value) for value in (each.recorded, each.rerun)
    )
    return f"{each.name}: {one} became {other}"


def _link(link: LineageLink) -> dict[str, str]:
    return {"id": link.id, "path": link.path, "role": link.role}


def _commands(oid: str, commit: str, snapshot: Snapshot) -> Iterator[dict[str, str]]:
    """Yield the command lines that say the same, and those that bring the experiment to a clone."""
    short = oid[:SHORT_ID]
    commands = [("show this experiment", f"git datmo show {short}")]
    if snapshot.run is not None:
        if snapshot.run.log is not None:
            commands.append(("print its log", f"git datmo show --log {short}"))
        if snapshot.curves:
            commands.append(("draw its curves", f"git datmo plot {short}"))
        if snapshot.run.has_run:
            commands.append(("run it again and compare", f"git datmo reproduce {short}"))
    if snapshot.code is not None:
        commands.append(("print its code", f"git datmo show --code {short}"))
    if snapshot.payloads:
        commands.append(
            ("bring its data and models", f"git datmo checkout {short}"),
        )
    commands.append(("get its commit", f"git switch --detach {commit[:SHORT_ID]}"))
    yield from ({"does": does, "command": command} for does, command in commands)


def curve_document(state: PageState, key: str, index: int) -> dict[str, Any]:
    """Return the curves of a metric: its series, and their points if there are few."""
    name, series = _series(state, key, index)
    document: dict[str, Any] = {
        "metric": name,
        "series": [
            {
                "attempt": each.attempt,
                "rank": each.rank,
                "points": each.header.points,
                "levels": [
                    {"bucket": bucket, "count": count, "parts": parts}
                    for bucket, count, parts in each.levels
                ],
            }
            for each in series
        ],
    }
    if sum(each.header.points for each in series) <= INLINE:
        points = [points_of(each) for each in series]
        document["steps"] = [list(each.steps) for each in points]
        document["times"] = [_seconds(each.times) for each in points]
        document["values"] = [list(each.values) for each in points]
    return document


def curve_part_document(
    state: PageState, key: str, index: int, number: int, level: int, part: int
) -> dict[str, Any]:
    """Return a part of a level of a series."""
    _, every = _series(state, key, index)
    if number >= len(every):
        raise NoDocument("the curve has no such part", "reload the page")
    return part_of_series(every[number], level, part)


def part_of_series(series: Series, level: int, part: int) -> dict[str, Any]:
    """Return a part of a level of a curve."""
    if level >= len(series.levels) or part >= series.levels[level][2]:
        raise NoDocument("the curve has no such part", "reload the page")
    # Level 0 has the points themselves.
    if level == 0:
        return points_document(points_of(series, part))
    found = buckets_of(series, level, part)
    return {
        "first_steps": list(found.buckets.steps),
        "last_steps": list(found.last_steps),
        "first_times": _seconds(found.buckets.times),
        "last_times": _seconds(found.last_times),
        "lows": list(found.buckets.low),
        "highs": list(found.buckets.high),
    }


def points_document(points: Points) -> dict[str, Any]:
    """Return points as columns."""
    return {
        "steps": list(points.steps),
        "times": _seconds(points.times),
        "values": list(points.values),
    }


def _seconds(times: Sequence[int]) -> list[float]:
    """Return times in seconds."""
    return [time / 1e6 for time in times]


def _series(state: PageState, key: str, index: int) -> tuple[str, tuple[Series, ...]]:
    """Return the name of a metric and its curves."""
    found = state.found(key)
    # The same order as in `_metrics`, whose documents name curves by their index.
    names = sorted({*found.snapshot.metrics, *found.snapshot.curves})
    if index >= len(names):
        raise NoDocument("the experiment has no such metric", "reload the page")
    series = open_series(state.ws, state.history, found, names[index])
    run = found.snapshot.run
    if not series and run is not None and run.series is not None:
        oid = str(run.series.object)
        raise NoDocument("these curves are not here", "fetch them first", content=oid)
    return names[index], series


def log_document(state: PageState, key: str) -> dict[str, Any]:
    """Return the end of the log of an experiment."""
    run = state.found(key).snapshot.run
    if run is None or run.log is None or not state.options.has_logs:
        raise NoDocument("this page has no log of the experiment", "'git datmo show --log' may")
    try:
        return tail_document(b"".join(read_blobs(state.ws, root_node(run.log))))
    except Incomplete:
        oid = str(run.log.object)
        raise NoDocument("this log is not here", "fetch it first", content=oid) from None


def tail_document(content: bytes) -> dict[str, Any]:
    """Return the end of a log, from the beginning of a line."""
    shown = content[-LOG_LIMIT:]
    is_cut = len(shown) < len(content)
    if is_cut:
        shown = shown[shown.find(b"\n") + 1 :]
    return {"text": shown.decode("utf-8", "replace"), "size": len(content), "is_cut": is_cut}


def patch_document(state: PageState, key: str) -> dict[str, Any]:
    """Return what an experiment's code changed of its commit."""
    found = state.found(key)
    if not state.options.has_code:
        raise NoDocument("this page has no code", "'git datmo show --code' may")
    return {"text": patch_from_commit(state.ws, found)[:PATCH_LIMIT]}
