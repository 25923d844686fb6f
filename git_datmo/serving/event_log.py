"""Append predictions, refusals and outcomes to files of JSON Lines, one CloudEvent a line.

Each line is one `write` to a file opened for appending, so a process that is killed loses no line
that it has written, and leaves at most one incomplete line.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from git_datmo.contracts.contract_types import Field, Table
from git_datmo.errors import DatmoError
from git_datmo.permissions import make_folder
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest
from git_datmo.serving.served_model import ServedModel

PREDICTION, REFUSAL, OUTCOME = "git-datmo.prediction", "git-datmo.refusal", "git-datmo.outcome"
SUFFIX = ".jsonl"
PUBLIC = "public"
# Bytes after which a file is closed and the next is begun.
LARGEST_FILE = 64 << 20
# Values of an array that are stored; an array with more is left out.
MOST_VALUES = 10_000
# Seconds between two lines that say that events cannot be written.
REPORT_PAUSE = 60.0


def event_of(
    kind: str, source: str, data: Mapping[str, Any], *, event_id: str, seconds: float
) -> dict[str, Any]:
    """Return a CloudEvent. `source` is a snapshot's id or its beginning, `seconds` the time."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/datmo/snapshots/{source}",
        "type": kind,
        "time": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": data,
    }


class EventFile:
    """The file of this process in a log's folder. It is created with its first event."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._fd = -1
        self._size = 0

    def append(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Append events as one write; raise `OSError` if they are not all written.

        After an incomplete write, the file is cut back to its complete lines. If some of the
        events were complete, a collector may have read them, so the next events begin another
        file: offsets in this one would be of other events.
        """
        lines = "".join(json.dumps(event, allow_nan=False) + "\n" for event in events)
        data = lines.encode()
        if self._fd < 0 or self._size > LARGEST_FILE:
            self.close()
            self._open()
        written = os.write(self._fd, data)
        if written < len(data):
            os.ftruncate(self._fd, self._size)
            if b"\n" in data[:written]:
                self.close()
            raise OSError(28, "No space left on device")
        self._size += written

    def sync(self) -> None:
        """Wait until the disk has what was appended."""
        if self._fd >= 0:
            os.fsync(self._fd)

    def _open(self) -> None:
        # No other process appends to a file of this name.
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:12]}{SUFFIX}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(self._folder / name, flags, 0o600)
        self._size = 0

    def close(self) -> None:
        """Close the file; later events begin another."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def open_events(folder: Path) -> EventFile:
    """Return a new file in `folder`; raise `DatmoError` if the folder cannot be written."""
    try:
        if not folder.exists():
            make_folder(folder)
            # Events must not get into the code's history by `git add .`.
            (folder / ".gitignore").write_text("*\n")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(13, os.strerror(13))
    except OSError as error:
        raise DatmoError(
            f"events cannot be written to '{folder}': {error.strerror}", "give another folder"
        ) from error
    return EventFile(folder)


@dataclass(slots=True)
class EventLog:
    """The log of a server. `sample` is the share of predictions that are stored.

    Refusals and outcomes are always stored. Fields that the contract does not classify as public
    are named, and their values are left out. An error never disturbs a prediction: `lost` counts
    the events that could not be written.
    """

    file: EventFile
    sample: float
    report: Callable[[str], None]
    clock: Callable[[], float] = time.time
    lost: int = 0
    _reported: float = field(default=float("-inf"))

    def prediction(
        self,
        model: ServedModel,
        prediction: str,
        request: Sequence[NamedTensor],
        answer: Sequence[NamedTensor],
        seconds: float,
    ) -> None:
        """Store a prediction, if it is in the sample."""
        # The same prediction is in the sample on every server.
        if zlib.crc32(prediction.encode()) >= self.sample * (1 << 32):
            return
        contract = model.contract
        inputs, hidden = public_values(request, contract.request if contract else None)
        outputs, also_hidden = public_values(answer, contract.answer if contract else None)
        data = {
            "model": model.name,
            "rows": max((tensor.rows or 1 for tensor in request), default=0),
            "inputs": inputs,
            "outputs": outputs,
            "left_out": [*hidden, *also_hidden],
            "seconds": round(seconds, 6),
        }
        self._store(PREDICTION, model.snapshot, data, prediction)

    def refusal(self, model: ServedModel, prediction: str, error: RefusedRequest) -> None:
        """Store a refused request: the broken rules, without the values that broke them."""
        data = {
            "model": model.name,
            "status": error.status,
            "error": error.message,
            "violations": [
                {"field": v.field, "row": v.row, "rule": v.rule} for v in error.violations
            ],
        }
        self._store(REFUSAL, model.snapshot, data, prediction)

    def _store(self, kind: str, source: str, data: Mapping[str, Any], event_id: str) -> None:
        now = self.clock()
        try:
            self.file.append([event_of(kind, source, data, event_id=event_id, seconds=now)])
        except (OSError, ValueError) as error:
            self.lost += 1
            if now - self._reported > REPORT_PAUSE:
                self._reported = now
                self.report(f"the event of prediction {event_id} was not stored: {error}")


def is_public(field: Field | None) -> bool:
    """Return True if the contract classifies a field as public, and no field in it otherwise."""
    return field is not None and field.classification == PUBLIC and _is_open(field)


def _is_open(field: Field) -> bool:
    """Return True if neither a field nor one in it has another classification than public."""
    inner = (*field.fields, *((field.items,) if field.items else ()))
    return field.classification in ("", PUBLIC) and all(map(_is_open, inner))


def public_values(
    tensors: Sequence[NamedTensor], table: Table | None
) -> tuple[dict[str, Any], list[str]]:
    """Return the values of public fields, and the names of the other arrays.

    Numbers that are not finite become null, which JSON can express.
    """
    public = {field.name for field in (table.fields if table else ()) if is_public(field)}
    values, hidden = {}, []
    for tensor in tensors:
        count = 1
        for size in tensor.shape:
            count *= size
        if tensor.name in public and count <= MOST_VALUES:
            values[tensor.name] = tensor.nested()
        else:
            hidden.append(tensor.name)
    return values, hidden
