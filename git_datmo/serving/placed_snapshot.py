"""Place a snapshot's code and model in a folder, and prepare its environment."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from git_datmo.contracts.contract_types import Contract
from git_datmo.contracts.odcs_file import read_contract
from git_datmo.engines.engine_contract import Engine, portable_command
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Payload, Role
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.frozen_environments import WantedImage, prepare
from git_datmo.runs.rerun_inputs import place, place_code, require_objects

CONTRACTS = "contracts"


@dataclass(frozen=True, slots=True)
class PlacedSnapshot:
    """A snapshot in `folder`, with the names of its placed payloads.

    `python` is the name of the interpreter in the environment, and `variables` are those that the
    record has.
    """

    found: Found
    folder: Path
    payloads: tuple[str, ...]
    python: str
    variables: dict[str, str]

    def contracts(self) -> list[Contract]:
        """Return the contracts in the snapshot's code; raise `DatmoError` if one is damaged."""
        paths = sorted((self.folder / CONTRACTS).glob("*.odcs.yaml"))
        return [
            read_contract(path.read_bytes(), f"{CONTRACTS}/{path.name}")
            for path in paths
            if path.is_file() and not path.is_symlink()
        ]


def served_payloads(found: Found) -> tuple[Payload, ...]:
    """Return the models and outputs of a snapshot, or all payloads if it has neither."""
    payloads = found.snapshot.payloads
    chosen = tuple(payload for payload in payloads if payload.role is not Role.DATA)
    return chosen or payloads


def place_snapshot(
    ws: Workspace, found: Found, engine: Engine, folder: Path, progress: Progress
) -> PlacedSnapshot:
    """Fetch what is missing, write code and models into the empty `folder`, build the environment.

    Raises `DatmoError` if the snapshot has no code, or the engine needs an environment that it
    lacks.
    """
    snapshot, payloads = found.snapshot, served_payloads(found)
    rebuilds = engine.capabilities.rebuilds_environment
    if rebuilds and snapshot.environment is None:
        raise DatmoError(
            f"snapshot '{found.id}' has no environment to serve it in",
            "make one with 'git datmo run', or give --engine host",
        )
    engine.check()
    nodes = [(payload.path, root_node(payload.content)) for payload in payloads]
    wanted = [node for _, node in nodes]
    claims = [claim_of(payload.path, payload.content) for payload in payloads]
    stored = (snapshot.code, snapshot.environment)
    wanted += [root_node(content) for content in stored if content is not None]
    if snapshot.code is not None:
        claims.append(claim_of("code", snapshot.code))
    require_objects(ws, wanted, found.id, progress, size=sum(p.content.size for p in payloads))
    refuse_false_claims(ws, claims)
    if snapshot.code is not None:
        place_code(ws, snapshot.code, folder, progress)
    variables: dict[str, str] = {}
    if snapshot.environment is not None:
        image = WantedImage(snapshot.environment, snapshot.code)
        environment = prepare(ws, engine, image, folder=folder, progress=progress)
        variables = dict(read_manifest(environment.files).variables)
    place(ws, nodes, folder, progress)
    progress.finish()
    names = tuple(payload.path for payload in payloads)
    return PlacedSnapshot(found, folder, names, _python_of(found), variables)


def _python_of(found: Found) -> str:
    """Return the name of the interpreter that the run used, else `python`."""
    run = found.snapshot.run
    program = portable_command(run.command)[0] if run is not None and run.command else ""
    return program if program.startswith("python") and "/" not in program else "python"
