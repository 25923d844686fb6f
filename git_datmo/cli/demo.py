"""Play the demo: share an experiment, rerun it, add data, and share it back."""

from __future__ import annotations

import shlex
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from git_datmo.cli.console import Console
from git_datmo.cli.demo_stage import Stage, find_example, open_stage
from git_datmo.errors import UsageError


def play(console: Console, *, folder: str, engine: str, keep: bool) -> int:
    """Play the demo and return 0; raise `DatmoError` if a command fails.

    `folder` is '' for a temporary folder, which `keep` keeps. `engine` is '' for the best engine
    that responds. Raises `UsageError` if the packages of the example are missing.
    """
    if find_spec("sklearn") is None or find_spec("PIL") is None:
        raise UsageError(
            "the demo needs the packages scikit-learn and pillow", "pip install 'git-datmo[demo]'"
        )
    example = find_example("digits")
    with open_stage(console, folder, keep=keep) as stage:
        _tell(stage, example, engine or choose_engine(console))
    return 0


def choose_engine(console: Console) -> str:
    """Return `docker` if a container engine answers, else `venv`; print the choice."""
    from git_datmo.engines.engine_registry import DEFAULT, EngineOptions, make_engine
    from git_datmo.errors import EngineMissing

    try:
        engine = make_engine(DEFAULT, EngineOptions(Path(tempfile.gettempdir()), console.environ))
        engine.check()
        engine.close()
    except EngineMissing as error:
        console.print(
            f"No container engine answers ({error.what}): the demo reproduces in a virtual"
            " environment."
        )
        return "venv"
    console.print("A container engine answers: the demo reproduces in a container.")
    return "docker"


def _tell(stage: Stage, example: Path, engine: str) -> None:
    """Run all commands of the demo, with an explanation before each step."""
    alex, ignacio = stage.person("Alex"), stage.person("Ignacio")
    base, say = stage.base, stage.say
    hub, one, two = base / "hub.git", base / "alex", base / "ignacio"
    python = Path(sys.executable).name

    say("Alex has code, data, and a git host: here a bare repository.")
    alex.run(base, f"git init -q --bare {shlex.quote(str(hub))}")
    alex.run(base, f"git clone -q {shlex.quote(str(hub))} {shlex.quote(str(one))}")
    for name in ("train.py", "write_images.py"):
        shutil.copy(example / name, one)
    shutil.copytree(example / "contracts", one / "contracts")
    alex.run(one, f"{python} write_images.py data/digits")
    say(
        "The data is stored beside the code, not in it; the run is recorded with all that it needs."
    )
    alex.run(one, "git datmo init")
    alex.run(one, "git datmo add-data data/digits")
    alex.run(one, "git add train.py write_images.py contracts")
    alex.run(one, 'git commit -q -m "Train on the digits"')
    say("Contracts describe the images and the needs of the classifier: each run checks them.")
    alex.run(one, "git datmo contract check")
    alex.run(one, f'git datmo run -m "baseline" -- {python} train.py')
    alex.run(one, "git push -q -u origin main")
    say(
        "Ignacio clones, sees the experiment, gets its data, and reruns it from what the snapshot"
        " names alone."
    )
    ignacio.run(base, f"git clone -q {shlex.quote(f'datmo::{hub}')} {shlex.quote(str(two))}")
    ignacio.run(two, "git datmo log -n 1")
    ignacio.run(two, "git datmo checkout")
    ignacio.run(two, f"git datmo reproduce HEAD --trust --engine {engine}")
    say("He adds 200 images, trains again, and pushes: only the new chunks travel.")
    ignacio.run(two, f"{python} write_images.py data/digits --first 1797 --count 200 --shift 1")
    ignacio.run(two, 'git datmo commit -q -m "Add 200 shifted digits"')
    ignacio.run(
        two,
        f'git datmo run -m "with shifted digits" --why "shifts are common in scans" -- {python}'
        " train.py",
    )
    ignacio.run(two, "git push -q")
    say("Alex pulls: the data follow the code, there and back.")
    alex.run(one, "git pull -q")
    alex.run(one, "git datmo log")
    alex.run(one, "git checkout -q HEAD~1")
    alex.run(one, "cat metrics.json")
    alex.run(one, "git checkout -q main")
    alex.run(one, "cat metrics.json")
