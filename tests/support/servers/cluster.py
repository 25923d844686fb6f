"""Start a Dask cluster on this machine: a scheduler, and worker processes that know only git and
git-datmo."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.support.servers.server_process import ServerProcess, start_on_free_port


@contextmanager
def serve_cluster(folder: Path, env: Mapping[str, str], *, workers: int = 2) -> Iterator[str]:
    """Yield the address of a scheduler, whose workers keep their files below `folder`."""
    dask = (sys.executable, "-m", "dask")

    def scheduler(port: int) -> tuple[str, ...]:
        return (*dask, "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard")

    server, port = start_on_free_port(scheduler, ready="Scheduler at:", env=env)
    address, started = f"tcp://127.0.0.1:{port}", [server]
    try:
        for number in range(workers):
            words = (
                "worker",
                address,
                "--nworkers",
                "1",
                "--nthreads",
                "1",
                "--no-dashboard",
                "--no-nanny",
            )
            where = ("--local-directory", str(folder / f"worker-{number}"))
            started.append(ServerProcess((*dask, *words, *where), ready="Registered to:", env=env))
        yield address
    finally:
        for process in reversed(started):
            process.stop()
