"""Deploy snapshots with the options of `git datmo serve`, at its start and while it serves."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from git_datmo.cli.console import Console
from git_datmo.cli.model_options import make_deployer, name_engine
from git_datmo.cli.rerun_options import require_trust
from git_datmo.errors import UsageError
from git_datmo.history.experiments import Found, History
from git_datmo.payloads.checkout_target import find_experiment
from git_datmo.progress import QUIET, Progress
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.serving.deploy_snapshot import FIND, Deployer, OnStep
from git_datmo.serving.followed_ref import FollowedRef
from git_datmo.serving.follower import Follower
from git_datmo.serving.front_state import Front
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.serving_setup import ServingOptions
from git_datmo.serving.side_models import SHADOW_NICENESS, Canary, Shadow, SideModel


@dataclass(frozen=True, slots=True)
class Deployments:
    """The options of the command, for all snapshots that it serves."""

    options: argparse.Namespace
    console: Console

    def fetch(self, ws: Workspace, followed: FollowedRef) -> str:
        """Fetch a branch and the records of its remote; return the branch's commit."""
        commit = followed.fetch(ws)
        fetch(ws, followed.remote)
        return commit

    def deploy(
        self, ws: Workspace, name: str, model_name: str = "", niceness: int = 0
    ) -> ServedModel:
        """Return the model of the snapshot that a person names, after asking for approval.

        The model is not started yet. `model_name` is its name in URLs, if that is settled. Its
        workers lower their priority by `niceness`.
        Raises `DatmoError` if it cannot be served.
        """
        progress = self.console.progress()
        engine = name_engine(self.options, ws)
        found = find_experiment(ws, History(ws), name, progress=progress)
        shown = self.options.entry or "load and call its model"
        shown_name = model_name or self.options.model_name
        deployer = self._deployer(engine, shown_name, progress, niceness)
        require_trust(
            self.options, self.console, ws, found, isolated=deployer.isolated, shown=shown
        )
        return deployer.deploy(ws, found, _ignore)

    def deploy_beside(
        self, ws: Workspace, name: str, stack: ExitStack
    ) -> tuple[Shadow | None, Canary | None]:
        """Return the shadow and the canary that the options name, not started yet.

        `name` is that of the model in URLs. Their open files and processes are closed with `stack`.
        """
        shadow, canary = None, None
        if self.options.canary:
            revision, share = parse_canary(self.options.canary)
            canary = Canary(self._side(ws, "canary", revision, name, stack), share)
        if self.options.shadow:
            shadow = Shadow(self._side(ws, "shadow", self.options.shadow, name, stack))
        return shadow, canary

    def _side(
        self, ws: Workspace, role: str, revision: str, name: str, stack: ExitStack
    ) -> SideModel:
        model = self.deploy(ws, revision, name, SHADOW_NICENESS if role == "shadow" else 0)
        stack.callback(model.resources.close)
        return SideModel(role, model, self.console.tell)

    def follow(
        self, followed: FollowedRef, commit: str, served: ServedModel, on_step: OnStep
    ) -> ServedModel | None:
        """Return the model of a commit, not started yet; None if it is the one that is served.

        Opens the repository, and asks nobody. Raises `DatmoError` if it cannot be served.
        """
        with open_workspace(self.console.environ, self.console.cwd) as ws:
            on_step(FIND)
            fetch(ws, followed.remote)
            found: Found = find_experiment(ws, History(ws), commit)
            if str(found.id) == served.snapshot:
                return None
            # The name in URLs stays while the server runs, whatever the new contract is called.
            deployer = self._deployer(name_engine(self.options, ws), served.name, QUIET)
            deployer.require_approved(ws, found, on_step)
            return deployer.deploy(ws, found, on_step)

    def look(self, followed: FollowedRef) -> str:
        """Fetch a branch and return its commit. Opens the repository for that moment."""
        with open_workspace(self.console.environ, self.console.cwd) as ws:
            return followed.fetch(ws)

    def _deployer(self, engine: str, name: str, progress: Progress, niceness: int = 0) -> Deployer:
        given = self.options
        make_options = partial(
            ServingOptions,
            name=name,
            workers=given.workers,
            queue=given.queue,
            batch=given.batch,
            niceness=niceness,
        )
        return make_deployer(given, self.console, engine, progress, make_options)


def parse_canary(text: str) -> tuple[str, float]:
    """Return the revision and the share of `REV=10%`; raise `UsageError` for another form."""
    name, _, percent = text.rpartition("=")
    try:
        share = float(percent.removesuffix("%")) / 100
    except ValueError:
        share = 0.0
    if not name or not percent.endswith("%") or not 0 < share <= 1:
        raise UsageError(f"--canary takes REV=PERCENT%, as v2.0=10%, not '{text}'")
    return name, share


def make_follower(
    deployments: Deployments, front: Front, followed: FollowedRef, commit: str
) -> Follower:
    """Return the follower of a branch whose commit is served now."""
    return Follower(
        front=front,
        name=followed.name,
        seconds=deployments.options.every,
        fetch=lambda: deployments.look(followed),
        deploy=lambda new, served, on_step: deployments.follow(followed, new, served, on_step),
        settled=commit,
    )


def _ignore(_step: str) -> None:
    """Do nothing: at the start, the error itself is shown."""
