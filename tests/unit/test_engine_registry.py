"""Test engines by name: those of this package, and one that another package adds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_datmo.cli.engine_options import EngineNames
from git_datmo.engines.engine_capabilities import BUILT_IN
from git_datmo.engines.engine_registry import (
    DEFAULT,
    EngineOptions,
    find_engine,
    is_engine,
    make_engine,
)
from git_datmo.errors import UsageError

PACKAGE = """
from git_datmo.engines.engine_capabilities import Capabilities
from git_datmo.engines.engine_registry import EngineKind
from git_datmo.engines.host_engine import HostEngine


class BatchEngine(HostEngine):
    name = "batch"
    capabilities = Capabilities(rebuilds_environment=False)


KIND = EngineKind("batch", BatchEngine.capabilities, lambda options: BatchEngine(options.environ))
"""


@pytest.fixture
def batch_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Return an installed package that adds the engine `batch` by an entry point."""
    (tmp_path / "batch_engine.py").write_text(PACKAGE)
    info = tmp_path / "batch_engine-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: batch-engine\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[git_datmo.engines]\nbatch = batch_engine:KIND\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("batch_engine", None)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_engine_of_this_package_has_the_capabilities_of_its_kind(name: str, tmp_path: Path) -> None:
    engine = make_engine(name, EngineOptions(tmp_path, {}))
    assert (engine.name, engine.capabilities) == (name, find_engine(name).capabilities)


def test_default_engine_is_an_isolated_one() -> None:
    assert find_engine(DEFAULT).capabilities.isolated


def test_engine_of_another_package_is_found(batch_package: None, tmp_path: Path) -> None:
    assert is_engine("batch")
    assert "batch" in EngineNames()
    assert make_engine("batch", EngineOptions(tmp_path, {})).name == "batch"
    assert not find_engine("batch").capabilities.isolated


def test_unknown_engine_is_refused_with_the_known_ones() -> None:
    assert "moby" not in EngineNames()
    with pytest.raises(UsageError) as refused:
        find_engine("moby")
    assert refused.value.hint == "the engines are docker, venv and host"


def test_engine_of_this_machine_is_refused_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="runs on this machine alone"):
        make_engine("venv", EngineOptions(tmp_path, {}, on="ssh://trainer.example"))
