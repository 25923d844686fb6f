"""Run the pytest files of a snapshot in its own environment."""

from __future__ import annotations

from git_datmo.engines.engine_contract import Engine, Job, Output
from git_datmo.engines.resource_limits import ResourceLimits
from git_datmo.model_tests.model_results import ModelResult, Outcome
from git_datmo.serving.placed_snapshot import PlacedSnapshot

FOLDER = "tests/model"
_NO_PYTEST = 77
_CODE = f"""
import sys
try:
    import pytest
except ImportError:
    sys.exit({_NO_PYTEST})
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", "{FOLDER}"]))
"""
_ENDINGS: dict[int, tuple[Outcome, str]] = {
    0: ("passed", ""),
    1: ("failed", "some tests failed"),
    2: ("failed", "the tests cannot be collected, or were interrupted"),
    5: ("undecided", "pytest found no tests"),
    _NO_PYTEST: ("undecided", "the environment of the snapshot has no pytest"),
}


def run_pytest(
    placed: PlacedSnapshot, engine: Engine, limits: ResourceLimits, output: Output
) -> list[ModelResult]:
    """Run the tests under `tests/model` in the snapshot's folder; return their result.

    Returns nothing if the snapshot has no such folder. `output` gets the lines of pytest.
    """
    if not (placed.folder / FOLDER).is_dir():
        return []
    job = Job(
        (placed.python, "-c", _CODE),
        placed.folder,
        variables=placed.variables,
        read_only=placed.read_only,
        limits=limits,
    )
    code = engine.run(job, output=output).exit_code
    outcome, message = _ENDINGS.get(code, ("undecided", f"pytest ended with exit code {code}"))
    return [ModelResult("pytest", FOLDER, outcome, message)]
