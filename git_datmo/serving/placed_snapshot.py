"""Hold a snapshot that is placed in a folder, and read its contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.odcs_file import read_contract

CONTRACTS = "contracts"


@dataclass(frozen=True, slots=True)
class PlacedSnapshot:
    """A snapshot in `folder`, with the names of its placed payloads.

    `python` is the name of the interpreter in the environment, and `variables` are those that the
    record has. `read_only` are the paths that the model's code must not change.
    """

    snapshot: str
    commit: str
    folder: Path
    payloads: tuple[str, ...]
    python: str
    variables: Mapping[str, str]
    read_only: tuple[str, ...] = ()

    def contracts(self) -> list[Contract]:
        """Return the contracts in the snapshot's code; raise `DatmoError` if one is damaged."""
        paths = sorted((self.folder / CONTRACTS).glob("*.odcs.yaml"))
        return [
            read_contract(path.read_bytes(), f"{CONTRACTS}/{path.name}")
            for path in paths
            if path.is_file() and not path.is_symlink()
        ]
