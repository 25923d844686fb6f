"""Read TensorBoard event files: scalars of all plugins, and hyperparameters.

Field numbers are those of Event, Summary.Value, TensorProto and HParamsPluginData
(tensorflow/core/util/event.proto, framework/summary.proto, framework/tensor.proto,
tensorboard/plugins/hparams/plugin_data.proto).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.curves.curve_points import Points
from git_datmo.errors import Damaged
from git_datmo.readers.protobuf_fields import (
    Field,
    fields,
    first,
    messages,
    signed,
    text,
    varint,
)
from git_datmo.readers.regular_files import read_regular
from git_datmo.readers.tensor_scalars import tensor_scalar
from git_datmo.readers.tfrecord_file import find_damaged, find_records
from git_datmo.readers.tool_runs import (
    FAILED,
    SUCCEEDED,
    ReaderKind,
    Scalar,
    ToolRun,
    add_point,
    microseconds,
)

NAME = "tensorboard"
MARK = "tfevents"
SIZE_LIMIT = 1 << 30

WALL_TIME, STEP, SUMMARY = 1, 2, 5
VALUE = 1
TAG, SIMPLE, IMAGE, HISTOGRAM, AUDIO, TENSOR, METADATA = 1, 2, 4, 5, 6, 8, 9
PLUGIN, PLUGIN_NAME, PLUGIN_CONTENT = 1, 1, 2
SESSION_START, SESSION_END, HPARAMS = 3, 4, 1
_KINDS = {IMAGE: "image", HISTOGRAM: "histogram", AUDIO: "audio"}
# Status of a session (tensorboard/plugins/hparams/api.proto).
_STATUSES = {1: SUCCEEDED, 2: FAILED}
_DOUBLE, _FLOAT = struct.Struct("<d"), struct.Struct("<f")


def claim(path: str) -> str | None:
    """Return the path if its name is that of an event file."""
    return path if MARK in path.rpartition("/")[2] else None


def read(path: Path) -> Iterator[ToolRun]:
    """Yield the one run of an event file."""
    yield read_events(read_regular(path, SIZE_LIMIT))


def read_events(content: bytes) -> ToolRun:
    """Return the scalars and hyperparameters of an event file.

    A record with a wrong checksum is left out and named. Only records with values are checked.
    """
    framing = find_records(content)
    if not framing.spans:
        raise Damaged(framing.problem or "it has no events")
    reading = _EventFile(content)
    problems = [framing.problem] if framing.problem else []
    spans = [(offset, length) for offset, length in framing.spans if reading.has_summary(offset)]
    damaged = find_damaged(content, spans)
    if damaged:
        count = f"{len(damaged)} event" + ("s" if len(damaged) > 1 else "")
        problems.append(f"{count} with a wrong checksum left out")
    for index, (offset, length) in enumerate(spans):
        if index not in damaged:
            reading.event(offset, offset + length)
    run = reading.run
    run.problems += problems
    return run


@dataclass(slots=True)
class _EventFile:
    """An event file that is being read.

    Events of the same tag differ in their time, step and value alone. `holes` has, for a length of
    a summary, the offsets of values within it. `known` has the series for a summary without its
    value. So an event is parsed field by field only if none like it was seen before.
    """

    content: bytes
    run: ToolRun = field(default_factory=lambda: ToolRun(NAME))
    holes: dict[int, list[int]] = field(default_factory=dict)
    known: dict[bytes, Points] = field(default_factory=dict)

    def has_summary(self, offset: int) -> bool:
        """Return False for the first event of a file, which holds only its version."""
        # The wall time takes 9 bytes. The first event has no step; 0x1a is the key of
        # `file_version`.
        return self.content[offset + 9 : offset + 10] != b"\x1a"

    def event(self, start: int, end: int) -> None:
        """Read one event."""
        content = self.content
        offset = start + 9
        # Fields usually come in the order of their numbers. An event with another order is parsed
        # whole.
        if content[start] != WALL_TIME << 3 | 1 or offset >= end:
            self._whole_event(content[start:end])
            return
        step = 0
        if content[offset] == STEP << 3:
            step = content[offset + 1]
            offset += 2
            # The highest bit says that more bytes follow.
            if step >= 0x80:
                step, offset = varint(content, offset - 1)
        if offset < end and content[offset] == SUMMARY << 3 | 2:
            length, begin = varint(content, offset + 1)
            if begin + length == end and self._known_value(start, begin, end, step):
                return
        self._whole_event(content[start:end])

    def _known_value(self, start: int, begin: int, end: int, step: int) -> bool:
        """Add the value of a summary that is like one before; return False if there is none."""
        content = self.content
        for hole in self.holes.get(end - begin, ()):
            value = begin + hole
            series = self.known.get(content[begin:value] + content[value + 4 : end])
            if series is not None:
                seconds = _DOUBLE.unpack_from(content, start + 1)[0]
                time = round(seconds * 1e6) if 0 < seconds < 9e9 else 0
                add_point(series, _FLOAT.unpack_from(content, value)[0], signed(step), time)
                return True
        return False

    def _whole_event(self, event: bytes) -> None:
        """Read an event field by field."""
        time, step = 0, 0
        summary = b""
        for number, value in fields(event):
            if number == WALL_TIME and isinstance(value, bytes) and len(value) == 8:
                time = microseconds(_DOUBLE.unpack(value)[0])
            elif number == STEP and isinstance(value, int):
                step = signed(value)
            elif number == SUMMARY and isinstance(value, bytes):
                summary = value
        values = list(messages(summary, VALUE))
        for value in values:
            found = dict(fields(value))
            tag = _text(found.get(TAG, b""))
            scalar = value_scalar(found)
            if scalar is None:
                self._other(tag, found)
                continue
            self.run.add(tag, scalar, step, time)
            if len(values) == 1 and _is_float(found):
                self._remember(summary, scalar, self.run.series[tag])

    def _remember(self, summary: bytes, number: float, series: Points) -> None:
        """Note the offset of the value in a summary, if it is a float that occurs there once."""
        try:
            packed = _FLOAT.pack(number)
        except OverflowError:
            return
        # The value is in `simple_value`, in `tensor_content` (key 0x22) or in `float_val` (key
        # 0x2a).
        marks = (bytes((SIMPLE << 3 | 5,)) + packed, b"\x22\x04" + packed, b"\x2a\x04" + packed)
        found = [(mark, summary.find(mark)) for mark in marks if summary.count(mark) == 1]
        # Other bytes of the summary may look like the value by chance.
        if len(found) != 1 or summary.count(packed) != 1:
            return
        mark, offset = found[0]
        hole = offset + len(mark) - 4
        self.known[summary[:hole] + summary[hole + 4 :]] = series
        holes = self.holes.setdefault(len(summary), [])
        if hole not in holes:
            holes.append(hole)

    def _other(self, tag: str, found: dict[int, Field]) -> None:
        """Read the hyperparameters of a value without a scalar; else name it as lost."""
        metadata = found.get(METADATA, b"")
        plugin = first(metadata, PLUGIN) if isinstance(metadata, bytes) else b""
        name = text(plugin, PLUGIN_NAME)
        if name == "hparams":
            self._hyperparameters(first(plugin, PLUGIN_CONTENT))
            return
        kind = next((word for number, word in _KINDS.items() if number in found), name or "tensor")
        self.run.lose(f"{kind} '{tag}'")

    def _hyperparameters(self, content: bytes) -> None:
        """Read the parameters and the end of a session."""
        for entry in messages(first(content, SESSION_START), HPARAMS):
            value = _json_value(first(entry, 2))
            if value is not None:
                self.run.parameters[text(entry, 1)] = value
        for number, status in fields(first(content, SESSION_END)):
            if number == 1 and isinstance(status, int):
                self.run.status = _STATUSES.get(status, "")


def value_scalar(found: dict[int, Field]) -> float | None:
    """Return the number of a summary's value; None if it holds something else."""
    simple = found.get(SIMPLE)
    if isinstance(simple, bytes) and len(simple) == 4:
        return float(_FLOAT.unpack(simple)[0])
    tensor = found.get(TENSOR)
    return tensor_scalar(tensor) if isinstance(tensor, bytes) else None


def _is_float(found: dict[int, Field]) -> bool:
    """Return True if a value is a float of 32 bits."""
    tensor = found.get(TENSOR)
    return SIMPLE in found or (isinstance(tensor, bytes) and dict(fields(tensor)).get(1) == 1)


def _json_value(message: bytes) -> Scalar | None:
    """Return the scalar of a google.protobuf.Value."""
    for number, value in fields(message):
        if number == 2 and isinstance(value, bytes) and len(value) == 8:
            return float(_DOUBLE.unpack(value)[0])
        if number == 3:
            return _text(value)
        if number == 4:
            return bool(value)
    return None


def _text(value: Field) -> str:
    """Return the text of a field."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


TENSORBOARD = ReaderKind(NAME, claim, read)
