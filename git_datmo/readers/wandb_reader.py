"""Read the logs that W&B writes when it is offline.

Field numbers are those of Record and its parts (wandb/proto/wandb_internal.proto).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from git_datmo.errors import Damaged
from git_datmo.readers.protobuf_fields import fields, first, messages, text
from git_datmo.readers.regular_files import read_regular
from git_datmo.readers.scalar_values import as_number, flatten, parse_json
from git_datmo.readers.tool_runs import FAILED, SUCCEEDED, ReaderKind, ToolRun, microseconds
from git_datmo.readers.wandb_log import wandb_records

NAME = "wandb"
SIZE_LIMIT = 1 << 30
HISTORY, SUMMARY, CONFIG, ARTIFACT, RUN, EXIT = 2, 3, 5, 8, 17, 18
RUN_ID, PROJECT, RUN_CONFIG, TITLE, TAGS, START, GIT = 1, 3, 4, 8, 10, 17, 18
ITEM, KEY, NESTED, VALUE = 1, 1, 2, 16
COMMIT = 2


def claim(path: str) -> str | None:
    """Return the path of a log."""
    return path if path.endswith(".wandb") else None


def read(path: Path) -> Iterator[ToolRun]:
    """Yield the one run of a log."""
    run = ToolRun(NAME)
    summary = dict[str, object]()
    for record in wandb_records(read_regular(path, SIZE_LIMIT), run.problems):
        for number, part in fields(record):
            if isinstance(part, bytes):
                _part(run, number, part, summary)
    for name, value in flatten("", summary):
        # The summary repeats the last value of each curve.
        if name not in run.series and not _is_internal(name):
            # A number that JSON cannot express, such as NaN, is written as text.
            spelled = as_number(value) if isinstance(value, str) else None
            run.metrics[name] = value if spelled is None else spelled
    if not run.id:
        raise Damaged("it has no run")
    yield run


def _part(run: ToolRun, number: int, value: bytes, summary: dict[str, object]) -> None:
    """Read one part of a record."""
    if number == HISTORY:
        _add_points(run, dict(_items(value, ITEM)))
    elif number == SUMMARY:
        summary.update(_items(value, ITEM))
    elif number == CONFIG:
        _add_parameters(run, dict(_items(value, ITEM)))
    elif number == ARTIFACT:
        run.lose("an artifact")
    elif number == RUN:
        _read_run(run, value)
    elif number == EXIT:
        code = next((each for key, each in fields(value) if key == 1), 0)
        run.status = FAILED if code else SUCCEEDED


def _read_run(run: ToolRun, value: bytes) -> None:
    """Read the identity of a run and its first parameters."""
    run.id, run.name = text(value, RUN_ID), text(value, TITLE)
    start = dict(fields(first(value, START)))
    seconds, nanoseconds = start.get(1, 0), start.get(2, 0)
    if isinstance(seconds, int) and isinstance(nanoseconds, int):
        run.started = microseconds(seconds + nanoseconds / 1e9)
    run.commit = text(first(value, GIT), COMMIT)
    run.tags |= {tag.decode("utf-8", "replace"): "" for tag in messages(value, TAGS)}
    if text(value, PROJECT):
        run.tags["project"] = text(value, PROJECT)
    _add_parameters(run, dict(_items(first(value, RUN_CONFIG), ITEM)))


def _add_parameters(run: ToolRun, config: dict[str, object]) -> None:
    """Add the values of a configuration, without those of W&B itself."""
    run.parameters |= {
        name: value for name, value in flatten("", config) if not name.startswith("_wandb")
    }


def _add_points(run: ToolRun, row: dict[str, object]) -> None:
    """Add the values of a step."""
    step = as_number(row.get("_step")) or 0.0
    time = microseconds(as_number(row.get("_timestamp")) or 0.0)
    for name, value in row.items():
        if _is_internal(name):
            continue
        # Media, such as images and histograms, have a type.
        if isinstance(value, dict) and "_type" in value:
            run.lose(f"{value['_type']} '{name}'")
            continue
        for path, item in flatten(name, value):
            number = as_number(item)
            if number is None:
                run.lose(f"text '{path}'")
            else:
                run.add(path, number, step, time)
    run.ended = max(run.ended, time)


def _items(message: bytes, number: int) -> Iterator[tuple[str, object]]:
    """Yield the name and value of each item; a nested name has dots."""
    for item in messages(message, number):
        name, nested, value = "", list[str](), b""
        for key, content in fields(item):
            if not isinstance(content, bytes):
                continue
            if key == KEY:
                name = content.decode("utf-8", "replace")
            elif key == NESTED:
                nested.append(content.decode("utf-8", "replace"))
            elif key == VALUE:
                value = content
        try:
            yield name or ".".join(nested), parse_json(value)
        except ValueError:
            continue


def _is_internal(name: str) -> bool:
    """Return True for values of W&B itself, such as `_step`."""
    return name.startswith("_")


WANDB = ReaderKind(NAME, claim, read)
