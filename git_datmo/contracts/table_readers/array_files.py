"""Read arrays of NumPy and safetensors files: names, types and shapes, and values in blocks.

No pickle is loaded: an array of objects is refused.
"""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, BinaryIO

from git_datmo.contracts.table_readers.table_batches import UnreadableTable, load_library
from git_datmo.errors import DatmoError

ARRAY_SUFFIXES = (".npy", ".npz", ".safetensors")
BLOCK = 4 << 20
LARGEST_HEADER = 100 << 20
MOST_ARRAYS = 100_000

# Datatypes of the Open Inference Protocol by NumPy's kind and size, and by safetensors' names.
_OF_NUMPY = {
    "b1": "BOOL",
    **{f"i{size}": f"INT{size * 8}" for size in (1, 2, 4, 8)},
    **{f"u{size}": f"UINT{size * 8}" for size in (1, 2, 4, 8)},
    **{f"f{size}": f"FP{size * 8}" for size in (2, 4, 8)},
}
_OF_SAFETENSORS = {
    "BOOL": ("BOOL", "?"),
    **{f"I{bits}": (f"INT{bits}", f"<i{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"U{bits}": (f"UINT{bits}", f"<u{bits // 8}") for bits in (8, 16, 32, 64)},
    **{f"F{bits}": (f"FP{bits}", f"<f{bits // 8}") for bits in (16, 32, 64)},
    # NumPy has no such type, so only the header is checked.
    "BF16": ("BF16", ""),
}


@dataclass(frozen=True, slots=True)
class ArrayInFile:
    """Array of a file: its name, datatype and shape, and the part of the file with its values.

    `numpy_type` is empty if NumPy has no type for the values. `member` is the name in a zip file.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    path: str
    numpy_type: str
    offset: int
    member: str = ""

    def blocks(self) -> Iterator[Any]:
        """Yield the values in blocks of NumPy, without their shape.

        Raises `UnreadableTable` for values that are damaged or cut off.
        """
        if not self.numpy_type:
            return
        try:
            yield from self._read_blocks()
        except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile) as error:
            raise UnreadableTable(f"array '{self.name}' is damaged: {_detail(error)}") from error

    def _read_blocks(self) -> Iterator[Any]:
        import numpy as np

        kind = np.dtype(self.numpy_type)
        remaining = prod(self.shape) * kind.itemsize
        # A block ends between two values.
        size = BLOCK - BLOCK % kind.itemsize
        with _open_part(self.path, self.member) as file:
            _skip(file, self.offset)
            while remaining:
                data = file.read(min(size, remaining))
                if not data or len(data) % kind.itemsize:
                    raise UnreadableTable(f"array '{self.name}' ends before its last value")
                remaining -= len(data)
                yield np.frombuffer(data, kind)


def read_arrays(path: str, shown: str) -> tuple[ArrayInFile, ...]:
    """Return the arrays of a file. Raise `UnreadableTable` for a broken one."""
    suffix = os.path.splitext(path)[1].lower()
    try:
        if suffix == ".safetensors":
            return tuple(_read_safetensors(path, shown))
        load_library("numpy", shown)
        if suffix == ".npz":
            return tuple(_read_npz(path, shown))
        with open(path, "rb") as file:
            return (_read_npy(file, path, "values", os.path.getsize(path)),)
    except DatmoError:
        raise
    except Exception as error:
        # NumPy parses a header as Python's literals, which can fail in many ways.
        raise UnreadableTable(
            f"'{shown}' is not a readable array file: {_detail(error)}"
        ) from error


def _detail(error: Exception) -> str:
    """Return the first line of an error's text."""
    return (str(error) or type(error).__name__).splitlines()[0][:200]


def _read_npy(file: Any, path: str, name: str, size: int, member: str = "") -> ArrayInFile:
    """Return the array of a `.npy` stream of `size` bytes."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, kind = np.lib.format.read_array_header_1_0(file)
    else:
        shape, _, kind = np.lib.format.read_array_header_2_0(file)
    if any(length < 0 for length in shape):
        raise ValueError("its shape has a negative length")
    if kind.hasobject:
        raise ValueError("it has Python objects, which only unpickling reads")
    offset = file.tell()
    # A header may promise anything, so it is judged before values are read.
    if prod(shape) * kind.itemsize > size - offset:
        raise ValueError(f"its header promises {prod(shape) * kind.itemsize} bytes of values")
    datatype = _OF_NUMPY.get(f"{kind.kind}{kind.itemsize}", "BYTES")
    numpy_type = kind.str if datatype != "BYTES" else ""
    return ArrayInFile(name, datatype, tuple(shape), path, numpy_type, offset, member)


def _read_npz(path: str, shown: str) -> Iterator[ArrayInFile]:
    """Yield the arrays of a `.npz` file, whose members are `.npy` files."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if len(members) > MOST_ARRAYS:
            raise UnreadableTable(
                f"'{shown}' has {len(members)} arrays; at most {MOST_ARRAYS} work"
            )
        for member in members:
            name = member.filename.removesuffix(".npy")
            with archive.open(member) as file:
                yield _read_npy(file, path, name, member.file_size, member.filename)


def _read_safetensors(path: str, shown: str) -> Iterator[ArrayInFile]:
    """Yield the tensors of a safetensors file, in the order of their values."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        # The shortest header is `{}`.
        if not 2 <= length <= min(size - 8, LARGEST_HEADER):
            raise UnreadableTable(f"'{shown}' is not a safetensors file")
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    for name, tensor in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        start, end = tensor["data_offsets"]
        datatype, numpy_type = _OF_SAFETENSORS.get(tensor["dtype"], (tensor["dtype"], ""))
        shape = tuple(int(length) for length in tensor["shape"])
        if not 0 <= start <= end <= size - 8 - length or any(each < 0 for each in shape):
            raise UnreadableTable(f"tensor '{name}' of '{shown}' is outside the file")
        if numpy_type and prod(shape) * _size_of(numpy_type) != end - start:
            raise UnreadableTable(f"tensor '{name}' of '{shown}' has another size than its shape")
        yield ArrayInFile(name, datatype, shape, path, numpy_type, 8 + length + start)


def _size_of(numpy_type: str) -> int:
    """Return the bytes of a value."""
    return 1 if numpy_type == "?" else int(numpy_type[2:])


def _open_part(path: str, member: str) -> Any:
    """Open a file, or a member of a zip file."""
    if not member:
        return open(path, "rb")
    return zipfile.ZipFile(path).open(member)


def _skip(file: BinaryIO, size: int) -> None:
    """Read over the first bytes of a stream."""
    if file.seekable():
        file.seek(size)
        return
    while size:
        # At an early end the loop stops; the reader of the values then reports it.
        size -= len(file.read(min(size, BLOCK))) or size
