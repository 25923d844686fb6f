"""Test a run's usage as engines and `nvidia-smi` report it, and the shortages of a machine."""

from __future__ import annotations

import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.engines.gpu_memory import read_memory, watched_gpus
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.engines.resource_usage import ContainerUsage, sampling
from git_datmo.model import SHA1, Content, Form, Payload, Role
from git_datmo.records.record_values import Person, Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.runs.resource_needs import Needs, needs_of, shortages

MIB, GIB = 1 << 20, 1 << 30
ID = SHA1.hash("blob", b"")


def test_peak_usage_is_taken_from_engine_answers() -> None:
    usage = ContainerUsage()
    usage.add(
        {"cpu_stats": None, "memory_stats": {}, "blkio_stats": {"io_service_bytes_recursive": None}}
    )
    assert usage.values() == {}
    for second, memory in enumerate((300, 900, 400), 1):
        usage.add(
            {
                "cpu_stats": {
                    "cpu_usage": {
                        "usage_in_usermode": second * 10**9,
                        "usage_in_kernelmode": 5 * 10**8,
                    }
                },
                "memory_stats": {"usage": memory, "stats": {"inactive_file": 100}},
                "blkio_stats": {
                    "io_service_bytes_recursive": [
                        {"major": 8, "minor": 0, "op": "Read", "value": second * 512},
                        {"major": 8, "minor": 16, "op": "read", "value": 1},
                        {"major": 8, "minor": 0, "op": "Write", "value": 7},
                        {"major": 8, "minor": 0, "op": "Total", "value": 10**6},
                    ]
                },
            }
        )
    usage.add({"cpu_stats": {"cpu_usage": {}}, "memory_stats": {}})
    assert usage.values() == {
        "user_seconds": 3.0,
        "system_seconds": 0.5,
        "peak_memory": 800,
        "bytes_read": 1537,
        "bytes_written": 7,
    }


def test_samples_are_taken_while_the_block_lasts_and_no_longer_than_they_are_wanted() -> None:
    calls, wanted = [], threading.Event()

    def take() -> bool:
        calls.append(threading.current_thread())
        if len(calls) == 3:
            wanted.set()
        return len(calls) < 3

    with sampling(take):
        assert wanted.wait(60)
    assert len(calls) == 3
    assert not calls[0].is_alive()


def test_gpu_memory_is_the_increase_during_the_run(tmp_path: Path) -> None:
    """Replace the tool by a program that prints a file and notes that it was asked."""
    said, asked = tmp_path / "said", tmp_path / "asked"
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        f"#!{sys.executable}\nprint(open({str(said)!r}).read(), end='')\nopen({str(asked)!r}, 'w')\n"
    )
    tool.chmod(0o755)
    environ = {"PATH": str(tmp_path)}
    said.write_text("100\n24\n")
    with watched_gpus(environ) as used:
        said.write_text("8100\n1048\n")
        asked.unlink()
        ended = threading.Event()
        while not asked.exists():
            ended.wait(0.01)
    assert used() == {"peak_gpu_memory": 9024 * MIB}
    said.write_text("No devices were found\n")
    with watched_gpus(environ) as used:
        pass
    assert used() == {}
    with watched_gpus({}) as used:
        pass
    assert used() == {}
    assert read_memory("[N/A]\n10\n") == 10 * MIB


def snapshot(
    *, machine: dict[str, Value] | None = None, exit_code: int | None = 0, **used: Value
) -> Snapshot:
    data, model = (
        Payload(path, role, Content(ID, Form.FILE, size, 1))
        for path, role, size in (("data", Role.DATA, 3 * GIB), ("model", Role.MODEL, GIB))
    )
    run = Run(
        ("train",),
        exit_code=exit_code,
        seconds=12.34,
        inputs=(data,),
        outputs=("model",),
        machine=machine or {},
        resources=used,
    )
    return Snapshot(
        ID,
        ID,
        "",
        "",
        Person("A", "a"),
        "",
        "",
        (data, model),
        {},
        {},
        Content(ID, Form.FOLDER, MIB, 2),
        True,
        None,
        run,
    )


def needs(**known: object) -> Needs:
    found = needs_of(snapshot(**known))  # type: ignore[arg-type]
    assert found is not None
    return found


def test_needs_of_rerun_are_shown_in_one_line() -> None:
    assert needs().words() == "12.3 s, 4.00 GiB of disk"
    every = needs(
        machine={"gpus": 2},
        user_seconds=20,
        system_seconds=1.5,
        peak_memory=GIB,
        disk_used=0,
        peak_gpu_memory=8 * GIB,
    )
    assert (
        every.words()
        == "12.3 s (21.5 s of CPU), 1.00 GiB of memory, 3.00 GiB of disk, 2 GPUs (8.00 GiB)"
    )
    # The GPUs of a machine count only if their memory was used. The GPUs given to a container count.
    assert needs(machine={"gpus": 2}, peak_gpu_memory=0).gpus == 0
    assert needs(machine={"gpus": 8}, gpus="1").gpus == 1
    assert needs(machine={"gpus": 8}, gpus="GPU-1,GPU-2").gpus == 2
    assert needs(machine={"gpus": 8}, gpus="all").gpus == 8
    assert needs_of(snapshot(exit_code=None)) is None
    assert needs_of(replace(snapshot(), run=None)) is None


@pytest.mark.parametrize(
    "value", [10**400, "Infinity", "NaN", -1, True, "much", ""], ids=lambda v: str(v)[:9]
)
def test_hostile_usage_figures_are_harmless(value: Value) -> None:
    found = needs(
        machine={"gpus": value},
        peak_memory=value,
        disk_used=value,
        gpus=value,
        peak_gpu_memory=value,
    )
    assert len(found.words()) < 200
    assert (
        list(shortages(found, {"gpus": value}, NO_LIMITS, free=1 << 60, isolated=False)) is not None
    )


@pytest.mark.parametrize(
    ("there", "limits", "free", "isolated", "says"),
    [
        ({"memory": 16 * GIB, "gpus": 2, "gpu_memory": 8 * GIB}, NO_LIMITS, 100 * GIB, False, []),
        ({}, NO_LIMITS, 100 * GIB, False, ["the run had a GPU; here there is none"]),
        (
            {"memory": 4 * GIB, "gpus": 1},
            NO_LIMITS,
            GIB,
            False,
            [
                "the run took 8.00 GiB of memory; here it gets 4.00 GiB",
                "the run needs 4.00 GiB of disk; here 1.00 GiB are free",
                "the run had 2 GPUs; here there are 1",
            ],
        ),
        (
            {"memory": 16 * GIB, "gpus": 2, "gpu_memory": 2 * GIB},
            ResourceLimits(memory=GIB, gpus="all"),
            100 * GIB,
            True,
            [
                "the run took 8.00 GiB of memory; here it gets 1.00 GiB",
                "the run took 5.00 GiB of GPU memory; here there are 4.00 GiB",
            ],
        ),
        (
            {"gpus": 2},
            NO_LIMITS,
            100 * GIB,
            True,
            ["the run had a GPU; a container gets none without --gpus"],
        ),
    ],
)
def test_shortages_of_machine_are_listed(
    there: dict[str, Value], limits: ResourceLimits, free: int, isolated: bool, says: list[str]
) -> None:
    used = needs(machine={"gpus": 2}, peak_memory=8 * GIB, peak_gpu_memory=5 * GIB)
    assert list(shortages(used, there, limits, free=free, isolated=isolated)) == says
