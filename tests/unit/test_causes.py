"""Test the possible causes of a difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from git_datmo.engines.command_locale import describe_locale, environment_locale, odd_encoding
from git_datmo.engines.engine_capabilities import CONTAINER, HOST, VENV
from git_datmo.engines.engine_contract import Outcome
from git_datmo.environments.interpreter_probe import Distribution, Probe
from git_datmo.environments.manifest import Local, Manifest, Package
from git_datmo.records.receipt_record import Cause
from git_datmo.runs.difference_causes import find_causes
from git_datmo.runs.read_variables import find_cpu_count, find_locale
from git_datmo.runs.rerun import Rerun
from git_datmo.runs.unseeded_sources import find_unseeded

RECORDED = Manifest(
    "cpython",
    "3.11.7",
    (Package("numpy", "1.26.4"), Package("six", "1.16.0")),
    (Local("mine"), Local("ours", "src")),
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
    # Unknown values give no cause.
    assert find_causes(RECORDED, MACHINE, {}, None, done) == ()
    assert find_causes(RECORDED, {}, here, None, done) == ()
    (tmp_path / "fit.py").write_text("import random\nrandom.shuffle([])\n")
    assert find_causes(RECORDED, MACHINE, {}, None, done) == (
        Cause("seed", "random", None, "fit.py"),
    )


def test_variables_locale_and_cpus_of_the_rerun_are_compared(tmp_path: Path) -> None:
    done = Rerun(tmp_path, Outcome(0, 1.0), {}, {}, {})
    recorded = replace(RECORDED, variables=(("OMP_NUM_THREADS", "4"), ("SEED", "1")))
    machine = {"cpus": 8, "usable_cpus": 2, "locale": "de_DE.UTF-8"}
    here = {"cpus": 8, "locale": "C.UTF-8"}
    variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "2", "SEED": "1"}
    assert find_causes(recorded, machine, here, None, done, None, variables) == (
        Cause("machine", "locale", "de_DE.UTF-8", "C.UTF-8"),
        Cause("machine", "usable_cpus", 2, 8),
        Cause("setting", "MKL_NUM_THREADS", None, "2"),
        Cause("setting", "OMP_NUM_THREADS", "4", "1"),
    )


@pytest.mark.parametrize(
    ("environ", "locale"),
    [
        ({}, "C"),
        ({"LANG": "de_DE.UTF-8"}, "de_DE.UTF-8"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, "C"),
        (
            {"LANG": "de_DE.UTF-8", "LC_NUMERIC": "C", "LC_TIME": "de_DE.UTF-8"},
            "de_DE.UTF-8 LC_NUMERIC=C",
        ),
    ],
)
def test_locale_is_named_with_the_categories_that_differ(
    environ: dict[str, str], locale: str
) -> None:
    assert describe_locale(environ) == locale
    assert environment_locale(HOST, environ, {}) == locale
    assert environment_locale(VENV, environ, {}) == "C.UTF-8"
    assert environment_locale(CONTAINER, environ, {"LC_ALL": "de_DE"}) == "de_DE"


@pytest.mark.parametrize("name", ["de_DE.UTF-8", "C", "de_DE.utf8@euro", "de_DE"])
def test_encoding_other_than_utf8_is_named(name: str) -> None:
    assert odd_encoding(name) == ""
    assert odd_encoding("de_DE.ISO-8859-1@euro") == "ISO-8859-1"


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.py", b"RandomForest(n_jobs=-1)", True),
        ("a.py", b"os.cpu_count()", True),
        ("a.sh", b"make -j$(nproc)", True),
        ("a.py", b"fit(n_jobs=2)", False),
    ],
)
def test_source_that_reads_the_cpu_count_is_found(path: str, text: bytes, *, found: bool) -> None:
    assert find_cpu_count({path: text}) == (path if found else None)


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("a.py", b"locale.setlocale(locale.LC_ALL, '')", True),
        ("a.py", b"t.strftime('%d %B')", True),
        ("a.py", b"t.strftime('%Y-%m-%d')", False),
        ("a.py", b"sort(x)", False),
        ("a.sh", b"cat x | sort > y", True),
        ("a.sh", b"resort x", False),
    ],
)
def test_source_that_sorts_or_formats_by_the_locale_is_found(
    path: str, text: bytes, *, found: bool
) -> None:
    assert find_locale({path: text}) == (path if found else None)


SEEDS = {
    "random": ("random.random()", "random.seed(3)"),
    "numpy": ("np.random.normal()", "np.random.seed(0)"),
    "torch": ("import torch", "torch.manual_seed(0)"),
    "tensorflow": ("import tensorflow as tf", "tf.random.set_seed(1)"),
    "scikit-learn": ("KMeans(3)", "KMeans(3, random_state=0)"),
}


@pytest.mark.parametrize("name", SEEDS)
def test_unseeded_generator_is_found(name: str) -> None:
    draws, seeds = (text.encode() for text in SEEDS[name])
    assert list(find_unseeded({"b.py": draws, "a.py": b"x = 1"})) == [(name, "b.py")]
    assert list(find_unseeded({"b.py": draws, "a.py": seeds})) == []
    assert list(find_unseeded({"a.py": b"default_rng(7)", "b.py": b"self.random.choice()"})) == []


def test_seed_without_value_counts_as_unseeded() -> None:
    assert list(find_unseeded({"a.py": b"random.seed()\nrandom.choice([1])"})) == [
        ("random", "a.py")
    ]
    assert list(find_unseeded({"a.py": b"default_rng()"})) == [("numpy", "a.py")]
