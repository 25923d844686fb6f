"""Define pairs of files, and how they compare."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
from PIL import Image
from pyarrow import parquet
from safetensors.numpy import save_file

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
    """Return an array file whose header claims more data than the file has."""
    header = (
        f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117).encode()
        + b"\n"
    )
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(8)


def field(number: int, content: bytes | float) -> bytes:
    """Return one field of a protocol buffer: an integer, a float or bytes."""
    if isinstance(content, int):
        return bytes([number << 3, content])
    if isinstance(content, float):
        return bytes([number << 3 | 5]) + struct.pack("<f", content)
    return bytes([number << 3 | 2, len(content)]) + content


def events(wall: float, *scalars: tuple[int, str, float]) -> Write:
    """Return an event file of TensorBoard."""
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


# The result of each pair: the largest difference, None for other than numbers, and words in the
# line.
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
    "words": (".csv", text("a,b\n1,2\n"), text("a,b\n1,x\n"), None, "in 1 row, columns b"),
    "more rows": (".csv", text("a,b\n1,2\n"), text("a,b\n1,2\n1,2\n"), None, "1 row became 2"),
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
        text("[2026-05-02 01:02:03,456][main][INFO] - loss 0.5\nsaved /home/grace/a.pt\n"),
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
    "paths of a text": (
        ".txt",
        text("a\nsaved /home/ada/a.pt\n"),
        text("a\nsaved /home/grace/a.pt\n"),
        None,
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
