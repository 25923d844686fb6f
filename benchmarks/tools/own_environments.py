"""Tools that come as Python packages and live in virtual environments of their own, below a folder
that is given."""

from __future__ import annotations

from pathlib import Path

from benchmarks.contest import Box, Command
from benchmarks.tools.base import Tool, ask_version, size_of

OXEN_COMMAND = Path(__file__).with_name("oxen_command.py")


class Dvc(Tool):
    name = "DVC"
    package = "python3 -m venv FOLDER/dvc && FOLDER/dvc/bin/pip install dvc"

    def __init__(self, environments: Path | None) -> None:
        self.program = str(environments / "dvc" / "bin" / "dvc") if environments else "dvc"

    def version(self) -> str:
        return ask_version((self.program, "--version"))

    def start(self, box: Box) -> None:
        box.env["DVC_NO_ANALYTICS"] = "1"
        box.env["DVC_SITE_CACHE_DIR"] = str(box.folder / "home" / "site")
        box.run("git", "init", "-q")
        box.run(self.program, "init", "-q")
        for key in ("core.analytics", "core.check_update"):
            box.run(self.program, "config", key, "false")

    def add(self, box: Box) -> Command:
        return box.command(self.program, "add", "-q", box.payload)

    def keep(self, box: Box) -> None:
        box.run("git", "add", f"{box.payload}.dvc", ".dvc", ".gitignore")
        box.run("git", "commit", "-q", "-m", "kept")

    def restore(self, box: Box) -> Command:
        return box.command(self.program, "checkout", "-q", f"{box.payload}.dvc")

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".dvc" / "cache")

    def publish(self, box: Box, url: str) -> Command | None:
        if not url.startswith("/"):
            return None
        box.run(self.program, "remote", "add", "-q", "-d", "folder", str(box.side / "remote"))
        box.run("git", "commit", "-q", "-a", "-m", "remote")
        box.run("git", "remote", "add", "origin", url)
        return box.shell(f"{self.program} push -q; git push -q origin main")

    def obtain(self, box: Box, url: str) -> Command:
        return box.shell(
            f"git clone -q {url} clone; cd clone; {self.program} pull -q", cwd=box.folder
        )


class Oxen(Tool):
    """Its Python package has no command, so a small script of ours calls it."""

    name = "oxen"
    package = "python3 -m venv FOLDER/oxen && FOLDER/oxen/bin/pip install oxenai"

    def __init__(self, environments: Path | None) -> None:
        self.python = str(environments / "oxen" / "bin" / "python") if environments else ""

    def version(self) -> str:
        return ask_version((self.python, str(OXEN_COMMAND), "version")) if self.python else ""

    def start(self, box: Box) -> None:
        self._do(box, "init")

    def _do(self, box: Box, *words: str) -> None:
        box.run(self.python, str(OXEN_COMMAND), *words)

    def add(self, box: Box) -> Command:
        return box.command(self.python, str(OXEN_COMMAND), "add", box.payload)

    def keep(self, box: Box) -> None:
        self._do(box, "commit")

    def restore(self, box: Box) -> Command:
        return box.command(self.python, str(OXEN_COMMAND), "restore", box.payload)

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".oxen")
