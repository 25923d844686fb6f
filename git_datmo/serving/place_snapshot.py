"""Write a snapshot's code and model into a folder, and build its environment."""

from __future__ import annotations

from pathlib import Path

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
from git_datmo.runs.read_only_data import read_only_data
from git_datmo.runs.rerun_inputs import place, place_code, require_objects
from git_datmo.serving.placed_snapshot import PlacedSnapshot


def served_payloads(found: Found) -> tuple[Payload, ...]:
    """Return the models and outputs of a snapshot, or all payloads if it has neither."""
    payloads = found.snapshot.payloads
    chosen = tuple(payload for payload in payloads if payload.role is not Role.DATA)
    return chosen or payloads


def place_snapshot(
    ws: Workspace, found: Found, engine: Engine, folder: Path, progress: Progress
) -> PlacedSnapshot:
    """Write a snapshot into the empty `folder`, and build its environment.

    Raises `DatmoError` if the engine needs an environment and the snapshot has none.
    """
    stored = found.snapshot.environment
    if engine.capabilities.rebuilds_environment and stored is None:
        raise DatmoError(
            f"snapshot '{found.id}' has no environment to serve it in",
            "make one with 'git datmo run', or give --engine host",
        )
    engine.check()
    payloads = fetch_served(ws, found, progress)
    # A Dockerfile of the repository can copy code, so the code is there before the build.
    if found.snapshot.code is not None:
        place_code(ws, found.snapshot.code, folder, progress)
    variables: dict[str, str] = {}
    if stored is not None:
        image = WantedImage(stored, found.snapshot.code)
        environment = prepare(ws, engine, image, folder=folder, progress=progress)
        variables = dict(read_manifest(environment.files).variables)
    place(ws, [(each.path, root_node(each.content)) for each in payloads], folder, progress)
    progress.finish()
    return PlacedSnapshot(
        snapshot=str(found.id),
        commit=str(found.commit),
        folder=folder,
        payloads=tuple(payload.path for payload in payloads),
        python=python_of(found),
        variables=variables,
        read_only=read_only_data(folder, payloads, ()),
    )


def fetch_served(ws: Workspace, found: Found, progress: Progress) -> tuple[Payload, ...]:
    """Fetch the code, environment and models of a snapshot; return the payloads that it serves.

    Raises `Incomplete` if an object is not available, and `DatmoError` for false records.
    """
    snapshot, payloads = found.snapshot, served_payloads(found)
    stored = (snapshot.code, snapshot.environment, *(payload.content for payload in payloads))
    nodes = [root_node(content) for content in stored if content is not None]
    size = sum(payload.content.size for payload in payloads)
    require_objects(ws, nodes, found.id, progress, size=size)
    claims = [claim_of(payload.path, payload.content) for payload in payloads]
    if snapshot.code is not None:
        claims.append(claim_of("code", snapshot.code))
    refuse_false_claims(ws, claims)
    return payloads


def python_of(found: Found) -> str:
    """Return the name of the interpreter that the run used, else `python`."""
    run = found.snapshot.run
    program = portable_command(run.command)[0] if run is not None and run.command else ""
    # A path of the recording machine may not exist here, so only a plain name is kept.
    return program if program.startswith("python") and "/" not in program else "python"
