"""Define fixtures that return repositories, templates and the engine's address."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell
from tests.support.side_by_side import make_template


@pytest.fixture
def repo(make_repo: Callable[..., Shell]) -> Shell:
    """Return a repository with one commit, set up."""
    made = make_repo()
    made.commit("code.py", "pass\n")
    datmo(made, "init")
    return made


@pytest.fixture(scope="session")
def engine_environ() -> dict[str, str]:
    """Return the variables that reach a container engine; skip without one, or fail if tests
    require it."""
    address = os.environ.get("DOCKER_HOST", "")
    if not address:
        why = "no container engine: run 'tests/container-engine.sh docker -- pytest'"
        pytest.fail(why) if os.environ.get("DATMO_REQUIRE_ENGINE") == "1" else pytest.skip(why)
    return {"DOCKER_HOST": address}


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return server repositories to copy, by their object format."""
    return {
        name: make_template(tmp_path_factory.mktemp(f"template-{name}"), name)
        for name in ("sha1", "sha256")
    }
