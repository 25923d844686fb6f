"""Test which tests and packages `tests/run.sh PATH` chooses, with stand-ins for pytest, apt-get and
the engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PYTHON = """\
#!/bin/sh
case "$*" in
*--collect-only*--verbosity=-1) printf '%s::test_one\\n%s::test_two\\n' tests/chosen.py tests/chosen.py ;;
*) echo "python $*" >>calls ;;
esac
"""
RECORD = '#!/bin/sh\necho "{name} $*" >>{calls}\n'


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout that is set up, with stand-ins for all slow programs."""
    (tmp_path / "tests").mkdir()
    for name in ("run.sh", "packages.sh"):
        shutil.copy(TESTS / name, tmp_path / "tests" / name)
    scripts = tmp_path / ".venv" / "bin"
    scripts.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".venv" / "installed").touch()
    os.utime(tmp_path / "pyproject.toml", (0, 0))
    calls = tmp_path / "calls"
    calls.touch()
    programs = {
        scripts / "python": PYTHON,
        scripts / "apt-get": RECORD.format(name="apt-get", calls=calls),
        scripts / "curl": RECORD.format(name="curl", calls=calls),
        scripts / "unshare": RECORD.format(name="unshare", calls=calls),
        scripts / "eatmydata": '#!/bin/sh\nexec "$@"\n',
        tmp_path / "tests" / "container-engine.sh": RECORD.format(name="engine", calls=calls),
    }
    for path, text in programs.items():
        path.write_text(text)
        path.chmod(0o755)
    return tmp_path


def run(checkout: Path, source: str, **variables: str) -> list[str]:
    """Return the calls of `tests/run.sh -q tests/chosen.py`, where the chosen module holds
    `source`."""
    (checkout / "tests" / "chosen.py").write_text(source)
    env = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"} | variables
    command = ["sh", "tests/run.sh", "-q", "tests/chosen.py"]
    subprocess.run(command, cwd=checkout, env=env, check=True, capture_output=True, timeout=60)
    return (checkout / "calls").read_text().splitlines()


def test_module_that_needs_nothing_is_run_alone_and_nothing_is_installed(checkout: Path) -> None:
    assert run(checkout, "") == ["python -m pytest -q tests/chosen.py"]


def test_module_with_containers_is_run_with_an_engine_of_its_own(checkout: Path) -> None:
    calls = run(checkout, "def test_one(engine_environ): ...")
    assert calls == ["engine docker -- eatmydata python -m pytest -q tests/chosen.py"]


def test_module_with_containers_is_run_with_the_engine_that_runs_already(checkout: Path) -> None:
    calls = run(checkout, "def test_one(engine_host): ...", DOCKER_HOST="unix:///engine.sock")
    assert calls == ["python -m pytest -q tests/chosen.py"]


def test_checkout_without_environment_is_set_up(checkout: Path) -> None:
    (checkout / ".venv" / "installed").unlink()
    run(checkout, "def test_nothing() -> None: ...")
    assert (checkout / ".venv" / "installed").exists()
