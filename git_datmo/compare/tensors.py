"""Compare safetensors files. Their own library checks them; values are then read in blocks."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from git_datmo.compare.blocks import StoredArray, compare_stored
from git_datmo.compare.comparison import Comparison, Tally, one_sided

METADATA = "__metadata__"
# The format's names of types, and NumPy's. Others are compared as bytes.
TYPES = {
    **{f"F{8 * size}": f"<f{size}" for size in (2, 4, 8)},
    **{f"I{8 * size}": f"<i{size}" for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": f"<u{size}" for size in (1, 2, 4, 8)},
    "BOOL": "?",
    "BF16": "<u2",
    "C64": "<c8",
}


def compare_tensors(recorded: Path, rerun: Path) -> Comparison:
    tally = Tally()
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in (recorded, rerun)]
        (one, start), (other, begin) = _read_header(recorded), _read_header(rerun)
        remarks = [one_sided("tensors", one.keys() - {METADATA}, other.keys() - {METADATA})]
        if one.get(METADATA) != other.get(METADATA):
            remarks.append("the metadata differs")
        for name in sorted((one.keys() & other.keys()) - {METADATA}):
            files[0].seek(start + one[name]["data_offsets"][0])
            files[1].seek(begin + other[name]["data_offsets"][0])
            recorded_tensor, rerun_tensor = (
                _stored(one[name], files[0]),
                _stored(other[name], files[1]),
            )
            remarks.append(compare_stored(tally, recorded_tensor, rerun_tensor, name))
    return tally.conclude("values", *remarks)


def _read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors' descriptions and the offset of their bytes, after a length and JSON."""
    from safetensors import safe_open

    # Opening it checks every name, type, shape and offset.
    with safe_open(path, framework="numpy"), path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length)), 8 + length


def _stored(entry: dict[str, Any], file: Any) -> StoredArray:
    import numpy as np

    kind = entry["dtype"]
    first, end = entry["data_offsets"]
    known = kind in TYPES
    shape = tuple(entry["shape"]) if known else (end - first,)
    # Bytes of an unknown type are compared as text of one letter, so they are equal or not.
    return StoredArray(
        shape, kind, np.dtype(TYPES[kind] if known else "S1"), file, brain_floats=kind == "BF16"
    )
