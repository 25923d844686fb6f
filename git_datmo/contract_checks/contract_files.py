"""Find the contracts of a working tree and of commits. No payload is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from git_datmo.contract_checks.contract_folder import FOLDER, has_contracts
from git_datmo.contracts.bounded_yaml import LARGEST_FILE
from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.odcs_file import SUFFIX, contract_name, read_contract
from git_datmo.errors import DatmoError
from git_datmo.git.object_database import Odb
from git_datmo.git.object_encoding import parse_tree
from git_datmo.model import ObjectFormat, Oid
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class ContractFile:
    """A contract's file in a tree: its path, its blob, and its content or the reason to refuse it.

    A changed file of the working tree has the blob that git would store without filters.
    """

    file: str
    blob: Oid
    contract: Contract | None
    problem: str = ""

    @property
    def name(self) -> str:
        """Return the name that the file has without folder and suffix."""
        return contract_name(self.file)


def find_contracts(ws: Workspace) -> tuple[Contract, ...]:
    """Return the contracts of the working tree; raise `DatmoError` for an invalid one."""
    found = []
    for path, content in _read_worktree(ws.root):
        found.append(read_contract(content, path))
    return tuple(found)


def worktree_contracts(ws: Workspace) -> tuple[ContractFile, ...]:
    """Return the contract files of the working tree, the invalid ones included."""
    return contracts_below(ws.root, ws.repo.format)


def contracts_below(root: Path, form: ObjectFormat) -> tuple[ContractFile, ...]:
    """Return the contract files of a tree that is placed at `root`, the invalid ones included."""
    return tuple(
        _parse(path, form.hash("blob", content), content) for path, content in _read_worktree(root)
    )


def _read_worktree(root: Path) -> Iterator[tuple[str, bytes]]:
    if not has_contracts(root):
        return
    folder = os.path.join(root, FOLDER)
    for name in sorted(os.listdir(folder)):
        full = os.path.join(folder, name)
        # A link could lead to a file outside the repository, a pipe could block the reader.
        if name.endswith(SUFFIX) and stat.S_ISREG(os.lstat(full).st_mode):
            with open(full, "rb") as stream:
                # One byte more than the limit tells the parser that the file is too large.
                yield f"{FOLDER}/{name}", stream.read(LARGEST_FILE + 1)


class CommittedContracts:
    """Contracts of any number of commits. Each blob is read and parsed once."""

    def __init__(self, odb: Odb) -> None:
        self._odb = odb
        self._parsed: dict[tuple[str, Oid], ContractFile] = {}
        self._listed: dict[Oid, tuple[tuple[str, Oid], ...]] = {}

    def of(self, commit: Oid | str) -> tuple[ContractFile, ...]:
        """Return the contract files of a commit, the invalid ones included, sorted by path."""
        return tuple(self.read(file, blob) for file, blob in self.listing(commit))

    def listing(self, commit: Oid | str) -> tuple[tuple[str, Oid], ...]:
        """Return path and blob of each contract's file in a commit."""
        tree = self._odb.resolve(f"{commit}:{FOLDER}")
        if tree is None:
            return ()
        # Most commits change no contract, and have the tree of their parents.
        if tree not in self._listed:
            self._listed[tree] = tuple(self._list(tree))
        return self._listed[tree]

    def _list(self, tree: Oid) -> Iterable[tuple[str, Oid]]:
        found = self._odb.find(tree)
        if found is None or found[0] != "tree":
            return
        for entry in parse_tree(found[1], self._odb.format):
            name = entry.name.decode("utf-8", "surrogateescape")
            # Links and submodules are no contracts.
            if name.endswith(SUFFIX) and stat.S_ISREG(entry.mode):
                yield f"{FOLDER}/{name}", entry.oid

    def read(self, file: str, blob: Oid) -> ContractFile:
        """Return the contract file of a blob."""
        if (file, blob) not in self._parsed:
            found = self._odb.find(blob, LARGEST_FILE)
            content = found[1] if found is not None else b""
            self._parsed[file, blob] = _parse(file, blob, content)
        return self._parsed[file, blob]


def _parse(file: str, blob: Oid, content: bytes) -> ContractFile:
    try:
        return ContractFile(file, blob, read_contract(content, file))
    except DatmoError as error:
        return ContractFile(file, blob, None, error.what)
