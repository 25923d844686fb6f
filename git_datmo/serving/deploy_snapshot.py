"""Make the served model of a snapshot: approve it, place it, and open its engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_contract import Engine
from git_datmo.errors import DatmoError
from git_datmo.history.command_trust import is_trusted
from git_datmo.history.experiments import Found
from git_datmo.history.record_heads import read_all
from git_datmo.history.record_signatures import require_signed
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.serving.place_snapshot import place_snapshot
from git_datmo.serving.placed_snapshot import PlacedSnapshot
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.serving_setup import TREE, WORKER, ServingOptions, serve_placed

FIND, SIGNATURE, TRUST, PLACE, CONTRACT, MODEL = (
    *("record", "signature", "trust", "environment"),
    *("contract", "model"),
)
"""Steps of a deployment, as `/metrics` names the one that refused a snapshot."""

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """A snapshot that is placed below `folder`, and the choices for serving it."""

    placed: PlacedSnapshot
    options: ServingOptions
    folder: Path

    def serve(self) -> ServedModel:
        """Return the model, not started yet; raise `DatmoError` if it is not clear which one."""
        return serve_placed(self.placed, self.options, self.folder / WORKER)


@dataclass(frozen=True, slots=True)
class Deployer:
    """The choices that all snapshots of a server share.

    `open_engine` opens an engine of its own for each snapshot, since an engine stays at the
    environment that it prepared last.
    """

    open_engine: Callable[[Workspace], AbstractContextManager[Engine]]
    options: Callable[[Engine], ServingOptions]
    progress: Progress
    isolated: bool
    trusts_all: bool

    def require_approved(self, ws: Workspace, found: Found, on_step: OnStep) -> None:
        """Raise `DatmoError` for a snapshot that is not signed or trusted. Asks nobody."""
        on_step(SIGNATURE)
        require_signed(ws, read_all(ws), [str(found.id)])
        on_step(TRUST)
        if self.trusts_all or is_trusted(ws, found, isolated=self.isolated):
            return
        short = str(found.id)[:10]
        raise DatmoError(
            f"snapshot '{short}' was not made here",
            "look at it with 'git datmo show', then start the server with --trust",
        )

    def deploy(self, ws: Workspace, found: Found, on_step: OnStep) -> ServedModel:
        """Return the model of an approved snapshot, not started yet.

        Engine and folder stay open until the model is stopped. Raises `DatmoError` if the snapshot
        cannot be placed, or has no model that can be served.
        """
        with ExitStack() as stack:
            on_step(PLACE)
            deployment = self.place(ws, found, stack)
            on_step(CONTRACT)
            deployment.placed.contracts()
            on_step(MODEL)
            model = deployment.serve()
            model.resources = stack.pop_all()
            return model

    def place(self, ws: Workspace, found: Found, stack: ExitStack) -> Deployment:
        """Place an approved snapshot in a new folder, with an engine of its own.

        Both stay open until `stack` is closed.
        """
        engine = stack.enter_context(self.open_engine(ws))
        folder = stack.enter_context(scratch_folder(ws, None))
        tree = folder / TREE
        tree.mkdir()
        placed = place_snapshot(ws, found, engine, tree, self.progress)
        return Deployment(placed, self.options(engine), folder)
