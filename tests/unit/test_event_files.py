"""Test event files of TensorBoard, made byte by byte."""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.readers.crc32c import crc32c, crc32c_all
from git_datmo.readers.tensorboard_reader import read, read_events
from git_datmo.readers.tool_runs import ToolRun
from tests.support.event_files import (
    event,
    nested,
    number,
    simple,
    tensor,
    tfrecord,
    version_event,
)

START = 1_700_000_000.5
ALL_AT_ONCE = 100_000


def made(*events: bytes) -> bytes:
    return b"".join(map(tfrecord, (version_event(START), *events)))


def points(run: ToolRun, name: str) -> list[tuple[float, float, int]]:
    series = run.series[name]
    return list(zip(series.values, series.steps, series.times, strict=True))


def test_checksum_of_the_standard_example_is_right() -> None:
    assert crc32c(b"123456789") == 0xE3069283


def test_checksums_in_bulk_equal_single_checksums() -> None:
    contents = [os.urandom(length) for length in [0, 1, 7, 64, 64] * 20] + [b"x" * 300]
    assert crc32c_all(contents) == [crc32c(content) for content in contents]


def test_scalars_keep_values_steps_and_times() -> None:
    run = read_events(
        made(
            event(START, 0, simple("loss", 1.5)),
            event(START + 1, 200, simple("loss", 0.5), simple("acc", 0.25)),
            event(START + 2, -3, simple("loss", math.inf)),
            event(START + 3, 1 << 40, simple("loss", -0.0)),
        )
    )
    micro = int(START * 1e6)
    assert points(run, "loss") == [
        (1.5, 0, micro),
        (0.5, 200, micro + 1_000_000),
        (math.inf, -3, micro + 2_000_000),
        (-0.0, 1 << 40, micro + 3_000_000),
    ]
    assert points(run, "acc") == [(0.25, 200, micro + 1_000_000)]


FLOAT = number(1, 1)
TENSORS: dict[str, tuple[bytes, float]] = {
    "float content": (FLOAT + nested(4, struct.pack("<f", 0.5)), 0.5),
    "float value": (FLOAT + nested(5, struct.pack("<f", -2)), -2),
    "shape of one": (FLOAT + nested(2, nested(2, number(1, 1))) + nested(5, bytes(4)), 0),
    "double": (number(1, 2) + nested(4, struct.pack("<d", 1e300)), 1e300),
    "int64": (number(1, 9) + nested(10, b"\x96\x01"), 150),
    "int32": (number(1, 3) + nested(4, struct.pack("<i", -7)), -7),
    "bool": (number(1, 10) + nested(11, b"\x01"), 1),
    "half": (number(1, 19) + nested(4, struct.pack("<e", 1.5)), 1.5),
    "half as bits": (number(1, 19) + nested(13, b"\x80\x78"), 1.0),
    "bfloat16": (number(1, 14) + nested(4, b"\xc0\x3f"), 1.5),
}


@pytest.mark.parametrize("kind", TENSORS)
def test_tensor_of_one_number_is_a_scalar(kind: str) -> None:
    proto, value = TENSORS[kind]
    run = read_events(
        made(event(START, 1, tensor("x", proto)), event(START, 2, tensor("x", proto)))
    )
    assert set(run.series["x"].values) == {value}


def test_integer_tensors_of_the_size_of_a_float_stay_integers() -> None:
    zero, later = (number(1, 3) + nested(4, struct.pack("<i", value)) for value in (0, 5))
    run = read_events(made(event(START, 1, tensor("n", zero)), event(START, 2, tensor("n", later))))
    assert list(run.series["n"].values) == [0, 5]


def test_images_and_tensors_of_many_numbers_are_named_as_lost() -> None:
    many = FLOAT + nested(2, nested(2, number(1, 2))) + nested(4, bytes(8))
    run = read_events(
        made(
            event(START, 1, nested(1, b"digits") + nested(4, b"")),
            event(START, 1, tensor("weights", many, "histograms")),
        )
    )
    assert run.series == {}
    assert run.lost == ["image 'digits'", "histograms 'weights'"]


def test_hyperparameters_are_read_as_parameters() -> None:
    values = {
        "lr": b"\x11" + struct.pack("<d", 0.1),
        "optimizer": nested(3, b"adam"),
        "shuffle": number(4, 1),
    }
    entries = (nested(1, nested(1, name.encode()) + nested(2, v)) for name, v in values.items())
    start = nested(1, b"_hparams_/session_start_info") + nested(
        9, nested(1, nested(1, b"hparams") + nested(2, nested(3, b"".join(entries))))
    )
    run = read_events(made(event(START, 0, start)))
    assert run.parameters == {"lr": 0.1, "optimizer": "adam", "shuffle": True}


def test_record_cut_off_at_the_end_is_left_out_silently() -> None:
    whole = made(event(START, 1, simple("loss", 1)), event(START, 2, simple("loss", 2)))
    last = len(tfrecord(event(START, 2, simple("loss", 2))))
    for cut in range(1, last + 1):
        run = read_events(whole[:-cut])
        assert list(run.series["loss"].values) == [1]
        assert run.problems == []


def test_record_with_a_wrong_checksum_is_left_out_and_named() -> None:
    parts = [tfrecord(event(START, step, simple("loss", step))) for step in (1, 2, 3)]
    parts[1] = parts[1][:-6] + b"\xff\xff" + parts[1][-4:]
    run = read_events(made() + b"".join(parts))
    assert list(run.series["loss"].values) == [1, 3]
    assert run.problems == ["1 event with a wrong checksum left out"]


def test_length_with_a_wrong_checksum_ends_the_file_and_is_named() -> None:
    first, second = (tfrecord(event(START, step, simple("loss", step))) for step in (1, 2))
    run = read_events(made() + first + b"\xff" + second[1:])
    assert list(run.series["loss"].values) == [1]
    assert len(run.problems) == 1
    assert "the length at byte" in run.problems[0]


@pytest.mark.parametrize("content", [b"", b"no event file at all, and long enough"])
def test_file_that_is_no_event_file_is_refused(content: bytes) -> None:
    with pytest.raises(Damaged):
        read_events(content)


def test_hundred_thousand_scalars_are_read_at_once(tmp_path: Path) -> None:
    path = tmp_path / "events.out.tfevents.1.host"
    path.write_bytes(_many())
    (run,) = read(path)
    assert len(run.series["loss"]) + len(run.series["acc"]) == ALL_AT_ONCE


def _many() -> bytes:
    """Return two curves. Their checksums are computed together, which is faster."""
    events = [
        event(START + step, step, simple(tag, 1 / (step + 1)))
        for step in range(ALL_AT_ONCE // 2)
        for tag in ("loss", "acc")
    ]
    lengths = [struct.pack("<Q", len(content)) for content in events]
    checks = zip(lengths, crc32c_all(lengths), events, crc32c_all(events), strict=True)
    packed = (
        length + _masked(one) + content + _masked(other) for length, one, content, other in checks
    )
    return tfrecord(version_event(START)) + b"".join(packed)


def _masked(crc: int) -> bytes:
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
