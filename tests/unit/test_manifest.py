"""Test the contents of an environment, which has only packages that the user's work needs."""

from __future__ import annotations

import json
import tarfile
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.engines.build_context import generated_context, with_digest
from git_datmo.environments.environment_files import Environment, pinned, pinned_alike
from git_datmo.environments.environment_variables import allowed_variables
from git_datmo.environments.interpreter_probe import Distribution, Origin, Probe
from git_datmo.environments.locked_versions import Lock, Pin
from git_datmo.environments.manifest import Local, Package
from git_datmo.environments.manifest_reader import read_environment
from git_datmo.environments.probed_environment import make_environment
from git_datmo.environments.project_files import find_language, project_environment, read_apt
from git_datmo.environments.user_packages import imported_modules
from git_datmo.errors import Damaged, DatmoError
from tests.support.manifests import (
    JULIA,
    OWN,
    REPOSITORY,
    A,
    B,
    asked,
    distributions,
    needed,
    probe_of,
)


def test_plain_environment_has_its_files() -> None:
    made = make_environment(
        probe_of(
            asked("Scikit_Learn", "numpy", version="1.4.2"), needed("numpy", version="2.1.0"), *OWN
        ),
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


def test_environment_without_packages_installs_nothing() -> None:
    made = make_environment(probe_of(*OWN), repository=REPOSITORY, base_image="team/base:1")
    assert made.files["Dockerfile"] == b"FROM team/base:1\nWORKDIR /work\n"
    assert made.files["requirements.txt"] == b""


def origins() -> tuple[Distribution, ...]:
    git = Origin("vcs", "git+https://host/x.git@" + "a" * 40)
    return (
        Distribution("from-git", "1.0", origin=git),
        Distribution(
            "from-url", "1.0", origin=Origin("archive", "https://host/w-1.0.whl#sha256=" + "0" * 64)
        ),
        Distribution("this", "0.1.dev5+g1f3c", origin=Origin("folder", folder="/home/alex/faces")),
        Distribution(
            "inside", "1.0", origin=Origin("folder", folder="/home/alex/faces/libs/inside")
        ),
        Distribution("outside", "1.0", origin=Origin("folder", folder="/home/alex/other")),
        Distribution("wheel-file", "1.0", origin=Origin("archive")),
    )


def test_packages_outside_an_index_are_recorded_with_source() -> None:
    made = make_environment(probe_of(*origins()), repository=REPOSITORY)
    manifest = read_environment(made.files)
    assert made.files["requirements.txt"].decode().splitlines() == [
        "from-git @ git+https://host/x.git@" + "a" * 40,
        "from-url @ https://host/w-1.0.whl#sha256=" + "0" * 64,
    ]
    assert manifest.local == (
        Local("inside", "libs/inside"),
        Local("outside"),
        Local("this", ""),
        Local("wheel-file"),
    )
    assert manifest.absent() == ("outside", "wheel-file")
    assert manifest.source_folders() == ("libs/inside", "libs/inside/src", "", "src")
    assert manifest.base_image == "python:3.11"  # the slim image has no git, which pip needs


def test_files_of_environment_contain_nothing_of_the_host() -> None:
    made = make_environment(probe_of(*origins(), *OWN), repository=REPOSITORY)
    assert all(
        b"alex" not in content and b"/home" not in content for content in made.files.values()
    )


def test_commit_of_the_own_package_does_not_change_the_environment() -> None:
    def made(version: str) -> str:
        this = Distribution("this", version, origin=Origin("folder", folder=str(REPOSITORY)))
        return make_environment(probe_of(this), repository=REPOSITORY).id

    assert made("0.1.dev5+g1f3c") == made("0.1.dev6+gffff")


def test_own_dockerfile_is_kept_unchanged() -> None:
    text = b"FROM debian:12\nRUN echo \xc3\xa4\n"
    made = make_environment(probe_of(asked("numpy")), repository=REPOSITORY, dockerfile=text)
    assert made.files["Dockerfile"] == text
    manifest = read_environment(made.files)
    assert (manifest.dockerfile, manifest.base_image) == ("repository", "")
    assert manifest.packages == (Package("numpy", "1.0"),)


def test_dockerfile_that_no_engine_could_read_is_refused_when_recorded() -> None:
    with pytest.raises(DatmoError, match="UTF-8"):
        make_environment(probe_of(), repository=REPOSITORY, dockerfile=b"FROM \xff\n")


def test_variables_are_allowed_by_name() -> None:
    environ = {
        "PYTHONHASHSEED": "1",
        "AWS_SECRET_ACCESS_KEY": "x",
        "SEED": "3",
        "PL_GLOBAL_SEED": "a",
    }
    environ |= {"USER": "alex", "HOST_SEED_KEY": "3", "LAYERS": "3"}
    assert allowed_variables(environ) == {"PYTHONHASHSEED": "1", "SEED": "3"}
    assert allowed_variables(environ, more=["LAYERS"]) == {
        "PYTHONHASHSEED": "1",
        "SEED": "3",
        "LAYERS": "3",
    }


def test_imports_of_programs_and_notebooks() -> None:
    program = b"import os, numpy as np\nfrom sklearn.svm import SVC\nfrom . import near\n    import torch.nn  # x\n"
    notebook = b'{"source": [\n    "import pandas as pd\\n",\n    "from PIL import Image"\n]}'
    found = imported_modules([program, notebook, b"\xff\x00 import\n"])
    assert found == {"os", "numpy", "sklearn", "torch", "pandas", "PIL"}


@given(distributions, st.randoms(use_true_random=False))
def test_packages_in_any_order_give_equal_bytes(found: list[Distribution], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = make_environment(probe_of(*found), repository=REPOSITORY)
    assert one == make_environment(probe_of(*shuffled), repository=REPOSITORY)


@given(distributions)
def test_manifest_is_read_as_written(found: list[Distribution]) -> None:
    made = make_environment(probe_of(*found), repository=REPOSITORY)
    manifest = read_environment(made.files)
    assert (
        "".join(f"{p.requirement()}\n" for p in manifest.packages).encode()
        == made.files["requirements.txt"]
    )
    assert Environment.of(made.files).id == made.id


PIP = "RUN python -m pip install --no-cache-dir --no-deps --no-input --disable-pip-version-check"

LOCKED = Lock(
    "uv.lock",
    {
        "numpy": (Pin("2.1.0", frozenset({B, A})),),
        "torch": (Pin("2.1.0", frozenset({A}), "https://own/simple"),),
    },
    {},
)


def test_matching_lock_adds_hashes_and_indexes() -> None:
    numpy, torch = asked("numpy", version="2.1.0"), asked("torch", version="2.1.0")
    made = make_environment(probe_of(torch, numpy, *OWN), repository=REPOSITORY, lock=LOCKED)
    assert made.files["requirements.txt"].decode().splitlines() == [
        "--extra-index-url https://own/simple",
        f"numpy==2.1.0 --hash=sha256:{A} --hash=sha256:{B}",
        f"torch==2.1.0 --hash=sha256:{A}",
    ]
    manifest = read_environment(made.files)
    assert (manifest.version, manifest.indexes) == (2, ("https://own/simple",))
    assert manifest.packages[0] == Package("numpy", "2.1.0", hashes=(A, B))
    # pip takes hashes for all packages or for none.
    mixed = make_environment(probe_of(numpy, asked("six")), repository=REPOSITORY, lock=LOCKED)
    assert mixed.files["requirements.txt"] == b"numpy==2.1.0\nsix==1.0\n"
    assert read_environment(mixed.files).packages[0].hashes == (A, B)
    url = Distribution("from-url", "1", origin=Origin("archive", f"https://host/w.whl#sha256={A}"))
    hashed = make_environment(probe_of(numpy, url), repository=REPOSITORY, lock=LOCKED)
    assert b"--hash" in hashed.files["requirements.txt"]
    other = make_environment(
        probe_of(asked("numpy", version="2.0")), repository=REPOSITORY, lock=LOCKED
    )
    assert read_environment(other.files).version == 1


def test_packages_of_machine_and_system_are_recorded() -> None:
    archives = {
        "wheel-file": ("wheel_file-1.0-py3-none-any.whl", b"wheel"),
        "outside": ("outside.tar", b"tar"),
    }
    system = ["libgomp1", "ffmpeg=7:5.1"]
    made = make_environment(
        probe_of(*origins()), repository=REPOSITORY, archives=archives, system=system
    )
    manifest = read_environment(made.files)
    assert manifest.absent() == ()
    assert manifest.archives() == ("outside.tar", "wheel_file-1.0-py3-none-any.whl")
    assert manifest.system == ("ffmpeg=7:5.1", "libgomp1")
    lines = made.files["Dockerfile"].decode().splitlines()
    assert " ffmpeg=7:5.1 libgomp1 " in lines[1]
    assert lines[-3:-1] == [
        "COPY outside.tar wheel_file-1.0-py3-none-any.whl /opt/datmo/",
        f"{PIP} /opt/datmo/outside.tar /opt/datmo/wheel_file-1.0-py3-none-any.whl",
    ]
    with tarfile.open(fileobj=generated_context(made.files)) as context:
        assert context.getnames() == ["Dockerfile", *sorted(manifest.files())]
    with pytest.raises(Damaged, match=r"has no 'outside\.tar'"):
        read_environment({name: made.files[name] for name in made.files.keys() - {"outside.tar"}})


RENV = json.dumps(
    {
        "R": {"Version": "4.3.1"},
        "Packages": {"data.table": {"Version": "1.15.4"}, "R6": {"Version": "2.5.1"}, "odd": {}},
    }
).encode()


def test_language_of_command_is_found_by_its_program() -> None:
    assert [
        find_language(c)
        for c in (["Rscript", "a.R"], ["./fit.jl"], ["julia"], ["python", "a.R"], [])
    ] == [
        "r",
        "julia",
        "julia",
        "",
        "",
    ]
    assert project_environment("r", {}, variables={}) is None
    r = project_environment(
        "r", {"renv.lock": RENV}, variables={"SEED": "1"}, system=["libxml2-dev"]
    )
    assert r is not None
    manifest = read_environment(r.files)
    assert (manifest.implementation, manifest.python, manifest.base_image) == (
        "r",
        "4.3.1",
        "rocker/r-ver:4.3.1",
    )
    assert manifest.packages == (Package("R6", "2.5.1"), Package("data.table", "1.15.4"))
    lines = r.files["Dockerfile"].decode().splitlines()
    assert [line.split(" ", 2)[:2] for line in lines] == [
        ["FROM", "rocker/r-ver:4.3.1"],
        ["RUN", "apt-get"],
        ["COPY", "renv.lock"],
        ["RUN", "Rscript"],
        ["ENV", "RENV_CONFIG_AUTOLOADER_ENABLED=FALSE"],
        ["WORKDIR", "/work"],
    ]
    assert "renv::restore(lockfile = '/opt/datmo/renv.lock'" in lines[3]
    files = {"Project.toml": b"[deps]\n", "Manifest.toml": JULIA}
    julia = project_environment("julia", files, variables={})
    assert julia is not None
    assert read_environment(julia.files).packages == (Package("DataFrames", "1.6.1"),)
    assert b"COPY Project.toml Manifest.toml /opt/datmo/project/\n" in julia.files["Dockerfile"]
    assert b"Pkg.instantiate()" in julia.files["Dockerfile"]
    with tarfile.open(fileobj=generated_context(julia.files)) as context:
        assert set(context.getnames()) == {
            "Dockerfile",
            "Manifest.toml",
            "Project.toml",
            "requirements.txt",
        }
    own = project_environment("julia", files, variables={}, dockerfile=b"FROM julia\n")
    assert own is not None
    assert own.files["Dockerfile"] == b"FROM julia\n"


def test_system_packages_of_a_list() -> None:
    assert read_apt(b"# tools\nffmpeg libgomp1 # openmp\nffmpeg\nr-base=4.2.2-1\n") == (
        "ffmpeg",
        "libgomp1",
        "r-base=4.2.2-1",
    )
    with pytest.raises(DatmoError, match="names no package"):
        read_apt(b"ffmpeg && evil\n")


places = st.sampled_from(["/home/alex", "/mnt/b c", "/srv/x"])


@given(distributions, st.randoms(use_true_random=False), places, places, st.booleans())
def test_machines_with_the_same_resolved_set_have_the_same_id(
    found: list[Distribution], random: object, here: str, there: str, editable: bool
) -> None:
    """Check that the id depends on packages alone, and not on order, paths, or other packages of
    the machine."""

    def made(home: str, some: list[Distribution], **more: object) -> str:
        local = (
            Distribution(
                "inside",
                "1",
                origin=Origin("folder", folder=f"{home}/faces/lib", editable=editable),
            ),
            Distribution(
                "outside",
                "1",
                origin=Origin("folder", folder=f"{home}/o"),
                metadata=f"{home}/x.dist-info",
            ),
        )
        kept = [*some, *local]
        random.shuffle(kept)  # type: ignore[attr-defined]
        told = Probe("cpython", "3.11.7", tuple(kept), f"{home}/env/bin/python")
        archives = {"outside": ("outside-1-py3-none-any.whl", b"files")}
        options: dict[str, object] = {
            "archives": archives,
            "lock": LOCKED,
            "system": ["b", "a"],
            **more,
        }
        return make_environment(told, repository=PurePosixPath(home) / "faces", **options).id  # type: ignore[arg-type]

    one = made(here, found)
    assert made(there, found) == one
    assert made(there, found, system=["a", "b", "a"]) == one
    others = [
        made(here, [*found, asked("new")]),
        made(here, found, system=["a"]),
        made(here, found, archives={"outside": ("outside-1-py3-none-any.whl", b"others")}),
        made(here, found, variables={"SEED": "1"}),
        made(here, found, base_image="x:1"),
    ]
    assert len({one, *others}) == 6


def test_base_images_are_pinned_to_what_the_engine_has() -> None:
    known = ["docker.io/library/python@sha256:" + A, "registry.example:5000/team/base@sha256:" + B]
    assert with_digest("python:3.11-slim", known) == "python:3.11-slim@sha256:" + A
    assert (
        with_digest("registry.example:5000/team/base", known)
        == "registry.example:5000/team/base@sha256:" + B
    )
    assert with_digest("team/base:1", known) == "team/base:1"
    assert with_digest("python:3.11", []) == "python:3.11"

    def pin(reference: str) -> str:
        return with_digest(reference, known)

    made = make_environment(probe_of(asked("numpy")), repository=REPOSITORY)
    exact = pinned(made, read_environment(made.files), pin)
    assert exact.files["Dockerfile"].startswith(
        b"FROM python:3.11-slim@sha256:" + A.encode() + b"\n"
    )
    manifest = read_environment(exact.files)
    assert manifest.base_image == "python:3.11-slim@sha256:" + A
    assert pinned(exact, manifest, pin) == exact
    here = read_environment(made.files)
    assert pinned_alike(made, here, exact) == exact
    assert pinned_alike(made, here, pinned(made, here, lambda _: "other@sha256:c")) == made

    own = b"from --platform=linux/amd64 python AS build\nFROM $BASE\nFROM scratch\nFROM build\nFROM python@sha256:c\n"
    other = make_environment(probe_of(), repository=REPOSITORY, dockerfile=own)
    exact = pinned(other, read_environment(other.files), pin)
    assert exact.files["Dockerfile"] == own.replace(
        b"python AS", b"python@sha256:" + A.encode() + b" AS", 1
    )
    assert pinned_alike(other, read_environment(other.files), exact) == exact
