"""Make virtual environments, and write distributions into them."""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

from git_datmo.environments.interpreter_probe import (
    Distribution,
    probe,
)
from tests.support.shell import Shell

SERIES = f"python{sys.version_info[0]}.{sys.version_info[1]}"


class Env:
    """Make a virtual environment, and write distributions into it as an installer leaves them."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        self.bin = folder / "bin"
        self.python = str(self.bin / "python")
        self.site = folder / "lib" / SERIES / "site-packages"

    def add(self, name: str, version: str = "1.0", *, metadata: str = "", **files: str) -> Path:
        folder = self.site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        header = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}"
        texts = {"METADATA": header, "INSTALLER": "pip\n", "RECORD": "", **files}
        for file, text in texts.items():
            (folder / file.replace("__", ".")).write_text(text)
        return folder

    def ask(self, **environ: str) -> dict[str, Distribution]:
        found = probe(self.python, {"PATH": os.environ["PATH"], **environ}, cwd=self.site)
        return {d.name: d for d in found.distributions}


def with_packages(repo: Shell, home: Path, *packages: str) -> Shell:
    """Return the shell with an active environment that has these packages, `NAME==VERSION`."""
    venv.create(home, symlinks=True, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    for name, _, version in (package.partition("==") for package in packages):
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    return repo.having(PATH=f"{home}/bin:{repo.env['PATH']}", SEED=str(len(packages)))
