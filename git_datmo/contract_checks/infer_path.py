"""Infer the contract of a file, a folder or a pattern of the working tree."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from git_datmo.contracts.check_arrays import infer_arrays
from git_datmo.contracts.check_files import infer_files
from git_datmo.contracts.contract_types import Contract, Table
from git_datmo.contracts.infer_contract import (
    infer_table,
    make_contract,
    name_after,
    profile_tables,
)
from git_datmo.contracts.media_files import is_media, list_files
from git_datmo.contracts.model_signatures import is_model, read_signature
from git_datmo.contracts.table_readers.array_files import ARRAY_SUFFIXES, read_arrays
from git_datmo.contracts.table_readers.open_table import (
    TABLE_SUFFIXES,
    is_table,
    open_table,
    suffix_of,
)
from git_datmo.errors import DatmoError

KNOWN = ", ".join((*TABLE_SUFFIXES, *ARRAY_SUFFIXES))


def infer_path(root: Path, path: str, name: str = "", *, ranges: bool = False) -> Contract:
    """Return a contract that all data at `path` pass; `path` is relative to the working tree.

    All rows are read. Raises `DatmoError` for data of an unknown or broken format.
    """
    full = os.path.join(root, path)
    name = name or name_after(path)
    if not os.path.lexists(full):
        raise DatmoError(f"there is no file or folder '{path}'", "see 'git datmo status'")
    if is_model(full):
        return make_contract(name, (path,), read_signature(full, path))
    if os.path.isdir(full):
        return _infer_folder(full, path, name, ranges=ranges)
    return make_contract(name, (path,), (infer_file(full, path, name, ranges=ranges),))


def infer_file(full: str, path: str, name: str, *, ranges: bool) -> Table:
    """Return the table of a file of a known format."""
    if suffix_of(path) in ARRAY_SUFFIXES:
        return infer_arrays(name, read_arrays(full, path))
    if is_table(path):
        return infer_table(name, profile_tables([(path, open_table(full, path))]), ranges=ranges)
    raise DatmoError(
        f"the contract of '{path}' cannot be inferred: its format is unknown",
        f"these formats work: {KNOWN}; folders of images and sounds; models in ONNX, or with an "
        "MLmodel file",
    )


def _infer_folder(full: str, path: str, name: str, *, ranges: bool) -> Contract:
    """Return the contract of a folder of tables with one suffix, or of images and sounds."""
    files = list_files(full)
    suffixes = {suffix_of(file) for file in files}
    if suffixes and suffixes <= set(TABLE_SUFFIXES) and len(suffixes) == 1:
        pattern = f"*{suffixes.pop()}"
        deep = any("/" in file for file in files)
        readers = [(f"{path}/{file}", open_table(f"{full}/{file}", file)) for file in files]
        table = infer_table(name, profile_tables(readers), ranges=ranges)
        return make_contract(
            name, (f"{path}/**/{pattern}" if deep else f"{path}/{pattern}",), (table,)
        )
    if files and all(is_media(file) for file in files):
        return make_contract(name, (path,), (infer_files(name, full, path),))
    strange = next((file for file in files if not is_media(file)), "")
    detail = f"'{path}/{strange}' is neither an image nor a sound" if strange else "it is empty"
    raise DatmoError(
        f"the contract of the folder '{path}' cannot be inferred: {detail}",
        "infer the contracts of its parts, for example of one file",
    )


def matching_files(root: Path, pattern: str) -> tuple[str, ...]:
    """Return the paths of the working tree that a contract's path or pattern names, sorted.

    Links are not followed, so that no file outside is read.
    """
    found = glob.glob(pattern, root_dir=root, recursive=True)
    return tuple(sorted(path for path in found if _is_inside(root, path)))


def _is_inside(root: Path, path: str) -> bool:
    """Return whether a path has no symbolic link on its way."""
    steps = path.rstrip("/").split("/")
    ways = ("/".join(steps[: count + 1]) for count in range(len(steps)))
    return not any(os.path.islink(os.path.join(root, way)) for way in ways)
