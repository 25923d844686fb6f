"""Play the demo: real commands in a temporary folder, each shown before it runs."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_datmo.cli.console import Console
from git_datmo.errors import DatmoError

ALEX = {"GIT_AUTHOR_NAME": "Alex", "GIT_AUTHOR_EMAIL": "alex@example.com"}
IGNACIO = {"GIT_AUTHOR_NAME": "Ignacio", "GIT_AUTHOR_EMAIL": "ignacio@example.com"}


@dataclass(frozen=True)
class DemoPerson:
    """Person who runs commands; their output goes to this process's own streams.

    `who` contains the author variables of git.
    """

    who: Mapping[str, str]
    console: Console
    environ: Mapping[str, str]

    def run(self, folder: Path, line: str) -> None:
        """Show and run a command in a folder; raise `DatmoError` if it fails."""
        self.console.print(
            self.console.paint("bold", f"{self.who['GIT_AUTHOR_NAME'].lower()}$ {line}")
        )
        # The command writes to the same stream, without this buffer.
        self.console.out.flush()
        committer = {name.replace("AUTHOR", "COMMITTER"): value for name, value in self.who.items()}
        done = subprocess.run(
            shlex.split(line),
            cwd=folder,
            env={**self.environ, **self.who, **committer},
            check=False,
        )
        if done.returncode:
            raise DatmoError(f"the demo's command failed with exit code {done.returncode}: {line}")


def play(console: Console, *, engine: str, keep: bool) -> int:
    """Play the demo and return 0; raise `DatmoError` if a command fails.

    `engine` is '' for the best available engine. `keep` keeps the temporary folder.
    """
    console.use_colours()
    examples = find_examples()
    engine = engine or choose_engine(console)
    base = Path(tempfile.mkdtemp(prefix="git-datmo-demo-"))
    try:
        _tell(console, examples, engine, base)
    finally:
        if keep:
            console.print()
            console.print(f"The folder is '{base}'.")
        else:
            shutil.rmtree(base, ignore_errors=True)
    return 0


def find_examples() -> Path:
    """Return the folder of the digits example in the installation or the source tree.

    Raises `DatmoError` if neither contains it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "_examples" / "digits", package.parent / "examples" / "digits"):
        if folder.is_dir():
            return folder
    raise DatmoError(
        "this installation has no example", "install git-datmo from its wheel or source"
    )


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


def _environment(console: Console, base: Path) -> dict[str, str]:
    """Return the user's environment with this installation first on PATH.

    Git reads a configuration of the demo's own, so the user's settings do not change the demo.
    """
    config = base / "gitconfig"
    config.write_text(
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow ='
        " always\n[advice]\n\tdetachedHead = false\n"
    )
    scripts = str(Path(sys.executable).parent)
    path = os.pathsep.join([scripts, console.environ.get("PATH", os.defpath)])
    # Inside a hook, git's variables name another repository.
    kept = {name: value for name, value in console.environ.items() if not name.startswith("GIT_")}
    return {**kept, "PATH": path, "GIT_CONFIG_GLOBAL": str(config), "GIT_CONFIG_NOSYSTEM": "1"}


def _tell(console: Console, examples: Path, engine: str, base: Path) -> None:
    """Run all commands of the demo, with an explanation before each step."""
    environ = _environment(console, base)
    alex, ignacio = DemoPerson(ALEX, console, environ), DemoPerson(IGNACIO, console, environ)
    hub, one, two = base / "hub.git", base / "alex", base / "ignacio"
    python = Path(sys.executable).name

    def say(text: str) -> None:
        console.print()
        console.print(console.paint("yellow", f"# {text}"))

    say("Alex has code, data, and a git host: here a bare repository.")
    alex.run(base, f"git init -q --bare {hub}")
    alex.run(base, f"git clone -q {hub} {one}")
    for name in ("train.py", "write_images.py"):
        shutil.copy(examples / name, one)
    shutil.copytree(examples / "contracts", one / "contracts")
    alex.run(one, f"{python} write_images.py data/digits")
    say(
        "The data is stored beside the code, not in it; the run is recorded with all that it needs."
    )
    alex.run(one, "git datmo init")
    alex.run(one, "git datmo add-data data/digits")
    alex.run(one, "git add train.py write_images.py contracts")
    alex.run(one, 'git commit -q -m "Train on the digits"')
    say("Contracts say what the images are and what the classifier needs: each run checks them.")
    alex.run(one, "git datmo contract check")
    alex.run(one, f'git datmo run -m "baseline" -- {python} train.py')
    alex.run(one, "git push -q -u origin main")
    say(
        "Ignacio clones, sees the experiment, gets its data, and reruns it from what the snapshot"
        " names alone."
    )
    ignacio.run(base, f"git clone -q datmo::{hub} {two}")
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
