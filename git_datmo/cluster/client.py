"""Hands tasks to a Dask cluster, and takes in what comes back as it comes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.cluster.tasks import Answer, Reproduction, Task
from git_datmo.errors import DatmoError, EngineMissing
from git_datmo.flows.running.reproduce import Reproduced, attach_receipt
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Oid
from git_datmo.records.codec import decode
from git_datmo.records.types import Receipt, Record, Snapshot

# How long a scheduler may take to answer.
SECONDS = 5


def spread(address: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """Have the workers of the cluster at `address` do the tasks; their numbers and answers as they come.

    A task whose worker is lost is given to another. Whoever stops listening takes back what has not begun.
    """
    from git_datmo.cluster.worker import carry_out

    client = _connect(address)
    try:
        futures = {client.submit(carry_out, task, pure=False): number for number, task in enumerate(tasks)}
        try:
            for future in _as_completed(client, list(futures)):
                yield futures[future], _answer(future)
        finally:
            client.cancel([future for future in futures if not future.done()])
    finally:
        client.close()


def _connect(address: str) -> Any:
    """A Dask client, which is not typed."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise EngineMissing("a cluster needs the package distributed", "pip install 'git-datmo[cluster]'") from error
    make: Any = distributed.Client
    try:
        return make(address, timeout=SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise EngineMissing(
            f"no Dask scheduler answers at '{address}'",
            "start one with 'dask scheduler', and workers with 'dask worker'",
        ) from error


def _as_completed(client: Any, futures: list[Any]) -> Iterator[Any]:
    import distributed

    completed: Any = distributed.as_completed
    yield from completed(futures, loop=client.loop)


def _answer(future: Any) -> Answer:
    """What a finished future holds: a worker that could not even try says why, as the cluster does of lost ones."""
    if future.status == "finished":
        answer: Answer = future.result()
        return answer
    if future.status == "cancelled":
        return Answer(what="the cluster gave it up", hint="see whether its scheduler runs")
    error = future.exception()
    words = " ".join(str(error).split())[:300]
    hint = "install git-datmo where the workers run" if isinstance(error, ModuleNotFoundError) else ""
    return Answer(what=f"the cluster failed: {type(error).__name__}: {words}", hint=hint)


def take_receipt(ws: Workspace, task: Reproduction, answer: Answer, *, sign: bool) -> Reproduced:
    """Attach the receipt that a worker sent back, at once: whether the worker could share it or not, it is not lost.

    Raises `DatmoError` for an answer without one.
    """
    record = _record(answer)
    if not isinstance(record, Receipt) or str(record.snapshot) != task.snapshot:
        raise DatmoError(f"a worker sent something else than a receipt of snapshot '{task.snapshot}'")
    done = attach_receipt(ws, record, sign=sign)
    unshared = (f"the worker could not share the receipt: {answer.unshared}",) if answer.unshared else ()
    return replace(done, warnings=(*answer.warnings, *unshared, *done.warnings))


def take_snapshot(ws: Workspace, answer: Answer) -> tuple[Oid, Snapshot]:
    """The snapshot that a worker made, and its id; a fetch brings it here.

    Raises `DatmoError` for an answer without one, and for one that the remote did not take: it names what only the
    worker has.
    """
    record = _record(answer)
    if not isinstance(record, Snapshot):
        raise DatmoError("a worker sent something else than a snapshot")
    oid = ws.repo.format.hash("blob", answer.record)
    if answer.unshared:
        raise DatmoError(
            f"the worker could not share snapshot '{str(oid)[:10]}': {answer.unshared}",
            f"it is kept at {answer.kept}, and shared with the next that runs there",
        )
    return oid, record


def _record(answer: Answer) -> Record:
    if not answer.record:
        raise DatmoError(answer.what or "a worker said nothing", answer.hint)
    return decode(answer.record)
