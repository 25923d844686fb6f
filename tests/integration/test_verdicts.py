"""Test verdicts of reruns with the installed tools, so that nothing needs to be built."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from git_datmo.history.experiments import History
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, experiments, refused
from tests.support.shell import Shell

# Reads data, writes an output of each kind that is looked into; how it goes wrong is told by its
# words.
PROGRAM = """\
import json, random, sys
from pathlib import Path
how = sys.argv[1]
total = sum(map(int, Path("data").read_text().split()))
if how == "failing":
    sys.exit(3 if Path(".git").exists() else 4)
if how == "noisy":
    total += random.random() / 1000
order = {"a": 1, "b": [total]}
if how == "spelled":
    order = dict(reversed(order.items())) if Path(".git").exists() else order
Path("model.pkl").write_text(repr(total))
Path("table.csv").write_text(f"step,loss\\n1,{total}\\n")
Path("order.json").write_text(json.dumps(order))
Path("metrics.json").write_text(json.dumps({"total": total}))
"""


@pytest.fixture
def alex(make_repo: Callable[..., Shell]) -> Shell:
    alex = make_repo("alex")
    datmo(alex, "init")
    alex.commit("fit.py", PROGRAM)
    alex.write("data", "1 2 3\n")
    datmo(alex, "add-data", "data")
    return alex


def reproduce(shell: Shell, name: str, *words: str, code: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        datmo(
            shell, "reproduce", name, "--engine", "host", "--trust", "--json", *words, code=code
        ).stdout
    )
    return document


def made(shell: Shell, how: str, *words: str, code: int = 0) -> str:
    datmo(shell, "run", "-m", how, *words, "--", "python", "fit.py", how, code=code)
    return str(experiments(shell)[0]["id"])


def named(differences: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {difference["name"]: difference for difference in differences}


def test_rerun_gets_its_verdict(alex: Shell) -> None:
    same = reproduce(alex, made(alex, "exact"))
    assert same["verdict"] == "identical"
    assert "causes" not in same
    assert same["machine"] == experiments(alex)[0]["run"]["machine"]
    assert same["resources"]["peak_memory"] > 1 << 20
    assert same["durations"].keys() == {"fetch", "build", "place", "run", "compare"}

    failed = reproduce(alex, made(alex, "failing", code=3), code=1)
    assert (failed["verdict"], failed["exit_code"]) == ("failed", 4)

    # Other bytes that hold the same are told as such.
    spelled = reproduce(alex, made(alex, "spelled"))
    assert spelled["verdict"] == "within tolerance"
    output = named(spelled["outputs"])["order.json"]
    assert (output["same"], output["off"], output["detail"]) == (
        True,
        0.0,
        "other bytes, the same values",
    )


def test_needs_of_rerun_are_checked_before_it_starts(alex: Shell) -> None:
    measured = made(alex, "exact")
    used = experiments(alex)[0]["run"]["resources"]
    written = ("model.pkl", "table.csv", "order.json", "metrics.json")
    assert used["disk_used"] == sum((alex.cwd / name).stat().st_size for name in written)
    needs = r"^needs: +\d+\.\d s \(\d+\.\d s of CPU\), \d+\.\d\d MiB of memory, .* of disk$"
    assert re.search(needs, datmo(alex, "show", measured).stdout, re.MULTILINE)

    # The same on a machine that nobody has.
    with open_workspace(alex.env, alex.cwd) as ws:
        small = History(ws).resolve(measured).snapshot
        assert small.run is not None
        used = {
            **small.run.resources,
            "peak_memory": 1 << 60,
            "disk_used": 1 << 61,
            "peak_gpu_memory": 1,
        }
        run = replace(small.run, resources=used, machine={**small.run.machine, "gpus": 1000})
        (large,) = ws.ledger.attach(replace(small, message="large", run=run))
    done = datmo(alex, "reproduce", str(large), "--engine", "host", "--trust")
    warned = [line for line in done.stderr.splitlines() if line.startswith("warning: the run ")]
    assert [re.sub(r"; here .*", "", line) for line in warned] == [
        "warning: the run took 1048576.00 TiB of memory",
        "warning: the run needs 2097152.00 TiB of disk",
        f"warning: the run had {'1000 GPUs' if 'gpus' in small.run.machine else 'a GPU'}",
    ]
    assert "verdict: identical" in done.stdout
    assert (
        "warning: the run"
        not in datmo(alex, "reproduce", measured, "--engine", "host", "--trust").stderr
    )


def test_noisy_run_is_within_its_tolerance_only(alex: Shell) -> None:
    noisy = made(alex, "noisy", "--tolerance", "table.csv=0.01")
    loose = reproduce(alex, noisy, "--repeat", "2", code=1)
    assert (loose["verdict"], loose["reruns"]) == ("different", 2)
    outputs = named(loose["outputs"])
    assert 0 < outputs["table.csv"]["off"] < 0.001
    assert outputs["table.csv"]["same"], "the snapshot's own tolerance"
    assert "1 of 2 cells differ" in outputs["table.csv"]["detail"]
    assert "b[0]" in outputs["order.json"]["detail"]
    assert not outputs["model.pkl"]["same"]
    assert outputs["model.pkl"]["detail"].startswith("differs in bytes")
    causes = {(cause["kind"], cause["name"], cause["rerun"]) for cause in loose["causes"]}
    assert ("seed", "random", "fit.py") in causes
    assert ("chance", "total", None) in causes

    # The metrics decide once one of them has a tolerance; that of the command counts before git's,
    # before its own.
    alex.git("config", "datmo.tolerance", "total=1e-12")
    alex.git("config", "--add", "datmo.tolerance", "other=1")
    within = reproduce(alex, noisy, "--tolerance", "total=0.01")
    assert (within["verdict"], within["tolerances"]) == (
        "within tolerance",
        {"table.csv": 0.01, "total": 0.01},
    )
    alex.git("config", "datmo.tolerance", "total=0.01", "total=1e-12")
    assert (
        reproduce(alex, noisy, "--tolerance", "table.csv=1e-12", code=1)["verdict"] == "different"
    )
    refused(alex, "reproduce", noisy, "--tolerance", "totl=1", code=129, says=("'totl'", "total"))
    refused(alex, "reproduce", noisy, "--repeat", "0", code=129, says=("--repeat",))

    said = datmo(alex, "log").stdout
    assert re.search(
        r"reproduced 1 time, by 1 person, largest difference [0-9.e-]+ in total; not", said
    )
    assert "not reproduced 2 times, by 1 person: 2 different" in said
    shown = datmo(alex, "show", noisy).stdout
    assert "tolerances:  table.csv=0.01" in shown
    assert "summary:     reproduced 1 time, by 1 person" in shown


def test_package_that_changed_is_named(make_repo: Callable[..., Shell]) -> None:
    """Install two versions of a package, and record a result that depends on them."""
    alex = make_repo("alex")
    alex.run("python", "-m", "venv", "tools")
    pip = (
        "tools/bin/python",
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--disable-pip-version-check",
    )
    alex.run(*pip, "six==1.16.0")
    alex.write(".gitignore", "tools\n")
    alex.commit(
        "fit.py",
        "import six; open('out.json', 'w').write(f'[{six.__version__.split(\".\")[1]}]')\n",
    )
    datmo(alex, "init")
    alex = alex.having(PATH=f"{alex.cwd}/tools/bin:{alex.env['PATH']}")
    datmo(alex, "run", "--", "python", "fit.py")
    assert "recorded was" not in datmo(alex, "reproduce", "HEAD", "--engine", "host").stderr
    alex.run(*pip, "six==1.17.0")
    found = reproduce(alex, "HEAD", code=1)
    assert {"kind": "package", "name": "six", "recorded": "1.16.0", "rerun": "1.17.0"} in found[
        "causes"
    ]
    assert found["outputs"][0]["detail"] == "1 of 1 values differ; largest difference 1: [0]"
    # If the results are equal all the same, the output names the command that ran.
    datmo(alex, "run", "--", "python", "-c", "open('other.json', 'w').write('[1]')")
    alex.run(*pip, "six==1.16.0")
    same = datmo(alex, "reproduce", "HEAD", "--engine", "host")
    assert "verdict: identical" in same.stdout
    assert "warning: six is 1.16.0 here; recorded was 1.17.0\n" in same.stderr
