"""Make the documents of an export by hand, so that tests of the page need no repository.

They have every kind of document, and cases that are hard to show: gaps, ranks, long curves, odd names.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
import struct
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

DIST = Path(__file__).parents[2] / "git_datmo" / "web" / "dist"
Document = dict[str, Any]
PART = 16_384
BUCKETS = (1, 64, 256, 1024)
SPIKE = 1_000.0
"""The one sample of a long curve that is far from the others."""
MODEL = ("model.bin", "m")
START = 1_790_000_000


def make_oid(text: str) -> str:
    """Return an id that follows from a text."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def write_site(folder: Path, documents: dict[str, Document], blobs: dict[str, bytes]) -> str:
    """Write an export with these documents and files; return the address of its page."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in DIST.iterdir():
        content = path.read_bytes()
        if path.name == "index.html":
            content = content.replace(b'data-mode="live"', b'data-mode="static"')
        (folder / path.name).write_bytes(content)
    for name, document in documents.items():
        path = folder / "data" / f"{name}.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        packed = base64.b64encode(gzip.compress(json.dumps(document).encode(), 1)).decode()
        path.write_text(f'datmo.document("{name}", "{packed}")')
    for name, content in blobs.items():
        path = folder / "data" / "file" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return f"file://{folder}/index.html"


def make_png(red: int, size: int = 24) -> bytes:
    """Return a small image with a gradient."""
    lines = b"".join(
        b"\0" + b"".join(bytes((red, 8 * x % 256, 8 * y % 256)) for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def make_curve(name: str, series: Iterable[tuple[str, list[float]]]) -> dict[str, Document]:
    """Return the documents of a curve; series with many points have levels."""
    documents: dict[str, Document] = {}
    infos, plain = [], []
    for place, (rank, values) in enumerate(series):
        levels = [each for each in BUCKETS if each == 1 or each < len(values)]
        infos.append(
            {
                "attempt": "",
                "rank": rank,
                "points": len(values),
                "levels": [_level(bucket, len(values)) for bucket in levels],
            }
        )
        plain.append(values)
        for level, bucket in enumerate(levels):
            documents |= _parts(f"{name}/{place}/{level}", values, bucket)
    curve: Document = {"metric": name, "series": infos}
    if sum(map(len, plain)) <= 4_000:
        curve["steps"] = [[*range(len(values))] for values in plain]
        curve["times"] = [[START + 2 * at for at in range(len(values))] for values in plain]
        curve["values"] = [[*map(encode, values)] for values in plain]
    return {**documents, name: curve}


def encode(number: float) -> float | str:
    """Return a number as JSON has it."""
    if math.isnan(number):
        return "NaN"
    return number if math.isfinite(number) else str(number).replace("inf", "Infinity")


def _level(bucket: int, points: int) -> Document:
    count = math.ceil(points / bucket)
    return {"bucket": bucket, "count": count, "parts": math.ceil(count / PART)}


def _parts(name: str, values: list[float], bucket: int) -> dict[str, Document]:
    starts = range(0, len(values), bucket)
    found: dict[str, Document] = {}
    for part in range(math.ceil(len(starts) / PART)):
        chosen = starts[part * PART : (part + 1) * PART]
        if bucket == 1:
            entry: Document = {
                "steps": [*chosen],
                "times": [START + each for each in chosen],
                "values": [encode(values[each]) for each in chosen],
            }
        else:
            ends = [min(len(values), each + bucket) - 1 for each in chosen]
            entry = {
                "first_steps": [*chosen],
                "last_steps": ends,
                "first_times": [START + each for each in chosen],
                "last_times": [START + each for each in ends],
                "lows": [min(values[each : each + bucket]) for each in chosen],
                "highs": [max(values[each : each + bucket]) for each in chosen],
            }
        found[f"{name}/{part}"] = entry
    return found


def make_table(
    rows: list[dict[str, Any]], facts: list[dict[str, Any]], *, block: int = 20
) -> dict[str, Document]:
    """Return the documents of the table: values by full name, and facts, one dictionary a row."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    blocks = [names[start : start + block] for start in range(0, len(names), block)]
    columns = [
        {
            "name": name,
            "section": name.split(".")[0],
            "kind": _kind([row.get(name) for row in rows]),
            "block": number,
            "present": sum(name in row for row in rows),
            "goal": "",
        }
        for number, listed in enumerate(blocks)
        for name in listed
    ]
    fact_names = list(dict.fromkeys(name for fact in facts for name in fact if name != "id"))
    documents: dict[str, Document] = {
        f"block/{number}": {"columns": [_column(name, rows) for name in listed]}
        for number, listed in enumerate(blocks)
    }
    documents["experiments"] = {
        "version": "0.1.0",
        "made": START,
        "repository": {"name": "digits", "branch": "main", "head": make_oid("head")},
        "count": len(rows),
        "ids": [fact["id"] for fact in facts],
        "facts": [_column(name, facts) for name in fact_names],
        "columns": columns,
        "sparklines": [],
        "running": [],
    }
    return documents


def _kind(values: list[Any]) -> str:
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float}:
        return "number"
    return {frozenset({str}): "text", frozenset({bool}): "flag"}.get(frozenset(kinds), "mixed")


def _column(name: str, rows: list[dict[str, Any]]) -> Document:
    values = [row.get(name) for row in rows]
    kind = _kind(values)
    if kind != "text":
        return {"name": name, "kind": kind, "values": values}
    words = list(dict.fromkeys(value for value in values if value is not None))
    places = {word: place for place, word in enumerate(words)}
    index = [-1 if value is None else places[value] for value in values]
    return {"name": name, "kind": kind, "words": words, "index": index}
