"""Make the served model of a placed snapshot: its entry, its contract, and its workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Job, Output
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.serving.model_contract import ModelContract, model_contract
from git_datmo.serving.placed_snapshot import PlacedSnapshot
from git_datmo.serving.served_model import ServedModel
from git_datmo.serving.serving_pool import PoolOptions, ServingPool
from git_datmo.serving.worker.model_files import find_models
from git_datmo.serving.worker_process import WorkerSettings, worker_command, write_worker_code

TREE, WORKER = "snapshot", "worker"
"""Folders of a served snapshot: its code and models, and the worker's code and socket."""


@dataclass(frozen=True, slots=True)
class ServingOptions:
    """Choices of the person who serves. '' as entry, model or name leaves the choice to us.

    `entry` is `FILE.py:FUNCTION`, `model` the path of a model file, `name` the model's name in
    URLs. A request has `seconds`, the model `load_seconds` to load. With a `batch` above 1, rows
    are independent of each other, and that many of several requests are predicted in one call.
    Workers lower their priority by `niceness`.
    """

    engine: Engine
    limits: ResourceLimits
    output: Output
    report: Callable[[str], None]
    entry: str = ""
    model: str = ""
    name: str = ""
    workers: int = 1
    queue: int = 64
    batch: int = 1
    seconds: float = 30.0
    load_seconds: float = 600.0
    niceness: int = 0


def serve_placed(placed: PlacedSnapshot, options: ServingOptions, folder: Path) -> ServedModel:
    """Return the model of a placed snapshot, not started yet. `folder` gets the worker's code.

    Raises `DatmoError` if it is not clear which model to serve.
    """
    contract, entry, models = choose_served(placed, options.entry, options.model)
    folder.mkdir()
    write_worker_code(folder)
    settings = WorkerSettings(
        entry=entry,
        paths=placed.payloads,
        models=models,
        outputs=contract.output_names if contract else (),
        seconds=options.seconds,
        load_seconds=options.load_seconds,
        niceness=options.niceness,
    )
    pool = ServingPool(
        PoolOptions(
            engine=options.engine,
            job=_job_of(placed, options, folder),
            settings=settings,
            folder=folder,
            output=options.output,
            report=options.report,
            workers=options.workers,
            queue=options.queue,
            batch=options.batch,
        )
    )
    return ServedModel(
        snapshot=placed.snapshot,
        commit=placed.commit,
        name=options.name or _name_of(contract),
        contract=contract,
        pool=pool,
        is_found=not entry,
    )


def choose_served(
    placed: PlacedSnapshot, entry: str, model: str
) -> tuple[ModelContract | None, str, tuple[str, ...]]:
    """Return the contract of a snapshot, and its entry or else the models to load.

    `entry` and `model` are the person's choices, '' for none. Raises `DatmoError` if it is not
    clear which model to serve.
    """
    contract = model_contract(placed.contracts())
    entry = entry or (contract.contract.entry if contract else "")
    file = entry.partition(":")[0]
    if entry and not (placed.folder / file).is_file():
        raise DatmoError(
            f"snapshot '{placed.snapshot[:10]}' has no file '{file}', which the entry names",
            "commit the file, and make the model again with 'git datmo run'",
        )
    return contract, entry, () if entry else (_choose_model(placed, model),)


def _name_of(contract: ModelContract | None) -> str:
    """Return the contract's name if a URL can have it as it is, else `model`."""
    name = contract.contract.name if contract else ""
    plain = name.replace("-", "").replace("_", "").replace(".", "")
    return name if plain.isascii() and plain.isalnum() else "model"


def _choose_model(placed: PlacedSnapshot, chosen: str) -> str:
    """Return the model file or folder to load, relative to the snapshot's folder.

    Raises `DatmoError` if there is none, or more than one.
    """
    if chosen:
        path = placed.folder / chosen
        # A link or `..` must not lead to a file of this machine outside of the snapshot.
        if not path.exists() or not path.resolve().is_relative_to(placed.folder.resolve()):
            raise DatmoError(
                f"the snapshot has no '{chosen}'",
                f"it has {', '.join(placed.payloads) or 'no models or outputs'}",
            )
        return chosen
    tops = [str(placed.folder / path) for path in placed.payloads]
    found = [str(Path(path).relative_to(placed.folder)) for path in find_models(tops)]
    if not found:
        raise DatmoError(
            f"snapshot '{placed.snapshot[:10]}' has no model that can be served without an entry",
            "write a function 'predict(model, inputs)', commit it with the model, and give"
            " --entry predict.py:predict",
        )
    if len(found) > 1:
        raise DatmoError(
            f"the snapshot has several models: {', '.join(found[:5])}",
            f"choose one: --model {found[0]}",
        )
    return found[0]


def _job_of(placed: PlacedSnapshot, options: ServingOptions, folder: Path) -> Callable[[int], Job]:
    """Return a function that makes the job of a worker's number."""
    isolated = options.engine.capabilities.isolated

    def make(number: int) -> Job:
        return Job(
            worker_command(placed.python, folder, number, isolated=isolated),
            placed.folder,
            variables=placed.variables,
            read_only=placed.read_only,
            limits=options.limits,
            support=folder,
            sealed=True,
        )

    return make
