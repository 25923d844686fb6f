"""Options of the verbs that load the model of a snapshot: `serve` and `test`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import EngineNames, open_engine, read_limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from git_datmo.engines.engine_contract import Engine
    from git_datmo.progress import Progress
    from git_datmo.repository.workspace import Workspace
    from git_datmo.serving.deploy_snapshot import Deployer
    from git_datmo.serving.serving_setup import ServingOptions


def add_model_options(parser: argparse.ArgumentParser, doing: str) -> None:
    """Add the options for the engine, trust and the model; `doing` is the verb in their help."""
    add = parser.add_argument
    add(
        "--engine",
        choices=EngineNames(),
        help="a container, a virtual environment (isolates less), or the installed packages"
        " (datmo.engine or docker)",
    )
    add(
        "--trust",
        action="store_true",
        help=f"{doing} the snapshot of another person without asking (datmo.trust)",
    )
    add("--entry", default="", metavar="FILE:NAME", help="the function that predicts")
    add("--model", default="", metavar="PATH", help="the model file, without an entry")


def name_engine(options: argparse.Namespace, ws: Workspace) -> str:
    """Return the name of the engine that the command line, or the configuration, asks for."""
    from git_datmo.engines.engine_registry import DEFAULT

    return options.engine or ws.repo.config.get("datmo.engine") or DEFAULT


def make_deployer(
    options: argparse.Namespace,
    console: Console,
    engine: str,
    progress: Progress,
    make_options: Callable[..., ServingOptions],
) -> Deployer:
    """Return the deployer of models. `make_options` gets the options that all verbs have."""
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.engines.engine_registry import find_engine
    from git_datmo.serving.deploy_snapshot import Deployer

    limits = read_limits(options, engine)

    def choose(opened: Engine) -> ServingOptions:
        return make_options(
            engine=opened,
            limits=limits,
            output=copy_to_errors,
            report=console.tell,
            entry=options.entry,
            model=options.model,
            seconds=options.timeout,
            load_seconds=options.load_timeout,
        )

    return Deployer(
        open_engine=lambda ws: open_engine(options, engine, ws),
        options=choose,
        progress=progress,
        isolated=find_engine(engine).capabilities.isolated,
        trusts_all=options.trust,
    )
