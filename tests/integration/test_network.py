"""Test that the neural network example is equal to the bit in an environment built from its record.

tests/integration/test_container_verdicts.py tests it in containers, seeded and not.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
OUTPUTS = {"metrics.json", "network.npz", "predictions.npy"}


def test_network_is_trained_and_reproduced(repo: Shell) -> None:
    """Rebuild the environment of the record as a virtual environment, and train there again."""
    repo.run("python", EXAMPLES / "digits" / "write_images.py", "data/digits", "--count", "600")
    datmo(repo, "add-data", "data/digits")
    repo.commit("train.py", (EXAMPLES / "network" / "train.py").read_text())
    datmo(repo, "run", "-m", "seeded", "--", "python", "train.py", "--epochs", "10")
    seeded = experiments(repo)[0]
    assert seeded["metrics"]["accuracy"] > 0.8
    assert seeded["run"]["outputs"] == sorted(OUTPUTS)
    assert seeded["run"]["resources"]["user_seconds"] > 0
    same = json.loads(
        datmo(repo, "reproduce", seeded["id"], "--engine", "venv", "--trust", "--json").stdout
    )
    assert same["verdict"] == "identical", same
    assert {output["name"] for output in same["outputs"]} == OUTPUTS
