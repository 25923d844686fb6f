"""Test verdicts with real containers, images that git-datmo builds and packages from the index."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell, seal
from tests.support.virtual_environments import with_packages

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("engine")]

EXAMPLES = Path(__file__).parents[2] / "examples"
# The packages that the examples import, with their dependencies. Each has wheels for the Python of
# the tests' base image, 3.11.
NEEDED = (
    "joblib==1.4.2",
    "numpy==2.1.3",
    "scikit-learn==1.5.2",
    "scipy==1.14.1",
    "threadpoolctl==3.5.0",
)
NETWORK = ("network.py", "--epochs", "10")
# Shows the version of a package in a metric. With an argument, it reads a file that is not recorded.
FIT = """\
import json, sys
from pathlib import Path
import six
metrics = {"minor": int(six.__version__.split(".")[1])}
if "careless" in sys.argv:
    metrics["notes"] = len(Path("notes.txt").read_text())
Path("metrics.json").write_text(json.dumps(metrics))
"""


@dataclass(frozen=True)
class Lab:
    """Hold one repository for all tests, so that its images and environments are made once."""

    repo: Shell
    home: Path

    def having(self, six: str) -> Shell:
        """Return a shell whose environment has this version of six."""
        return with_packages(self.repo, self.home / six, *NEEDED, f"six=={six}")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, engine_environ: dict[str, str]) -> Lab:
    home = tmp_path_factory.mktemp("lab")
    repo = Shell(home / "repo", {**seal(home / "home"), **engine_environ})
    repo.cwd.mkdir()
    repo.git("init", "-q", ".")
    repo.write("train.py", (EXAMPLES / "digits" / "train.py").read_text())
    repo.write("network.py", (EXAMPLES / "network" / "train.py").read_text())
    repo.write("fit.py", FIT)
    repo.write(".gitignore", "notes.txt\n")
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "begin")
    datmo(repo, "init")
    repo.run("python", EXAMPLES / "digits" / "write_images.py", "data/digits", "--count", "300")
    datmo(repo, "add-data", "data/digits")
    return Lab(repo, home)


@pytest.fixture(scope="module")
def alex(lab: Lab) -> Shell:
    return lab.having("1.14.0")


def made(person: Shell, *words: str) -> dict[str, Any]:
    """Run the program in a container, on a commit of its own; return the experiment."""
    person.git("commit", "-q", "--allow-empty", "-m", " ".join(words))
    datmo(person, "run", "--engine", "docker", "--", "python", *words)
    return experiments(person)[0]


def reproduced(
    person: Shell, experiment: dict[str, Any], *words: str, code: int = 0
) -> dict[str, Any]:
    done = datmo(person, "reproduce", experiment["id"], *words, "--json", code=code)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["engine"]["name"] == "docker"
    return document


@pytest.mark.parametrize(
    ("words", "outputs"),
    [
        (("train.py",), {"metrics.json", "model.pkl"}),
        (NETWORK, {"metrics.json", "network.npz", "predictions.npy"}),
    ],
    ids=["digits", "network"],
)
def test_seeded_run_in_container_is_identical(
    alex: Shell, words: tuple[str, ...], outputs: set[str]
) -> None:
    seeded = made(alex, *words)
    assert seeded["metrics"]["accuracy"] > 0.7
    assert set(seeded["run"]["outputs"]) == outputs
    same = reproduced(alex, seeded)
    assert same["verdict"] == "identical", same
    assert {output["name"] for output in same["outputs"]} == outputs
    assert "causes" not in same


def test_unseeded_run_in_container_differs_by_chance(alex: Shell) -> None:
    seeded = (alex.cwd / "network.py").read_text()
    alex.commit("network.py", seeded.replace("default_rng(options.seed)", "default_rng()"))
    found = reproduced(alex, made(alex, *NETWORK), "--repeat", "2", code=1)
    alex.commit("network.py", seeded)
    assert (found["verdict"], found["reruns"]) == ("different", 2)
    (network,) = (output for output in found["outputs"] if output["name"] == "network.npz")
    assert "largest difference" in network["detail"]
    causes = {(cause["kind"], cause["name"], cause["rerun"]) for cause in found["causes"]}
    chance = {
        ("chance", name, None)
        for name in ("loss", "metrics.json", "network.npz", "predictions.npy")
    }
    # The accuracy is a count of few images, and may come out alike.
    assert causes - {("chance", "accuracy", None)} == {("seed", "numpy", "network.py"), *chance}


def test_rerun_without_unrecorded_input_fails(alex: Shell) -> None:
    alex.write("notes.txt", "mine alone")
    careless = made(alex, "fit.py", "careless")
    assert careless["metrics"]["notes"] == 10
    found = reproduced(alex, careless, code=1)
    assert (found["verdict"], found["exit_code"]) == ("failed", 1)
    assert [metric["rerun"] for metric in found["metrics"]] == [None, None]


def test_changed_package_explains_different_verdict(lab: Lab, alex: Shell) -> None:
    before = made(alex, "fit.py")
    later = made(lab.having("1.16.0"), "fit.py")
    assert (before["metrics"], later["metrics"]) == ({"minor": 14}, {"minor": 16})
    found = reproduced(alex, before, "--with", f"env={later['commit']}", code=1)
    assert found["verdict"] == "different"
    assert [(metric["recorded"], metric["rerun"]) for metric in found["metrics"]] == [(14, 16)]
    packages = [cause for cause in found["causes"] if cause["kind"] == "package"]
    assert packages == [{"kind": "package", "name": "six", "recorded": "1.14.0", "rerun": "1.16.0"}]
