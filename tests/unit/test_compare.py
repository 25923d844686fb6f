"""Files compared by what they hold, with the real libraries, in the process that is kept for it."""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from pyarrow import parquet
from safetensors.numpy import save_file

from git_datmo.compare.blocks import BLOCK, StoredArray, compare_stored
from git_datmo.compare.comparison import Comparison, Tally
from git_datmo.compare.file_compare import compare_paths
from git_datmo.compare.subprocess_compare import LOST, compare_apart
from tests.support.event_files import tfrecord

Write = Callable[[Path], object]
X = np.arange(10.0)
Y = np.where(X == 3, 3.25, X)
NAN = np.where(X == 3, np.nan, X)


def npz(**members: bytes) -> Write:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(f"{name}.npy", content)

    return write


def tensors(**members: object) -> Write:
    return lambda path: save_file(members, path)


def brain_floats(value: int) -> Write:
    header = json.dumps({"x": {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}}).encode()
    raw = (
        len(header).to_bytes(8, "little")
        + header
        + (0x3F80).to_bytes(2, "little")
        + value.to_bytes(2, "little")
    )
    return lambda path: path.write_bytes(raw)


def table(**columns: object) -> Write:
    return lambda path: parquet.write_table(pa.table(columns), path)


def text(content: str) -> Write:
    return lambda path: path.write_text(content)


def raw(content: bytes) -> Write:
    return lambda path: path.write_bytes(content)


def picture(*colour: int, mode: str = "RGB", size: int = 4) -> Write:
    return lambda path: Image.new(
        mode, (size, size), colour if len(colour) > 1 else colour[0]
    ).save(path)


def array(values: object) -> Write:
    return lambda path: np.save(path, values)


def claiming(shape: str) -> bytes:
    """An array file whose header says more than there is."""
    header = (
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode()
        + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)


def field(number: int, content: bytes | float) -> bytes:
    """One field of a protocol buffer: a whole number, a float or bytes."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    if isinstance(content, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", content)
    return bytes([number << 3 | 2, len(content)]) + content


def events(wall: float, *scalars: tuple[int, str, float]) -> Write:
    """An event file of TensorBoard's."""
    made = [field(3, b"brain.Event:2")]
    made += [
        field(2, n) + field(5, field(1, field(1, tag.encode()) + field(2, value)))
        for n, tag, value in scalars
    ]
    records = (bytes([9]) + struct.pack("<d", wall) + each for each in made)
    return raw(b"".join(map(tfrecord, records)))


def notebook(output: str, **more: object) -> Write:
    cell = {
        "cell_type": "code",
        "source": ["x\n", "y"],
        "outputs": [{"text": [output], "output_type": "stream"}],
        **more,
    }
    return text(json.dumps({"cells": [cell], "metadata": {"papermill": more}}))


# What each pair comes to: the largest difference, None for more than numbers, and words that are in
# the line.
CASES: dict[str, tuple[str, Write, Write, float | None, str]] = {
    "array": (".npy", array(X), array(Y), 0.25, "1 of 10 values differ; largest difference 0.25"),
    "type": (".npy", array(X), array(X.astype("f4")), None, "type float64 became float32"),
    "shape": (".npy", array(X), array(X[:9]), None, "shape [10] became [9]"),
    "nan": (".npy", array(X), array(NAN), None, "1 of 10 values differ"),
    "version": (
        ".npy",
        array(NAN),
        lambda p: np.lib.format.write_array(p.open("wb"), NAN, (2, 0)),
        0.0,
        "the same",
    ),
    "dates": (
        ".npy",
        array(X.astype("M8[s]")),
        array(Y.astype("M8[s]") + 1),
        1.0,
        "10 of 10 values",
    ),
    "pickled": (".npy", array(X), array(np.array([{}], dtype=object)), None, "pickled"),
    "claim": (".npy", raw(claiming("(1 << 40,)")), array(X), None, "not readable"),
    "large claim": (
        ".npy",
        raw(claiming("(1099511627776,)")),
        raw(claiming("(1099511627776,)") + b"x"),
        None,
        "ends",
    ),
    "arrays": (
        ".npz",
        lambda p: np.savez(p, x=X, z=X),
        lambda p: np.savez(p, x=Y, w=X),
        None,
        "missing: z",
    ),
    "compressed": (
        ".npz",
        lambda p: np.savez(p, x=X),
        lambda p: np.savez_compressed(p, x=X),
        0.0,
        "the same values",
    ),
    "bomb": (
        ".npz",
        npz(x=bytes(300 << 20)),
        lambda p: np.savez(p, x=X),
        None,
        "far more than its size",
    ),
    "tensors": (
        ".safetensors",
        tensors(x=X, k=X),
        tensors(x=Y, k=X),
        0.25,
        "1 of 20 values differ",
    ),
    "brain floats": (
        ".safetensors",
        brain_floats(0x3F80),
        brain_floats(0x4000),
        1.0,
        "largest difference 1 in x",
    ),
    "no tensors": (
        ".safetensors",
        raw(b"\xff" * 64),
        tensors(x=X),
        None,
        "not readable as .safetensors",
    ),
    "rows": (
        ".csv",
        text("a,b\n1,2\n3,4\n"),
        text("a,b\n1,2.5\n3,4\n"),
        0.5,
        "1 of 4 cells differ",
    ),
    "words": (".csv", text("a,b\n1,2\n"), text("a,b\n1,x\n"), None, "in 1 rows, columns b"),
    "more rows": (".csv", text("a,b\n1,2\n"), text("a,b\n1,2\n1,2\n"), None, "1 rows became 2"),
    "columns": (
        ".csv",
        text("a,b\n1,2\n"),
        text("a,c\n1,2\n"),
        None,
        "columns missing: b; columns new: c",
    ),
    "spelling": (".tsv", text("a\tb\n1\t2\n"), text("a\tb\n1\t2.0\n"), 0.0, "the same cells"),
    "parquet": (
        ".parquet",
        table(a=[1, 2], b=["x", "y"]),
        table(a=[1, 4], b=["x", "y"]),
        2.0,
        "columns a",
    ),
    "parquet types": (".parquet", table(a=[1]), table(a=["1"]), None, "another type: a"),
    "no parquet": (
        ".parquet",
        raw(b"PAR1" + bytes(99) + b"PAR1"),
        table(a=[1]),
        None,
        "not readable as .parquet",
    ),
    "json": (
        ".json",
        text('{"a":[1,{"b":2}],"c":0}'),
        text('{"c":0,"a":[1,{"b":2.5}]}'),
        0.5,
        "0.5: a[1].b",
    ),
    "json order": (".json", text('{"a":1,"c":2}'), text('{"c":2, "a":1}'), 0.0, "the same values"),
    "json keys": (
        ".json",
        text('{"a":1}'),
        text('{"a":1,"b":true}'),
        None,
        "1 of 2 values differ: b",
    ),
    "deep json": (".json", raw(b"[" * 200_000), text("[]"), None, "not readable as .json"),
    "nan in json": (
        ".json",
        text('{"a": NaN, "b": 1}'),
        text('{"b": 1, "a": NaN}'),
        0.0,
        "the same values",
    ),
    "times and paths": (
        ".json",
        text(
            '{"at": "2026-05-01T12:30:05Z", "log": "/home/ada/run/a.log", "fit_time": 1.5, "n": 1}'
        ),
        text('{"at": "2026-05-02T01:02:03Z", "log": "/runs/a.log", "fit_time": 2.5, "n": 1}'),
        0.0,
        "the same values but for 3 times or paths",
    ),
    "places of a run": (
        ".yaml",
        text("cwd: /home/ada/project\ndir: /home/ada/project/outputs/2026-05-01/12-30-05\n"),
        lambda path: path.write_text(
            f"cwd: {path.parent}\ndir: {path.parent}/outputs/2026-06-02/01-02-03\n"
        ),
        0.0,
        "but for 2 times or paths",
    ),
    "a container's": (
        ".json",
        text('{"cwd": "/home/ada/p"}'),
        text('{"cwd": "/work"}'),
        0.0,
        "but for 1 time or path",
    ),
    "another folder": (
        ".json",
        text('{"cwd": "/home/ada/p"}'),
        text('{"cwd": "/srv/q"}'),
        None,
        "1 of 1 values",
    ),
    "log times and numbers": (
        ".log",
        text("12:30:05 step 3 loss 0.5\n"),
        text("12:31:06 step 3 loss 0.25\n"),
        0.25,
        "largest difference 0.25 in line 1",
    ),
    "another file": (
        ".json",
        text('{"log": "/a/b.log"}'),
        text('{"log": "/a/c.log"}'),
        None,
        "1 of 1 values",
    ),
    "yaml": (".yaml", text("a: [1, 2]\nb: x\n"), text("b: x\na: [1, 2.5]\n"), 0.5, "0.5: [0].a[1]"),
    "yaml times": (
        ".yml",
        text("at: 2026-05-01 12:00:00\n"),
        text("at: 2026-05-01 13:00:00\n"),
        0.0,
        "but for 1 time",
    ),
    "yaml objects": (
        ".yaml",
        text("!!python/object/apply:os.system ['x']\n"),
        text("a: 1\n"),
        None,
        "not readable",
    ),
    "notebook": (
        ".ipynb",
        notebook("1", execution_count=1, id="a"),
        notebook("1", execution_count=7, id="b"),
        0.0,
        "the same",
    ),
    "notebook output": (".ipynb", notebook("1"), notebook("2"), None, "[0].outputs[0].text"),
    "events": (
        "events",
        events(1.0, (1, "loss", 0.5)),
        events(2.0, (1, "loss", 0.5)),
        0.0,
        "the same values",
    ),
    "other events": (
        "events",
        events(1.0, (1, "loss", 0.5)),
        events(1.0, (1, "loss", 1.0)),
        0.5,
        "loss at step 1",
    ),
    "fewer events": (
        "events",
        events(1.0, (1, "l", 0.5), (2, "l", 0.5)),
        events(1.0, (1, "l", 0.5)),
        None,
        "l at step 2",
    ),
    "no events": ("events", raw(b"x" * 99), events(1.0), None, "it has no events"),
    "log times": (
        ".log",
        text("[2026-05-01 12:30:05,123][main][INFO] - loss 0.5\nsaved /home/ada/a.pt\n"),
        text("[2026-05-02 01:02:03,456][main][INFO] - loss 0.5\nsaved /work/a.pt\n"),
        0.0,
        "the same lines but for times or paths in 2",
    ),
    "log numbers": (
        ".log",
        text("a\nloss 0.5, 1e2\n"),
        text("a\nloss 0.75, 1e2\n"),
        0.25,
        "1 of 2 lines differ",
    ),
    "log words": (".txt", text("a\nb\n"), text("a\nc\n"), None, "1 of 2 lines differ"),
    "more lines": (".out", text("a\n"), text("a\nb\n"), None, "1 line became 2"),
    "no text": (".txt", raw(b"\xff"), text("a\n"), None, "it is not UTF-8 text"),
    "pixels": (
        ".png",
        picture(0, 0, 0),
        picture(0, 3, 0),
        3.0,
        "16 of 48 samples differ; largest difference 3",
    ),
    "mode": (".png", picture(0, 0, 0), picture(0, mode="L"), None, "4x4 RGB became 4x4 L"),
    "format": (
        ".bmp",
        picture(0, 0, 0),
        lambda p: Image.new("RGB", (4, 4)).save(p, "PNG"),
        0.0,
        "the same samples",
    ),
    "script": (
        ".png",
        raw(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n"),
        picture(0),
        None,
        "not readable",
    ),
    "pickle": (
        ".pkl",
        raw(b"cos\nsystem\n(S'touch ran'\ntR."),
        raw(b"x"),
        None,
        "differs in bytes (28 bytes became 1)",
    ),
}


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Comparison]:
    """All cases, by one process, as a rerun's outputs are."""
    top = tmp_path_factory.mktemp("compare")

    def pairs() -> Iterator[tuple[Path, Path]]:
        for name, (suffix, one, other, _, _) in CASES.items():
            if suffix == "events":
                paths = (
                    top / f"events.out.tfevents.1.{name}.0",
                    top / f"events.out.tfevents.2.{name}.0",
                )
            else:
                paths = top / f"{name} recorded{suffix}", top / f"{name} rerun{suffix}"
            one(paths[0])
            other(paths[1])
            yield paths

    return dict(zip(CASES, compare_apart(pairs(), os.environ), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_files_differ_by_their_contents(compared: dict[str, Comparison], name: str) -> None:
    *_, off, words = CASES[name]
    assert words in compared[name].text
    assert compared[name].off == off
    assert "\n" not in compared[name].text


def test_folder_is_compared_file_by_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, values in ((one, X), (other, Y)):
        (folder / "deep").mkdir(parents=True)
        np.save(folder / "deep" / "x.npy", values)
        np.save(folder / "same.npy", X)
    assert compare_paths(one, other) == Comparison(
        "1 of 2 files differ; deep/x.npy: 1 of 10 values differ; largest difference 0.25", 0.25
    )
    (other / "more").symlink_to("same.npy")
    assert compare_paths(one, other).off is None
    assert compare_paths(one, other).text.startswith("files new: more; 1 of 2")
    assert compare_paths(one, other / "same.npy").off is None


def test_crashing_decoder_does_not_stop_the_comparison(tmp_path: Path) -> None:
    """A file that ends the process that reads it: here, one that never comes to its end."""
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], X)
    np.save(paths[1], Y)
    killing = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "safetensors.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    bad = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path in bad:
        tensors(x=X)(path)
    first, second, third = compare_apart([paths, bad, paths], killing)
    assert (first.off, second, third.off) == (0.25, LOST, 0.25)


def test_missing_library_of_comparison_is_named(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('no')\n")
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], X)
    np.save(paths[1], Y)
    (found,) = compare_apart([paths], {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (
        found.text
        == "differs in bytes (208 bytes); install numpy (git-datmo[compare]) to see by how much"
    )


@given(
    arrays.arrays(
        st.sampled_from(["f8", "f4", "i2", "u1", "?", "c8"]), arrays.array_shapes(max_dims=3)
    ),
    st.data(),
)
def test_largest_difference_equals_that_of_numpy(one: np.ndarray, data: st.DataObject) -> None:
    other = data.draw(arrays.arrays(one.dtype, one.shape))
    tally = Tally()
    made = [
        StoredArray(a.shape, str(a.dtype), a.dtype, io.BytesIO(a.tobytes())) for a in (one, other)
    ]
    assert compare_stored(tally, made[0], made[1], "") == ""
    unequal = (one != other) & ~((one != one) & (other != other))  # noqa: PLR0124
    assert (tally.values, tally.differing) == (one.size, int(unequal.sum()))
    with np.errstate(all="ignore"):
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        gaps = np.abs(one.astype(wide) - other.astype(wide))[unequal]
    if np.isfinite(gaps).all():
        assert tally.off == max(gaps, default=0.0)
        assert tally.odd == 0
    else:
        assert tally.odd == tally.differing


def test_array_larger_than_a_block_is_read_in_blocks() -> None:
    size = BLOCK // 8 + 1
    one = np.zeros(size)
    other = one.copy()
    other[-1] = 1.0
    tally = Tally()
    made = [StoredArray(a.shape, "f8", a.dtype, io.BytesIO(a.tobytes())) for a in (one, other)]
    assert [
        len(block)
        for block in StoredArray(one.shape, "f8", one.dtype, io.BytesIO(one.tobytes())).blocks()
    ] == [
        size - 1,
        1,
    ]
    compare_stored(tally, made[0], made[1], "x")
    assert (tally.differing, tally.off, tally.where) == (1, 1.0, "x")
