"""git-datmo itself, as it is installed beside the interpreter that runs the benchmark."""

from __future__ import annotations

from benchmarks.bounds import OURS
from benchmarks.contest import Box, Command
from benchmarks.tools.base import Tool, size_of
from git_datmo import __version__


class Ours(Tool):
    name = OURS
    package = "pip install -e ."

    def version(self) -> str:
        return __version__

    def start(self, box: Box) -> None:
        box.run("git", "init", "-q")
        (box.work / "code.py").write_text("pass\n")
        box.run("git", "add", "code.py")
        box.run("git", "commit", "-q", "-m", "code")
        box.run("git", "datmo", "init")

    def add(self, box: Box) -> Command:
        return box.command("git", "datmo", "add-data", box.payload)

    def keep(self, box: Box) -> None:
        box.run("git", "datmo", "snapshot", "-m", "kept")

    def restore(self, box: Box) -> Command:
        return box.command("git", "datmo", "checkout")

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".git" / "datmo" / "store.git")

    def publish(self, box: Box, url: str) -> Command:
        box.run("git", "remote", "add", "origin", url)
        return box.command("git", "push", "-q", "origin", "main")

    def obtain(self, box: Box, url: str) -> Command:
        line = f"git clone -q datmo::{url} clone; cd clone; git datmo checkout"
        return box.shell(line, cwd=box.folder)
