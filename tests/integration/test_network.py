"""The example that trains a neural network: seeded it comes out the same to the bit, unseeded it is told why not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.integration.team import datmo, experiments
from tests.servers.shell import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUTS = {"metrics.json", "network.npz", "predictions.npy"}


def test_a_network_is_trained_and_reproduced(repo: Shell) -> None:
    """In a virtual environment that is built from what the record says: another one than it was trained in."""
    repo.run("python", EXAMPLES / "digits" / "write_images.py", "data/digits", "--count", "600")
    datmo(repo, "add-data", "data/digits")
    train = (EXAMPLES / "network" / "train.py").read_text()
    repo.commit("train.py", train)
    datmo(repo, "run", "-m", "seeded", "--", "python", "train.py", "--epochs", "10")
    seeded = experiments(repo)[0]
    assert seeded["metrics"]["accuracy"] > 0.8
    assert seeded["run"]["outputs"] == sorted(OUTPUTS)
    assert seeded["run"]["resources"]["user_seconds"] > 0
    same = json.loads(datmo(repo, "reproduce", seeded["id"], "--engine", "venv", "--trust", "--json").stdout)
    assert same["verdict"] == "identical", same
    assert {output["name"] for output in same["outputs"]} == OUTPUTS

    repo.commit("train.py", train.replace("default_rng(options.seed)", "default_rng()"))
    datmo(repo, "run", "-m", "unseeded", "--", "python", "train.py", "--epochs", "10")
    done = datmo(repo, "reproduce", "HEAD", "--engine", "venv", "--trust", code=1)
    assert "verdict: different" in done.stdout
    assert "unpinned seed: train.py draws from numpy, and nothing sets its seed" in done.stdout
    (output,) = (line for line in done.stdout.splitlines() if line.startswith("network.npz"))
    assert "largest difference" in output
