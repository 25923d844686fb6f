"""What an environment holds, and that only what the user's work needs is in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.engines.decode import read_environment
from git_datmo.engines.kept import imported_modules, kept_distributions
from git_datmo.engines.manifest import (
    Environment,
    Local,
    Package,
    make_environment,
)
from git_datmo.engines.probe import Distribution, Origin, Probe
from git_datmo.engines.variables import allowed_variables
from git_datmo.errors import Damaged, DatmoError

REPOSITORY = PurePosixPath("/home/alex/faces")


def probe_of(*found: Distribution) -> Probe:
    return Probe("cpython", "3.11.7", found, "/home/alex/env/bin/python")


def needed(name: str, *requires: str, version: str = "1.0") -> Distribution:
    return Distribution(name, version, requested=False, requires=requires)


def asked(name: str, *requires: str, version: str = "1.0") -> Distribution:
    return Distribution(name, version, requires=requires)


def kept(*found: Distribution, imported: Sequence[str] = ()) -> list[str]:
    return [d.name for d in kept_distributions(probe_of(*found), imported=imported)]


OWN = (
    asked("git-datmo", "docker", "tqdm", "pytest"),
    needed("docker", "requests"),
    needed("requests", "urllib3"),
    needed("urllib3"),
    needed("tqdm"),
    needed("pytest", "pluggy"),
    needed("pluggy"),
)


def test_own_packages_are_left_out() -> None:
    assert kept(*OWN) == []
    assert kept(asked("numpy"), *OWN) == ["numpy"]


def test_a_package_shared_with_the_user_stays_with_all_it_needs() -> None:
    assert kept(asked("boto3", "urllib3"), *OWN) == ["boto3", "urllib3"]


def test_a_package_that_a_person_asked_for_stays() -> None:
    found = [*OWN[:2], asked("requests", "urllib3"), *OWN[3:]]
    assert kept(*found) == ["requests", "urllib3"]


def test_a_package_that_the_code_imports_stays() -> None:
    found = [*OWN[:2], Distribution("requests", "1", requested=False, requires=("urllib3",), modules=("requests",))]
    assert kept(*found, *OWN[3:], imported=["requests"]) == ["requests", "urllib3"]


def test_a_package_that_nothing_requires_stays() -> None:
    assert kept(needed("orphan"), *OWN) == ["orphan"]


def test_cycles_end() -> None:
    own = asked("git-datmo", "a")
    assert kept(own, needed("a", "b"), needed("b", "a")) == []
    assert kept(own, needed("a", "b"), needed("b", "a"), asked("c", "b")) == ["a", "b", "c"]
    assert kept(own, needed("x", "y"), needed("y", "x")) == ["x", "y"]


def test_a_tool_that_requires_git_datmo_does_not_keep_its_packages() -> None:
    assert kept(asked("team-tools", "git-datmo", "numpy"), needed("numpy"), *OWN) == ["numpy", "team-tools"]


def test_seeds_stay_only_where_needed() -> None:
    seeds = (asked("pip"), needed("setuptools"), asked("wheel"), asked("uv"))
    assert kept(*seeds) == []
    assert kept(*seeds, asked("torch", "setuptools")) == ["setuptools", "torch"]
    assert kept(asked("setuptools")) == ["setuptools"]


def test_the_operating_systems_packages_stay_only_where_needed() -> None:
    apt = Distribution("python-apt", "2.6.0", requested=False, vendor=True)
    yaml = Distribution("PyYAML", "6.0", requested=False, vendor=True, modules=("yaml",))
    assert kept(apt, yaml) == []
    assert kept(apt, yaml, imported=["yaml"]) == ["PyYAML"]
    assert kept(apt, yaml, asked("hydra", "pyyaml")) == ["hydra", "PyYAML"]


def test_files_of_a_plain_environment() -> None:
    made = make_environment(
        probe_of(asked("Scikit_Learn", "numpy", version="1.4.2"), needed("numpy", version="2.1.0"), *OWN),
        repository=REPOSITORY,
        variables={"PYTHONHASHSEED": "0"},
    )
    assert made.files["requirements.txt"] == b"numpy==2.1.0\nscikit-learn==1.4.2\n"
    assert made.files["Dockerfile"].splitlines()[0] == b"FROM python:3.11-slim"
    assert b"--no-deps" in made.files["Dockerfile"]
    assert json.loads(made.files["environment.json"]) == {
        "version": 1,
        "python": {"implementation": "cpython", "version": "3.11.7"},
        "packages": [
            {"name": "numpy", "version": "2.1.0", "source": "index"},
            {"name": "scikit-learn", "version": "1.4.2", "source": "index"},
        ],
        "local": [],
        "base_image": "python:3.11-slim",
        "dockerfile": "generated",
        "variables": {"PYTHONHASHSEED": "0"},
    }


def test_without_packages_nothing_is_installed() -> None:
    made = make_environment(probe_of(*OWN), repository=REPOSITORY, base_image="team/base:1")
    assert made.files["Dockerfile"] == b"FROM team/base:1\nWORKDIR /work\n"
    assert made.files["requirements.txt"] == b""


def origins() -> tuple[Distribution, ...]:
    git = Origin("vcs", "git+https://host/x.git@" + "a" * 40)
    return (
        Distribution("from-git", "1.0", origin=git),
        Distribution("from-url", "1.0", origin=Origin("archive", "https://host/w-1.0.whl#sha256=" + "0" * 64)),
        Distribution("this", "0.1.dev5+g1f3c", origin=Origin("folder", folder="/home/alex/faces")),
        Distribution("inside", "1.0", origin=Origin("folder", folder="/home/alex/faces/libs/inside")),
        Distribution("outside", "1.0", origin=Origin("folder", folder="/home/alex/other")),
        Distribution("wheel-file", "1.0", origin=Origin("archive")),
    )


def test_packages_from_elsewhere_than_an_index() -> None:
    made = make_environment(probe_of(*origins()), repository=REPOSITORY)
    manifest = read_environment(made.files)
    assert made.files["requirements.txt"].decode().splitlines() == [
        "from-git @ git+https://host/x.git@" + "a" * 40,
        "from-url @ https://host/w-1.0.whl#sha256=" + "0" * 64,
    ]
    assert manifest.local == (Local("inside", "libs/inside"), Local("outside"), Local("this", ""), Local("wheel-file"))
    assert manifest.absent() == ("outside", "wheel-file")
    assert manifest.source_folders() == ("libs/inside", "libs/inside/src", "", "src")
    assert manifest.base_image == "python:3.11"  # pip needs git for one, which the slim image lacks


def test_nothing_of_the_host_is_in_the_files() -> None:
    made = make_environment(probe_of(*origins(), *OWN), repository=REPOSITORY)
    assert all(b"alex" not in content and b"/home" not in content for content in made.files.values())


def test_a_commit_of_the_own_package_does_not_change_the_environment() -> None:
    def made(version: str) -> str:
        this = Distribution("this", version, origin=Origin("folder", folder=str(REPOSITORY)))
        return make_environment(probe_of(this), repository=REPOSITORY).id

    assert made("0.1.dev5+g1f3c") == made("0.1.dev6+gffff")


def test_the_repositorys_own_dockerfile_is_kept_as_it_is() -> None:
    text = b"FROM debian:12\nRUN echo \xc3\xa4\n"
    made = make_environment(probe_of(asked("numpy")), repository=REPOSITORY, dockerfile=text)
    assert made.files["Dockerfile"] == text
    manifest = read_environment(made.files)
    assert (manifest.dockerfile, manifest.base_image) == ("repository", "")
    assert manifest.packages == (Package("numpy", "1.0"),)


def test_a_dockerfile_that_no_engine_could_read_is_refused_when_recorded() -> None:
    with pytest.raises(DatmoError, match="UTF-8"):
        make_environment(probe_of(), repository=REPOSITORY, dockerfile=b"FROM \xff\n")


def test_variables_are_allowed_by_name() -> None:
    environ = {"PYTHONHASHSEED": "1", "AWS_SECRET_ACCESS_KEY": "x", "SEED": "3", "PL_GLOBAL_SEED": "a"}
    environ |= {"USER": "alex", "HOST_SEED_KEY": "3", "LAYERS": "3"}
    assert allowed_variables(environ) == {"PYTHONHASHSEED": "1", "SEED": "3"}
    assert allowed_variables(environ, more=["LAYERS"]) == {"PYTHONHASHSEED": "1", "SEED": "3", "LAYERS": "3"}


def test_imports_of_programs_and_notebooks() -> None:
    program = b"import os, numpy as np\nfrom sklearn.svm import SVC\nfrom . import near\n    import torch.nn  # x\n"
    notebook = b'{"source": [\n    "import pandas as pd\\n",\n    "from PIL import Image"\n]}'
    found = imported_modules([program, notebook, b"\xff\x00 import\n"])
    assert found == {"os", "numpy", "sklearn", "torch", "pandas", "PIL"}


names = st.sampled_from([f"p{n}" for n in range(8)] + ["git-datmo", "pip", "setuptools"])
distributions = st.lists(
    st.builds(
        Distribution,
        name=names,
        version=st.sampled_from(["1.0", "2.0+cu121"]),
        requested=st.booleans(),
        vendor=st.booleans(),
        requires=st.lists(names, max_size=4).map(tuple),
    ),
    unique_by=lambda d: d.name,
)


@given(distributions, st.randoms(use_true_random=False))
def test_the_same_set_in_any_order_is_the_same_bytes(found: list[Distribution], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = make_environment(probe_of(*found), repository=REPOSITORY)
    assert one == make_environment(probe_of(*shuffled), repository=REPOSITORY)


@given(distributions)
def test_what_is_kept_is_complete_and_never_git_datmo(found: list[Distribution]) -> None:
    result = kept_distributions(probe_of(*found))
    here, there = {d.name for d in result}, {d.name for d in found}
    assert "git-datmo" not in here
    assert all(set(d.requires) & there <= here | {"git-datmo"} for d in result)


@given(distributions)
def test_what_is_written_is_read(found: list[Distribution]) -> None:
    made = make_environment(probe_of(*found), repository=REPOSITORY)
    manifest = read_environment(made.files)
    assert "".join(f"{p.requirement()}\n" for p in manifest.packages).encode() == made.files["requirements.txt"]
    assert Environment.of(made.files).id == made.id


def strangers() -> list[tuple[str, object]]:
    return [
        ("version", 3),
        ("packages", {}),
        ("packages", [{"name": "../x", "version": "1", "source": "index"}]),
        ("packages", [{"name": "x", "version": "1\n--index-url http://evil", "source": "index"}]),
        ("packages", [{"name": "x", "version": "1", "source": "https://host/x\n-r /etc/passwd"}]),
        ("packages", [{"name": "x", "version": "1", "source": "../x"}]),
        ("packages", [{"name": "x", "version": "1", "source": "index"}]),  # not in the lock
        ("local", [{"name": "x", "path": "../../etc"}]),
        ("local", [{"name": "x", "path": "/etc"}]),
        ("base_image", "x\nRUN evil"),
        ("python", {"implementation": "cpython", "version": "3.11.7; evil"}),
        ("variables", {"A B": "x"}),
        ("variables", {"A": "x\ny"}),
        ("dockerfile", "mine"),
        ("dockerfile", None),
    ]


@pytest.mark.parametrize(("key", "value"), strangers())
def test_a_strangers_manifest_is_refused(key: str, value: object) -> None:
    files = dict(make_environment(probe_of(), repository=REPOSITORY).files)
    document = {**json.loads(files["environment.json"]), key: value}
    with pytest.raises(Damaged):
        read_environment({**files, "environment.json": json.dumps(document).encode()})


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null", b'{"version": 1}'])
def test_a_strangers_bytes_are_refused(raw: bytes) -> None:
    files = make_environment(probe_of(), repository=REPOSITORY).files
    with pytest.raises(Damaged):
        read_environment({**files, "environment.json": raw})


@pytest.mark.parametrize("line", [b"-e ../x\n", b"--index-url http://evil/\n", b"numpy\n", b"\xff\n"])
def test_a_lock_that_says_other_than_the_manifest_is_refused(line: bytes) -> None:
    files = make_environment(probe_of(), repository=REPOSITORY).files
    with pytest.raises(Damaged, match=r"requirements\.txt"):
        read_environment({**files, "requirements.txt": line})


@pytest.mark.parametrize("name", ["environment.json", "requirements.txt", "Dockerfile"])
def test_a_missing_file_is_named(name: str) -> None:
    files = dict(make_environment(probe_of(), repository=REPOSITORY).files)
    del files[name]
    with pytest.raises(Damaged, match=name):
        read_environment(files)
