"""Build the environment of a run whose engine does not use the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from git_datmo.engines.engine_contract import Engine
from git_datmo.errors import DatmoError
from git_datmo.model import Content
from git_datmo.payloads.captured_environment import CapturedEnvironment, capture_environment
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.frozen_environments import WantedImage, pin_bases, prepare
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import place_code


def build_environment(
    ws: Workspace, command: Sequence[str], engine: Engine, code: Content, progress: Progress
) -> CapturedEnvironment:
    """Store the environment of `command`, and build or load it in `engine`.

    `code` is the stored code, which a Dockerfile can copy. Raises `DatmoError` if there is no
    Python.
    """
    # Base images are named by their digests, so that a rerun gets the same ones.
    environment = capture_environment(
        ws, command, pin=partial(pin_bases, ws, engine, code, progress)
    )
    if environment is None:
        raise DatmoError(
            "there is no Python whose environment a container could have",
            "run with --engine host",
        )
    # A Dockerfile can copy files of the code into the image.
    with scratch_folder(ws, None) as folder:
        place_code(ws, code, folder, progress)
        prepare(
            ws, engine, WantedImage(environment.content, code), folder=folder, progress=progress
        )
    return environment
