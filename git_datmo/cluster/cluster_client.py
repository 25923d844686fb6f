"""Send tasks to a Dask cluster, and receive their answers as they arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from git_datmo.cluster.cluster_tasks import Answer, Reproduction, Task
from git_datmo.errors import DatmoError, EngineMissing
from git_datmo.model import Oid
from git_datmo.records.codec import decode
from git_datmo.records.receipt_record import Receipt
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.reproduce import Reproduced, attach_receipt

# Seconds in which a scheduler must answer.
SECONDS = 5


def spread(address: str, tasks: Sequence[Task]) -> Iterator[tuple[int, Answer]]:
    """Have the workers of a cluster do tasks; yield numbers and answers as they arrive.

    `address` is the scheduler's. The task of a lost worker goes to another. If the caller stops,
    tasks that have not begun are cancelled.
    """
    from git_datmo.cluster.cluster_worker import carry_out

    client = _connect(address)
    try:
        # A pure function has one result for equal tasks, and Dask would not call it again.
        futures = {
            client.submit(carry_out, task, pure=False): number for number, task in enumerate(tasks)
        }
        try:
            for future in _as_completed(client, list(futures)):
                yield futures[future], _answer(future)
        finally:
            client.cancel([future for future in futures if not future.done()])
    finally:
        client.close()


def _connect(address: str) -> Any:
    """Return a Dask client, which has no types."""
    try:
        import distributed
    except ModuleNotFoundError as error:
        raise EngineMissing(
            "a cluster needs the package distributed", "pip install 'git-datmo[cluster]'"
        ) from error
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
    """Return the answer of a future. A worker that could not start, or was lost, has one with
    the reason."""
    if future.status == "finished":
        answer: Answer = future.result()
        return answer
    if future.status == "cancelled":
        return Answer(what="the cluster cancelled the task", hint="check that its scheduler runs")
    error = future.exception()
    words = " ".join(str(error).split())[:300]
    hint = (
        "install git-datmo where the workers run" if isinstance(error, ModuleNotFoundError) else ""
    )
    return Answer(what=f"the cluster failed: {type(error).__name__}: {words}", hint=hint)


def take_receipt(ws: Workspace, task: Reproduction, answer: Answer, *, sign: bool) -> Reproduced:
    """Attach the receipt that a worker returned, even if the worker could not share it.

    Raises `DatmoError` for an answer without a receipt.
    """
    record = _record(answer)
    if not isinstance(record, Receipt) or str(record.snapshot) != task.snapshot:
        raise DatmoError(f"a worker did not return a receipt of snapshot '{task.snapshot}'")
    done = attach_receipt(ws, record, sign=sign)
    unshared = (
        (f"the worker could not share the receipt: {answer.unshared}",) if answer.unshared else ()
    )
    return replace(done, warnings=(*answer.warnings, *unshared, *done.warnings))


def take_snapshot(ws: Workspace, answer: Answer) -> tuple[Oid, Snapshot]:
    """Return the snapshot that a worker made and its id; a fetch brings it to this repository.

    Raises `DatmoError` for an answer without one, and for one that only the worker has.
    """
    record = _record(answer)
    if not isinstance(record, Snapshot):
        raise DatmoError("a worker did not return a snapshot")
    oid = ws.repo.format.hash("blob", answer.record)
    if answer.unshared:
        raise DatmoError(
            f"the worker could not share snapshot '{str(oid)[:10]}': {answer.unshared}",
            f"it is stored in {answer.kept}; the next run there shares it",
        )
    return oid, record


def _record(answer: Answer) -> Record:
    if not answer.record:
        raise DatmoError(answer.what or "a worker returned nothing", answer.hint)
    return decode(answer.record)
