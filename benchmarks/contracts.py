"""Measure contracts: `python -m benchmarks.contracts`.

It times the comparison of large contracts, the check against many branches, and the check of the
values of a CSV file beside the scan of the same file by pyarrow.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random

from benchmarks.machine import load
from git_datmo.contracts.compatibility import compatible
from git_datmo.contracts.contract_changes import change
from git_datmo.contracts.contract_types import Field, Table
from tests.support.commands import datmo
from tests.support.contract_texts import FACES, MODEL
from tests.support.shell import Shell, seal

FIELDS, BRANCHES, RUNS = 1_000, 200, 5
_SCAN = """\
import sys, pyarrow.csv
with pyarrow.csv.open_csv(sys.argv[1]) as reader:
    print(sum(batch.num_rows for batch in reader))
"""


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024, help="size of the CSV file")
    options = parser.parse_args()
    print(f"load before: {load()}")
    with tempfile.TemporaryDirectory(prefix="datmo-contracts-") as folder:
        shell = Shell(Path(folder) / "repo", seal(Path(folder) / "home"))
        shell.cwd.mkdir()
        shell.git("init", "-q", ".")
        shell.commit("train.py", "pass\n")
        datmo(shell, "init")
        lines = (*_compare_tables(), *_check_branches(shell), *_check_csv(shell, options.megabytes))
        for line in lines:
            print(line)
    print(f"load after: {load()}")


def _compare_tables() -> Iterator[str]:
    """Yield the times of comparing two tables of many fields that all differ."""
    old = tuple(
        Field(f"f{index}", logical_type="integer", physical_type="int32", minimum=0)
        for index in range(FIELDS)
    )
    new = tuple(replace(field, minimum=1) for field in old)
    tables = Table("t", fields=old), Table("t", fields=new)
    yield f"{FIELDS:,} fields, compatible: {_median(lambda: compatible(*tables)):.1f} ms"
    yield f"{FIELDS:,} fields, change: {_median(lambda: change(*tables, 'provides')):.1f} ms"


def _median(call: Callable[[], object]) -> float:
    """Return the median of several calls in milliseconds."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def _check_branches(shell: Shell) -> Iterator[str]:
    """Yield the time of a check against branches that each have a model of their own."""
    shell.write("contracts/faces.odcs.yaml", FACES)
    shell.write("contracts/emotion.odcs.yaml", MODEL)
    shell.git("add", "-A")
    shell.git("commit", "-qm", "contracts")
    head = shell.git("rev-parse", "HEAD").strip()
    commands = []
    for index in range(BRANCHES):
        text = f"{MODEL}# {index}\n"
        commands.append(
            f"commit refs/heads/b{index}\ncommitter A <a@b> 1 +0000\ndata 1\nx\nfrom {head}\n"
            f"M 100644 inline contracts/emotion.odcs.yaml\ndata {len(text)}\n{text}\n"
        )
    shell.git("fast-import", "--quiet", stdin="".join(commands).encode())
    check = _median(lambda: datmo(shell, "contract", "check", "--against", "b*"))
    yield f"{BRANCHES} branches, check --against, whole process: {check:.0f} ms"


def _check_csv(shell: Shell, megabytes: int) -> Iterator[str]:
    """Yield time and memory of checking a CSV file, and of scanning it."""
    path = shell.cwd / "data.csv"
    _write_csv(path, megabytes << 20)
    datmo(shell, "contract", "infer", "data.csv", "-o", "contracts/data.odcs.yaml")
    environ = dict(shell.env)
    scan = _measure([sys.executable, "-c", _SCAN, str(path)], shell.cwd, environ)
    check = _measure(
        [sys.executable, "-m", "git_datmo", "contract", "check", "data.csv"], shell.cwd, environ
    )
    size = path.stat().st_size / 2**20
    yield f"CSV of {size:.0f} MiB, scan by pyarrow: {scan[0]:.2f} s, {scan[1]:.0f} MB"
    yield f"CSV of {size:.0f} MiB, check: {check[0]:.2f} s, {check[1]:.0f} MB"
    yield f"speed of the check: {scan[0] / check[0]:.2f} of the scan's"


def _write_csv(path: Path, size: int) -> None:
    """Write rows of a number, a decimal, a word, a date and a flag, of at least `size` bytes."""
    random = Random(1)
    rows = "".join(
        f"{index},{random.random():.6f},{random.choice(('red', 'green', 'blue'))},"
        f"2026-01-{1 + index % 28:02d},{'true' if index % 3 else 'false'}\n"
        for index in range(20_000)
    )
    with path.open("w") as file:
        file.write("id,score,colour,day,good\n")
        for _ in range(1 + size // len(rows)):
            file.write(rows)


def _measure(argv: list[str], cwd: Path, environ: dict[str, str]) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a process that succeeds."""
    start = time.perf_counter()
    pid = os.posix_spawn(
        "/usr/bin/env",
        ["env", "-C", str(cwd), *argv],
        environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise SystemExit(f"{' '.join(argv)}: status {status}")
    return time.perf_counter() - start, usage.ru_maxrss / 1000


if __name__ == "__main__":
    main()
