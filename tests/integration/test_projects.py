"""Test whole projects of the cheapest kinds: run, push, clone and reproduce each."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.projects.driver import Measured, Workshop, measure
from benchmarks.projects.kinds import all_projects
from benchmarks.projects.project import Size

PROJECTS = {project.name: project for project in all_projects(Size(40, 2 << 20))}
BASES = {"bash": "1 metric, 2 outputs", "many-outputs": "1 metric, 3 outputs"}
"""The cheapest kinds, and how much is compared."""


def check(measured: Measured, engine: str, basis: str) -> None:
    outcome = measured.outcomes[engine]
    assert measured.is_right(engine), outcome.said
    assert outcome.basis == basis
    assert measured.warnings == ()


@pytest.mark.parametrize("name", BASES)
def test_cheap_project_from_fresh_clone_is_identical_in_venv(tmp_path: Path, name: str) -> None:
    measured = measure(PROJECTS[name], Workshop(tmp_path / "shop", tmp_path), ("venv",))
    check(measured, "venv", BASES[name])


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.parametrize("name", BASES)
def test_cheap_project_from_fresh_clone_is_identical_in_container(
    engine_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine_environ["DOCKER_HOST"])
    measured = measure(PROJECTS[name], Workshop(tmp_path / "shop", tmp_path), ("docker",))
    check(measured, "docker", BASES[name])
