"""Test commands that begin with a tool which chooses the environment."""

from __future__ import annotations

import pytest

from git_datmo.engines.environment_runners import rebuilt_command

COMMANDS = {
    "uv run train.py --lr 1": "python train.py --lr 1",
    "/home/x/.local/bin/uv run -q --with rich -- train.py": "python train.py",
    "uv run --extra=gpu python -m pkg": "python -m pkg",
    "uv run -m pkg.train": "python -m pkg.train",
    "uv run pytest -q": "pytest -q",
    "poetry run python train.py": "python train.py",
    "poetry run train": "train",
    "conda run -n env --no-capture-output python train.py": "python train.py",
    "pixi run -e gpu python train.py": "python train.py",
    "python train.py": "python train.py",
    # Left alone: a task, an option that is not known, another verb, nothing to run.
    "pixi run train": "pixi run train",
    "pdm run train": "pdm run train",
    "uv run --directory sub train.py": "uv run --directory sub train.py",
    "uv sync": "uv sync",
    "uv run": "uv run",
    "run train.py": "run train.py",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_tool_that_chooses_the_environment_is_left_out_of_a_rebuilt_one(command: str) -> None:
    assert rebuilt_command(command.split()) == tuple(COMMANDS[command].split())
