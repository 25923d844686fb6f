"""What could explain a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.engines.base import Outcome
from git_datmo.engines.manifest import Local, Manifest, Package
from git_datmo.engines.probe import Distribution, Probe
from git_datmo.flows.running.causes import find_causes
from git_datmo.flows.running.rerun import Rerun
from git_datmo.flows.running.seeds import find_unseeded
from git_datmo.records.types import Cause

RECORDED = Manifest(
    "cpython", "3.11.7", (Package("numpy", "1.26.4"), Package("six", "1.16.0")), (Local("mine"), Local("ours", "src"))
)
MACHINE = {"machine": "x86_64", "processor": "one", "cpus": 8, "memory": 1, "gpu": "A100"}


def test_packages_python_and_machine_are_compared(tmp_path: Path) -> None:
    done = Rerun(tmp_path, Outcome(0, 1.0), {}, {}, {})
    ran = Probe("cpython", "3.11.9", (Distribution("NumPy", "2.0.1"), Distribution("more", "1")))
    here = {"machine": "x86_64", "processor": "other", "cpus": 8, "memory": 2, "gpu_memory": 5}
    assert find_causes(RECORDED, MACHINE, here, ran, done) == (
        Cause("python", "cpython", "3.11.7", "3.11.9"),
        Cause("package", "numpy", "1.26.4", "2.0.1"),
        Cause("package", "six", "1.16.0", None),
        Cause("package", "mine", "installed from a folder", None),
        Cause("machine", "gpu", "A100", None),
        Cause("machine", "gpu_memory", None, 5),
        Cause("machine", "processor", "one", "other"),
    )
    # Of what nobody could ask, nothing is said.
    assert find_causes(RECORDED, MACHINE, {}, None, done) == ()
    assert find_causes(RECORDED, {}, here, None, done) == ()
    (tmp_path / "fit.py").write_text("import random\nrandom.shuffle([])\n")
    assert find_causes(RECORDED, MACHINE, {}, None, done) == (Cause("seed", "random", None, "fit.py"),)


SEEDS = {
    "random": ("random.random()", "random.seed(3)"),
    "numpy": ("np.random.normal()", "np.random.seed(0)"),
    "torch": ("import torch", "torch.manual_seed(0)"),
    "tensorflow": ("import tensorflow as tf", "tf.random.set_seed(1)"),
    "scikit-learn": ("KMeans(3)", "KMeans(3, random_state=0)"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_a_generator_that_nothing_seeds_is_found(name: str) -> None:
    draws, seeds = (text.encode() for text in SEEDS[name])
    assert list(find_unseeded({"b.py": draws, "a.py": b"x = 1"})) == [(name, "b.py")]
    assert list(find_unseeded({"b.py": draws, "a.py": seeds})) == []
    assert list(find_unseeded({"a.py": b"default_rng(7)", "b.py": b"self.random.choice()"})) == []


def test_a_seed_that_says_nothing_is_none() -> None:
    assert list(find_unseeded({"a.py": b"random.seed()\nrandom.choice([1])"})) == [("random", "a.py")]
    assert list(find_unseeded({"a.py": b"default_rng()"})) == [("numpy", "a.py")]
