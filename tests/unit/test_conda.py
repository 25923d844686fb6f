"""Test that conda packages are found in conda's records, listed in the environment, and installed
from the same archives."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from git_datmo.engines.engine_contract import Outcome
from git_datmo.environments.conda import IMAGE, CondaPackage, Installed, kept_packages
from git_datmo.environments.environment_diff import PackageChange, compare
from git_datmo.environments.environment_files import Environment, own_dockerfile
from git_datmo.environments.image_layers import build_files
from git_datmo.environments.interpreter_probe import Distribution, Origin, Probe, probe
from git_datmo.environments.lock_contradictions import Contradiction, contradictions
from git_datmo.environments.lock_files import read_lock
from git_datmo.environments.manifest import Package
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.environments.probed_environment import make_environment
from git_datmo.errors import Damaged
from git_datmo.records.receipt_record import Cause
from git_datmo.runs.difference_causes import find_causes
from git_datmo.runs.rerun import Rerun
from tests.support.virtual_environments import Env

CHANNEL = "https://conda.example/forge/"
REPOSITORY = PurePosixPath("/home/alex/faces")
PYTHON = b"ENV PATH=/opt/conda/bin:$PATH CONDA_PREFIX=/opt/conda\n"
LIST = "micromamba install --yes --name base --file /opt/datmo/conda.txt && micromamba clean --all --yes\n"


def package(
    name: str, version: str = "1.0", *, build: str = "h1_0", subdir: str = "linux-64"
) -> CondaPackage:
    return CondaPackage(
        name,
        version,
        build,
        f"{CHANNEL}{subdir}/{name}-{version}-{build}.conda",
        "a" * 32,
        "b" * 64,
    )


INSTALLED = (
    Installed(
        package("numpy", "1.26.4", build="py311_mkl"), ("python", "mkl", "libblas"), ("numpy",)
    ),
    Installed(package("mkl", "2023.2"), ("llvm-openmp", "__glibc")),
    Installed(package("llvm-openmp"), ("mkl",)),
    Installed(package("pip", "24.0", subdir="noarch"), ("python",), ("pip",)),
    Installed(package("python", "3.11.7")),
    Installed(package("guest", subdir="noarch"), ("python",), ("guest",)),
)
FOUND = (
    Distribution("numpy", "1.26.4"),
    Distribution("six", "1.17.0"),
    Distribution("mine", "2", origin=Origin("vcs", "git+https://git.example/mine@" + "c" * 40)),
    Distribution("pip", "24.0", requested=False),
    Distribution("guest", "1.0", requested=False),
    Distribution("git-datmo", "1.0", requires=("guest",)),
)


def made(*installed: Installed, dockerfile: bytes | None = None) -> Environment:
    probed = Probe("cpython", "3.11.7", FOUND, conda=installed)
    return make_environment(probed, repository=REPOSITORY, dockerfile=dockerfile)


def test_condas_records_are_read_where_the_interpreter_is_condas(tmp_path: Path) -> None:
    env = Env(tmp_path / "env")
    env.add("NumPy", "1.26.4")
    env.add("six", "1.17.0")
    folder = env.bin.parent / "conda-meta"
    folder.mkdir()
    site = env.site.relative_to(env.bin.parent)
    numpy = {
        "name": "numpy",
        "version": "1.26.4",
        "build": "py311_mkl",
        "url": "https://alex:pass@conda.example/t/secret/forge/linux-64/numpy-1.26.4-py311_mkl.conda",
        "md5": "a" * 32,
        "sha256": "b" * 64,
        "depends": ["python >=3.11,<3.12.0a0", "mkl"],
        "files": [
            f"{site}/NumPy-1.26.4.dist-info/METADATA",
            f"{site}/six-0.9.dist-info/METADATA",
            "lib/numpy.so",
        ],
    }
    own = {
        "name": "own",
        "version": "1",
        "build": "0",
        "url": "file:///home/alex/own-1-0.conda",
        "md5": "no",
    }
    for name, text in {
        "numpy": json.dumps(numpy),
        "own": json.dumps(own),
        "torn": "{",
        "bad": '{"name": "x"}',
    }.items():
        (folder / f"{name}.json").write_text(text)
    (folder / "history").write_text("")
    assert probe(env.python, {"PATH": "/usr/bin:/bin"}, cwd=tmp_path).conda == (
        Installed(package("numpy", "1.26.4", build="py311_mkl"), ("python", "mkl"), ("numpy",)),
        Installed(CondaPackage("own", "1", "0")),
    )


def test_packages_come_behind_what_they_need_and_guests_do_not_come() -> None:
    kept = kept_packages(INSTALLED, frozenset({"numpy", "six"}))
    assert [found.package.name for found in kept] == [
        "mkl",
        "llvm-openmp",
        "python",
        "numpy",
        "pip",
    ]
    assert kept_packages(reversed(INSTALLED), frozenset({"numpy"})) == kept


def test_image_is_built_from_conda_archives() -> None:
    environment = made(*INSTALLED)
    manifest = read_environment(environment.files)
    assert (manifest.version, manifest.base_image, manifest.system) == (3, IMAGE, ("git",))
    assert [(each.name, each.source[:5]) for each in manifest.packages] == [
        ("mine", "git+h"),
        ("numpy", "conda"),
        ("six", "index"),
    ]
    assert b"numpy" not in environment.files["requirements.txt"]
    listed = environment.files["conda.txt"].decode().splitlines()
    assert listed[0] == "@EXPLICIT"
    assert listed[4] == f"{CHANNEL}linux-64/numpy-1.26.4-py311_mkl.conda#{'a' * 32}"
    dockerfile = environment.files["Dockerfile"]
    assert dockerfile.startswith(f"FROM {IMAGE}\nUSER root\nRUN apt-get update".encode())
    steps = f"COPY conda.txt /opt/datmo/conda.txt\nRUN {LIST}".encode() + PYTHON
    assert steps + b"COPY requirements.txt" in dockerfile
    layered = build_files(environment, manifest)
    assert steps + b"COPY requirements-1.txt" in layered["Dockerfile"]
    assert layered["conda.txt"] == environment.files["conda.txt"]
    alone = own_dockerfile(manifest).decode()
    assert f"printf '%s\\n' \\\n    '@EXPLICIT' \\\n    '{CHANNEL}linux-64/mkl" in alone
    assert f"> /opt/datmo/conda.txt && {LIST}" in alone
    assert made(*reversed(INSTALLED)) == environment


@pytest.mark.parametrize(
    "first", [package("python", subdir="osx-arm64"), CondaPackage("python", "3.11.7", "own")]
)
def test_conda_package_missing_on_linux_is_taken_from_index(first: CondaPackage) -> None:
    environment = made(Installed(first), INSTALLED[0])
    manifest = read_environment(environment.files)
    assert [each.name for each in manifest.conda] == ["python", "numpy"]
    assert Package("numpy", "1.26.4") in manifest.packages
    assert manifest.base_image == "python:3.11"
    assert "conda.txt" not in environment.files


def test_own_dockerfile_takes_precedence_over_conda() -> None:
    environment = made(*INSTALLED, dockerfile=b"FROM scratch\n")
    assert environment.files.keys() == {"environment.json", "requirements.txt", "Dockerfile"}
    assert len(read_environment(environment.files).conda) == 5


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("conda.example/forge", "conda.example/other"),
        ("linux-64/mkl", "linux-64/'; x '"),
        ('"h1_0"', '"$(x)"'),
    ],
)
def test_foreign_conda_list_is_checked(old: str, new: str) -> None:
    files = made(*INSTALLED).files
    changed = files["environment.json"].replace(old.encode(), new.encode(), 1)
    assert changed != files["environment.json"]
    with pytest.raises(Damaged):
        read_environment({**files, "environment.json": changed})


def test_different_conda_build_is_a_possible_cause(tmp_path: Path) -> None:
    other = replace(INSTALLED[1], package=package("mkl", "2023.2", build="h2_1"))
    one, two = made(*INSTALLED), made(other, INSTALLED[0], *INSTALLED[2:])
    assert one.id != two.id
    before, after = read_environment(one.files), read_environment(two.files)
    builds = "2023.2 (h1_0)", "2023.2 (h2_1)"
    assert compare(one, two, before, after) == (PackageChange("conda", "mkl", *builds),)
    done = Rerun(tmp_path, Outcome(0, 1.0), {}, {}, {})
    ran = Probe("cpython", "3.11.7", FOUND, conda=(other, *INSTALLED))
    assert find_causes(before, {}, {}, replace(ran, conda=INSTALLED), done) == ()
    assert find_causes(after, {}, {}, replace(ran, conda=INSTALLED), done) == (
        Cause("package", "conda mkl", builds[1], builds[0]),
    )
    assert find_causes(after, {}, {}, replace(ran, conda=()), done) == (
        Cause("package", "conda", "5 packages", None),
    )


ASKED = """\
dependencies:
  - python=3.11
  - forge::mkl>=2023.1
  - numpy=1.25.2=py311_mkl
  - gone
  - lost==2.0
  - pip:
    - six==1.17.0
"""
LOCKED = """\
package:
- {name: mkl, version: '2024.0', manager: conda, platform: osx-64}
- {name: mkl, version: '2023.1', manager: conda, platform: linux-64}
- {name: python, version: 3.11.7, manager: conda, platform: linux-64}
- {name: other, version: '1', manager: conda, platform: linux-64}
"""


def test_conda_specs_are_compared_with_installed_packages() -> None:
    conda = {"python": "3.11.7", "mkl": "2023.2", "numpy": "1.26.4"}
    asked, locked = (
        read_lock("environment.yml", ASKED.encode()),
        read_lock("conda-lock.yml", LOCKED.encode()),
    )
    assert asked is not None
    assert locked is not None
    assert contradictions(asked, {"six": "1.17.0"}, conda) == (
        Contradiction("lost", "", "==2.0"),
        Contradiction("numpy", "1.26.4", "==1.25.2.*"),
    )
    assert contradictions(locked, {}, conda) == (
        Contradiction("mkl", "2023.2", "==2024.0 or ==2023.1"),
    )
    # Where conda installed nothing, its names say nothing.
    assert contradictions(asked, {"six": "1.17.0"}, {}) == ()
