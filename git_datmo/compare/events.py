"""Compare TensorBoard event files: summaries by step and tag. Times do not count."""

from __future__ import annotations

from pathlib import Path

from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile, list_names
from git_datmo.errors import Damaged
from git_datmo.readers.protobuf_fields import fields, messages, signed
from git_datmo.readers.tensorboard_reader import STEP, SUMMARY, TAG, VALUE, value_scalar
from git_datmo.readers.tfrecord_file import find_records

NAME = "events.out.tfevents"
SIZE_LIMIT = 256 << 20


def compare_events(recorded: Path, rerun: Path) -> Comparison:
    """Compare the values of two event files at each step and tag."""
    one, other = _read(recorded), _read(rerun)
    tally, odd = Tally(), list[str]()
    for key in sorted({*one, *other}):
        gap = _gap(one.get(key), other.get(key))
        tally.count(1, int(gap is not None), gap or 0.0, f"{key[1]} at step {key[0]}")
        if gap is not None:
            odd.append(f"{key[1]} at step {key[0]}")
    done = tally.conclude("values")
    return Comparison(f"{done.text}: {list_names(odd)}", done.off) if odd else done


def _gap(one: float | bytes | None, other: float | bytes | None) -> float | None:
    """Return the distance of two values: infinite unless both are numbers, None if equal."""
    if isinstance(one, float) and isinstance(other, float):
        same = one == other or (one != one and other != other)  # noqa: PLR0124  # NaN alone is not itself
        return None if same else abs(one - other)
    return None if one == other else float("inf")


def _read(path: Path) -> dict[tuple[int, str], float | bytes]:
    """Return the last value for each step and tag."""
    if path.stat().st_size > SIZE_LIMIT:
        raise UnreadableFile(f"it is larger than {SIZE_LIMIT >> 20} MiB")
    content = path.read_bytes()
    framing = find_records(content)
    if not framing.spans:
        raise UnreadableFile("it has no events")
    if framing.problem:
        raise UnreadableFile(framing.problem)
    found: dict[tuple[int, str], float | bytes] = {}
    try:
        for offset, length in framing.spans:
            found |= _values(content[offset : offset + length])
    except Damaged as error:
        raise UnreadableFile(error.what) from error
    return found


def _values(event: bytes) -> dict[tuple[int, str], float | bytes]:
    """Return the values of an event by step and tag."""
    step = next((value for number, value in fields(event) if number == STEP), 0)
    at = signed(step) if isinstance(step, int) else 0
    found: dict[tuple[int, str], float | bytes] = {}
    for summary in messages(event, SUMMARY):
        for value in messages(summary, VALUE):
            parts = dict(fields(value))
            tag = parts.get(TAG, b"")
            if not isinstance(tag, bytes):
                raise UnreadableFile("a tag is not text")
            scalar = value_scalar(parts)
            found[at, tag.decode("utf-8", "replace")] = value if scalar is None else scalar
    return found
