"""Check the data that the contracts of a repository are bound to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from git_datmo.contract_checks.check_file import FileCheck, check_file
from git_datmo.contract_checks.infer_path import matching_files
from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.progress import QUIET, Progress


def bound_paths(
    root: Path, contracts: Iterable[Contract], within: str = ""
) -> Iterator[tuple[Contract, str]]:
    """Yield each contract with each file or folder that it is bound to.

    With `within`, only paths at or below it count, and folders that hold it.
    """
    for contract in contracts:
        found: dict[str, None] = {}
        for pattern in contract.paths:
            found.update(dict.fromkeys(matching_files(root, pattern)))
        for path in found:
            if is_within(path, within):
                yield contract, path


def is_within(path: str, other: str) -> bool:
    """Return whether one of two paths is the other, or lies below it. '' is the whole tree."""
    if not other:
        return True
    one, two = f"{path.rstrip('/')}/", f"{other.rstrip('/')}/"
    return one.startswith(two) or two.startswith(one)


def check_paths(
    root: Path,
    bound: Iterable[tuple[Contract, str]],
    scratch: Path,
    samples: dict[str, SampledFields] | None = None,
    *,
    progress: Progress = QUIET,
) -> Iterator[FileCheck]:
    """Yield the check of each file below `root`, in order. All of its rows are read.

    Files for long lists of keys go to a folder in `scratch`, since a system's temporary folder may
    be in memory. Values of the tables of a contract are added to `samples`, by the tables' names.
    """
    pairs = list(bound)
    if not pairs:
        return
    # A clone that was never set up has no folder for the state.
    where = scratch if scratch.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="check-", dir=where) as folder:
        progress.begin("Checking contracts", len(pairs), unit="file")
        for contract, path in pairs:
            yield check_file(root, contract, path, folder, samples)
            progress.advance(1)
        progress.finish()
