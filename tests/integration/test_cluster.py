"""Test many reproductions, one after the other and by the workers of a real cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.servers.cluster import serve_cluster
from tests.support.servers.http_host import HttpHost
from tests.support.servers.server_process import free_port
from tests.support.shell import Shell, seal

# Its output depends on its arguments, and for some on the worker. One kills the first worker that
# runs it.
PROGRAM = """\
import json, os, signal, sys
from pathlib import Path
total = sum(map(int, Path("data").read_text().split())) * int(sys.argv[1])
if sys.argv[1] == "2":
    total += os.path.exists("code.py") and not os.path.exists(".git")
if sys.argv[1] == "3" and not os.path.exists(".git"):
    sys.exit(4)
if sys.argv[1] == "4" and not os.path.exists(".git") and not Path("~/killed").expanduser().exists():
    Path("~/killed").expanduser().touch()
    os.kill(os.getppid(), signal.SIGKILL)
Path("model.pkl").write_text(str(total))
Path("metrics.json").write_text(json.dumps({"total": total}))
"""
HERE = ("--engine", "host", "--trust")

# One cluster for all of them.
pytestmark = pytest.mark.xdist_group("cluster")


@dataclass(frozen=True)
class Cluster:
    """Hold the address of a scheduler, and the home that its workers share."""

    address: str
    home: Path

    def clones(self) -> set[Path]:
        """Return the clones that the workers keep."""
        return set(self.home.glob(".cache/git-datmo/workers/*/.git/datmo/worker-ready"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    home = folder / "home"
    with serve_cluster(folder, seal(home)) as address:
        yield Cluster(address, home)


@pytest.fixture
def alex(pair: Pair, http_host: HttpHost) -> Shell:
    """Return a clone with four experiments, shared over HTTP, from where workers fetch them."""
    alex = pair.alex
    alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    alex.write("data", "1 2 3\n")
    datmo(alex, "add-data", "data")
    alex.commit("fit.py", PROGRAM)
    for word in ("1", "2", "3"):
        datmo(alex, "run", "-m", f"times {word}", "--", "python", "fit.py", word)
    alex.git("push", "-q", "origin", "main")
    return alex


def ids(shell: Shell) -> dict[str, str]:
    return {each["message"]: each["id"] for each in experiments(shell) if each["run"]}


def receipts(shell: Shell) -> dict[str, list[str]]:
    runs = [each for each in experiments(shell) if each["run"]]
    return {each["message"]: [receipt["verdict"] for receipt in each["receipts"]] for each in runs}


VERDICTS = {"times 1": ["identical"], "times 2": ["different"], "times 3": ["failed"]}


def test_several_are_rerun_one_after_the_other(alex: Shell) -> None:
    named = list(ids(alex).values())
    done = datmo(alex, "reproduce", *named, named[0], *HERE, code=1)
    assert done.stdout.count("verdict: ") == 3
    assert "3 of 3 were rerun: 1 different, 1 failed, 1 identical" in done.stderr
    assert receipts(alex) == VERDICTS
    refused(alex, "reproduce", *named, "--dir", "x", code=129, says=("--dir",))
    refused(alex, "reproduce", *named, "HEAD~9", *HERE, says=("HEAD~9",))
    refused(
        alex, "reproduce", "HEAD", "--cluster", "tcp://127.0.0.1:9", "--with", "data=HEAD", code=129
    )


TRAIN = """\
import json, sys
from pathlib import Path
rate, seed = float(sys.argv[1]), int(sys.argv[2])
assert not Path("model.pkl").exists()
if seed == 2 and rate == 0.5:
    sys.exit("diverged")
Path("model.pkl").write_text(f"{rate} {seed}")
Path("metrics.json").write_text(json.dumps({"score": rate * seed * len(Path("../data").read_text())}))
"""
GRID = ("-p", "rate=0.5,0.25", "-p", "seed=1..2", "-m", "sweep")
COMMAND = ("--", "python", "train.py", "{rate}", "{seed}")
MADE = {(0.5, 1): 3.0, (0.25, 1): 1.5, (0.25, 2): 3.0, (0.5, 2): None}


def swept(shell: Shell, *words: str) -> dict[tuple[float, int], float | None]:
    done = datmo(shell, "sweep", "--json", *words, *GRID, *COMMAND, code=1)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len({line["snapshot"] for line in lines}) == len(lines) == 4
    assert {line["snapshot"] for line in lines} <= {each["id"] for each in experiments(shell)}
    found = {(line["parameters"]["rate"], line["parameters"]["seed"]): line for line in lines}
    assert {key for key, line in found.items() if line["exit_code"]} == {(0.5, 2)}
    return {key: line["metrics"].get("score") for key, line in found.items()}


@pytest.fixture
def sweeper(pair: Pair, http_host: HttpHost) -> Shell:
    """Return a folder with a program, and data without a snapshot."""
    alex = pair.alex
    alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    alex.commit("src/train.py", TRAIN)
    alex.write("data", "123456")
    datmo(alex, "add-data", "data")
    return alex.at("src")


def test_sweep_makes_a_snapshot_of_each_combination_and_touches_nothing_here(
    sweeper: Shell,
) -> None:
    assert swept(sweeper) == MADE
    assert sorted(path.name for path in sweeper.cwd.iterdir()) == ["train.py"]
    assert sweeper.git("worktree", "list").count("\n") == 0
    assert sweeper.git("status", "--porcelain") == ""
    for each in experiments(sweeper):
        if each["run"]:
            assert [payload["path"] for payload in each["run"]["inputs"]] == ["data"], (
                "none began with another's outputs"
            )
            assert each["run"]["folder"] == "src"
    best = next(each for each in experiments(sweeper) if each["metrics"] == {"score": 1.5})
    assert (
        json.loads(datmo(sweeper, "reproduce", best["id"], *HERE, "--json").stdout)["verdict"]
        == "identical"
    )

    refused(
        sweeper, "sweep", "-p", "rate=1,2", "--", "true", code=129, says=("no place for 'rate'",)
    )
    refused(sweeper, "sweep", "-p", "seed=5..1", "--", "echo", "{seed}", code=129, says=("'5..1'",))
    refused(sweeper, "sweep", "-p", "rate", *COMMAND, code=129, says=("'rate'",))
    (sweeper.cwd / "train.py").write_text("changed")
    refused(sweeper, "sweep", *GRID, *COMMAND, says=("not committed",))


def test_cluster_sweeps_and_shares_what_it_makes(
    sweeper: Shell, pair: Pair, cluster: Cluster
) -> None:
    refused(
        sweeper,
        "sweep",
        *GRID,
        "--cluster",
        cluster.address,
        *COMMAND,
        says=("is not on the remote", "git push"),
    )
    sweeper.git("push", "-q", "origin", "main")
    assert swept(sweeper, "--cluster", cluster.address) == MADE
    other = pair.clone("ignacio")
    made = next(each for each in experiments(other) if each["metrics"] == {"score": 1.5})
    datmo(other, "checkout", made["id"])
    assert (other.cwd / "src" / "model.pkl").read_text() == "0.25 1"

    # A record that cannot be shared is kept, and goes to the remote with the next one.
    hook = pair.hub.cwd / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nread -r _ _ ref\n[ ! -e no ] || exit 1\n")
    hook.chmod(0o755)
    (pair.hub.cwd / "no").write_text("")
    known = len(experiments(sweeper))
    again = (
        "sweep",
        "-p",
        "rate=0.125",
        "--cluster",
        cluster.address,
        "--",
        "python",
        "train.py",
        "{rate}",
        "1",
    )
    done = datmo(sweeper, *again, code=125)
    assert "could not share snapshot" in done.stderr
    assert "is stored in " in done.stderr
    (pair.hub.cwd / "no").unlink()
    datmo(sweeper, *again)
    datmo(sweeper, "fetch")
    assert len(experiments(sweeper)) >= known + 1


def test_cluster_reruns_from_the_remote_and_loses_nothing(
    alex: Shell, pair: Pair, cluster: Cluster
) -> None:
    named = ids(alex)
    before = cluster.clones()

    def reproduce(*words: str, code: int) -> tuple[list[dict[str, Any]], str]:
        done = datmo(
            alex, "reproduce", *words, *HERE, "--cluster", cluster.address, "--json", code=code
        )
        return [json.loads(line) for line in done.stdout.splitlines()], done.stderr

    made, _ = reproduce(*named.values(), code=1)
    assert {receipt["snapshot"]: [receipt["verdict"]] for receipt in made} == {
        named[name]: verdict for name, verdict in VERDICTS.items()
    }
    assert {receipt["author"]["name"] for receipt in made} == {"A U Thor"}
    assert len(cluster.clones() - before) == 2, "both workers took part"
    # The workers shared them by themselves, and they are here without a fetch.
    assert receipts(alex) == VERDICTS
    assert receipts(pair.clone("ignacio")) == VERDICTS

    # A task whose worker dies is another's.
    datmo(alex, "run", "-m", "deadly", "--", "python", "fit.py", "4")
    alex.git("push", "-q", "origin", "main")
    made, _ = reproduce(ids(alex)["deadly"], code=0)
    assert [receipt["verdict"] for receipt in made] == ["identical"]
    assert (cluster.home / "killed").exists()

    # One that is here alone is none of a worker's business; the others are rerun all the same.
    datmo(alex, "run", "-m", "late", "--", "python", "fit.py", "1")
    late = ids(alex)["late"]
    made, said = reproduce(named["times 1"], late, code=128)
    assert [receipt["snapshot"] for receipt in made] == [named["times 1"]]
    assert "share it first" in said
    assert late[:10] in said

    # The remote takes nothing any more: the receipts are here, and wait for the next push.
    hook = pair.hub.cwd / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    made, said = reproduce(named["times 1"], code=0)
    assert "warning: " in said
    assert "could not share" in said
    assert receipts(alex)["times 1"] == ["identical"] * 3
    hook.unlink()
    alex.git("push", "-q", "origin", "main")
    assert receipts(pair.clone("third"))["times 1"] == ["identical"] * 3
    nobody = f"tcp://127.0.0.1:{free_port()}"
    refused(
        alex,
        "reproduce",
        "HEAD",
        *HERE,
        "--cluster",
        nobody,
        says=("no Dask scheduler answers", nobody),
    )
