"""Compare NumPy files (`.npy`, `.npz`). Nothing is unpickled."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from git_datmo.compare.blocks import StoredArray, compare_stored
from git_datmo.compare.comparison import Comparison, Tally, UnreadableFile, one_sided

MEMBERS = 10_000
# A zip file of zeros unpacks to a thousand times its size. Anything beyond that is a bomb.
UNPACKED, RATIO = 256 << 20, 20


def open_array(file: IO[bytes]) -> StoredArray:
    """Return the array of a `.npy` file or a member of a `.npz` file (numpy.lib.format)."""
    from numpy.lib import format as npy

    version = npy.read_magic(file)
    read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
    if read is None:
        raise UnreadableFile(f"version {version} of the format is not known")
    shape, columns_first, dtype = read(file)
    if dtype.hasobject:
        raise UnreadableFile("its values are pickled")
    # Values without a size would let a header claim any number of them.
    if dtype.itemsize == 0 or any(length < 0 for length in shape):
        raise UnreadableFile("its values have no size")
    return StoredArray(shape, str(dtype), dtype, file, columns_first)


def compare_npy(recorded: Path, rerun: Path) -> Comparison:
    tally = Tally()
    with recorded.open("rb") as one, rerun.open("rb") as other:
        remark = compare_stored(tally, open_array(one), open_array(other), "")
    return tally.conclude("values", remark)


def compare_npz(recorded: Path, rerun: Path) -> Comparison:
    tally, remarks = Tally(), list[str]()
    with ExitStack() as opened:
        one, other = (_open_archive(opened, path) for path in (recorded, rerun))
        names = [set(archive.namelist()) for archive in (one, other)]
        for name in sorted(names[0] & names[1]):
            with one.open(name) as first, other.open(name) as second:
                label = name.removesuffix(".npy")
                remarks.append(compare_stored(tally, open_array(first), open_array(second), label))
    return tally.conclude("values", one_sided("arrays", *names), *remarks)


def _open_archive(opened: ExitStack, path: Path) -> zipfile.ZipFile:
    archive = opened.enter_context(zipfile.ZipFile(path))
    members = archive.infolist()
    if len(members) > MEMBERS:
        raise UnreadableFile(f"it has more than {MEMBERS} arrays")
    if sum(member.file_size for member in members) > max(UNPACKED, RATIO * path.stat().st_size):
        raise UnreadableFile("it expands to far more than its size")
    if any(
        member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for member in members
    ):
        raise UnreadableFile("it is compressed in a way that NumPy does not use")
    return archive
