"""Test the virtual environment engine with real packages."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.engines.engine_contract import Job
from git_datmo.engines.venv_engine import READY, VenvEngine
from git_datmo.environments.environment_files import Environment
from git_datmo.environments.interpreter_probe import Distribution, Origin, Probe
from git_datmo.environments.package_archive import packed_source, packed_wheel, source_files
from git_datmo.environments.probed_environment import make_environment
from git_datmo.errors import Damaged, DatmoError, EngineMissing
from git_datmo.progress import QUIET
from tests.support.engine_output import Heard

HERE = "{}.{}.{}".format(*sys.version_info[:3])

# Pip's settings for the index, and the same settings for uv, which the tests have too.
TOOLS = {
    **os.environ,
    **({"SSL_CERT_FILE": os.environ["PIP_CERT"]} if os.environ.get("PIP_CERT") else {}),
}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def engine(cache: Path) -> VenvEngine:
    return VenvEngine(cache, TOOLS)


def prepared(engine: VenvEngine, env: Environment, heard: Heard) -> VenvEngine:
    engine.prepare(env, code=engine.cache, output=heard, progress=QUIET)
    heard.streams.update(stdout=b"", stderr=b"")
    return engine


def test_built_virtual_environment_contains_the_package(
    engine: VenvEngine, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    env = make_env("six==1.17.0", version=HERE)
    prepared(engine, env, heard)
    code = (
        "import six, sys, os; print(six.__version__, sys.prefix, os.getcwd(), os.environ['SEED'])"
    )
    (tmp_path / "deep er").mkdir()
    job = Job(("python", "-c", code), tmp_path, "deep er", {"SEED": "3"})
    assert engine.run(job, output=heard).exit_code == 0, heard.streams
    home = engine.cache / env.id[:20]
    assert heard.streams["stdout"].decode() == f"1.17.0 {home} {tmp_path}/deep er 3\n"
    assert engine.describe() == {"name": "venv", "implementation": "cpython", "python": HERE}
    stamp = (home / READY).stat().st_mtime_ns
    prepared(VenvEngine(engine.cache, engine.environ), env, heard)
    assert (home / READY).stat().st_mtime_ns == stamp


def test_just_the_recorded_version_is_taken_where_it_is_on_path(
    make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    series = HERE.rpartition(".")[0]
    other = tmp_path / f"python{series}"
    other.write_text(
        f'#!/bin/sh\n[ "$2" != -c ] || {{ echo cpython {series}.99; exit; }}\nexec {sys.executable} "$@"\n'
    )
    other.chmod(0o755)
    engine = VenvEngine(tmp_path / "cache", {**TOOLS, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    engine.cache.mkdir()
    for recorded, taken in ((f"{series}.99", f"{series}.99"), (f"{series}.98", HERE)):
        prepared(engine, make_env(version=recorded), heard)
        assert engine.describe()["python"] == taken


def test_uv_installs_where_it_is_and_pip_where_it_fails(
    make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    env = make_env("six==1.17.0", version=HERE)
    tools = tmp_path / "tools"
    tools.mkdir()
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    said = tools / "said"
    (tools / "uv").write_text(f'#!/bin/sh\necho "$@" >>{said}\nexec {sys.executable} -m uv "$@"\n')
    (tools / "uv").chmod(0o755)
    for number, broken in enumerate(
        ({}, {"UV_OFFLINE": "1", "UV_NO_CACHE": "1", "UV_FIND_LINKS": ""})
    ):
        engine = VenvEngine(tmp_path / str(number), {**TOOLS, "PATH": path, **broken})
        engine.cache.mkdir()
        prepared(engine, env, heard)
        assert (
            engine.run(Job(("python", "-c", "import six"), tmp_path), output=heard).exit_code == 0
        )
        assert (engine.cache / env.id[:20] / "bin" / "python").exists()
        installer = (
            next((engine.cache / env.id[:20]).rglob("six-*.dist-info/INSTALLER"))
            .read_text()
            .strip()
        )
        assert installer == ("uv", "pip")[number]
    assert len(said.read_text().splitlines()) == 2


def test_variables_of_user_do_not_reach_virtual_environment(
    engine: VenvEngine, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    mine = VenvEngine(engine.cache, {**engine.environ, "SECRET": "x", "PYTHONPATH": "/somewhere"})
    prepared(mine, make_env(version=HERE), heard)
    code = "import os; print(sorted(os.environ)); open(os.path.expanduser('~/x'), 'w')"
    assert mine.run(Job(("python", "-c", code), tmp_path), output=heard).exit_code == 0
    assert b"SECRET" not in heard.streams["stdout"]
    assert b"PYTHONPATH" not in heard.streams["stdout"]
    assert os.listdir(tmp_path) == []


def test_packages_of_the_repository_are_imported_from_it(
    engine: VenvEngine, make_env: Callable[..., Environment], tmp_path: Path, heard: Heard
) -> None:
    own = (Distribution("mine", "1", origin=Origin("folder", folder="/repository")),)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "mine.py").write_text("print('here')")
    prepared(engine, make_env(version=HERE, own=own), heard)
    assert engine.run(Job(("python", "-m", "mine"), tmp_path), output=heard).exit_code == 0
    assert heard.streams["stdout"] == b"here\n"


def test_interrupted_virtual_environment_is_rebuilt(
    tmp_path: Path, engine: VenvEngine, make_env: Callable[..., Environment], heard: Heard
) -> None:
    env = make_env(version=HERE)
    fresh = VenvEngine(tmp_path, engine.environ)
    half = tmp_path / env.id[:20]
    half.mkdir()
    (half / "left").write_text("x")
    prepared(fresh, env, heard)
    assert not (half / "left").exists()
    assert fresh.run(Job(("python", "-c", ""), tmp_path), output=heard).exit_code == 0


def test_failed_install_names_its_cause_and_is_not_reused(
    engine: VenvEngine, make_env: Callable[..., Environment], heard: Heard
) -> None:
    env = make_env("six==0.0.1.999", version=HERE)
    for _ in range(2):
        with pytest.raises(
            DatmoError, match=r"No matching distribution found for six==0\.0\.1\.999"
        ) as caught:
            engine.prepare(env, code=engine.cache, output=heard, progress=QUIET)
        assert "\n" not in caught.value.what


def test_missing_python_version_is_named(
    engine: VenvEngine, make_env: Callable[..., Environment], heard: Heard
) -> None:
    with pytest.raises(EngineMissing, match=r"no cpython 3\.99 on PATH"):
        engine.prepare(make_env(version="3.99.1"), code=engine.cache, output=heard, progress=QUIET)


def test_foreign_environment_is_checked_before_build(
    engine: VenvEngine, tmp_path: Path, heard: Heard
) -> None:
    files = {"environment.json": b"{}", "requirements.txt": b"-e /etc\n", "Dockerfile": b""}
    with pytest.raises(Damaged):
        engine.prepare(Environment.of(files), code=tmp_path, output=heard, progress=QUIET)


def test_packages_of_one_machine_are_installed_from_the_environments_own_files(
    engine: VenvEngine, tmp_path: Path, heard: Heard
) -> None:
    """Install a wheel packed from an installed package, and the source of an editable install."""
    source = tmp_path / "near"
    source.mkdir()
    (source / "near.py").write_text('"""Near."""\nVALUE = 3\n')
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["flit_core >=3.2"]\nbuild-backend = "flit_core.buildapi"\n'
        '[project]\nname = "near"\nversion = "1"\ndescription = "near"\n'
    )
    folder = tmp_path / "site" / "tool-1.0.dist-info"
    folder.mkdir(parents=True)
    (tmp_path / "site" / "tool.py").write_text("import near\nprint(near.VALUE)\n")
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n")
    (folder / "WHEEL").write_text("Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    names = ("tool.py", f"{folder.name}/METADATA", f"{folder.name}/WHEEL")
    (folder / "RECORD").write_text("".join(f"{name},,\n" for name in names))
    found = (
        Distribution("near", "1", origin=Origin("folder", folder=str(source), editable=True)),
        Distribution("tool", "1.0", origin=Origin("archive"), metadata=str(folder)),
    )
    env = make_environment(
        Probe("cpython", HERE, found),
        repository=Path("/repository"),
        archives={
            "near": ("near.tar", packed_source("near", "1", source, source_files(source))),
            "tool": packed_wheel(folder),
        },
    )
    prepared(engine, env, heard)
    work = tmp_path / "work"
    work.mkdir()
    assert engine.run(Job(("python", "-m", "tool"), work), output=heard).exit_code == 0, (
        heard.streams
    )
    assert heard.streams["stdout"] == b"3\n"
