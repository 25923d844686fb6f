"""Plain git, and the two tools that are parts of git: git-lfs and git-annex."""

from __future__ import annotations

from benchmarks.contest import Box, Command
from benchmarks.tools.base import Tool, ask_version, size_of


class PlainGit(Tool):
    """Git with compression off, which is the quickest that it can be at large data."""

    name = "git"
    package = "apt-get install git"

    def version(self) -> str:
        return ask_version(("git", "--version"))

    def start(self, box: Box) -> None:
        box.run("git", "init", "-q")
        for key in ("core.compression", "core.looseCompression", "pack.compression"):
            box.run("git", "config", "--global", key, "0")

    def add(self, box: Box) -> Command:
        return box.command("git", "add", "--", box.payload)

    def unchanged(self, box: Box) -> Command:
        return box.command("git", "status", "--porcelain")

    def keep(self, box: Box) -> None:
        box.run("git", "add", "--all")
        box.run("git", "commit", "-q", "-m", "kept")

    def restore(self, box: Box) -> Command:
        return box.command("git", "checkout", "-q", "HEAD", "--", box.payload)

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".git" / "objects")

    def publish(self, box: Box, url: str) -> Command | None:
        box.run("git", "remote", "add", "origin", url)
        return box.command("git", "push", "-q", "origin", "main")

    def obtain(self, box: Box, url: str) -> Command:
        # A clone of a folder would else share the files of the store instead of copying them.
        return box.command("git", "clone", "-q", "--no-local", url, "clone", cwd=box.folder)


class Lfs(PlainGit):
    name = "git-lfs"
    package = "apt-get install git-lfs"

    def version(self) -> str:
        return ask_version(("git-lfs", "version"))

    def start(self, box: Box) -> None:
        box.run("git", "init", "-q")
        box.run("git", "lfs", "install")
        lines = (
            f"{name} filter=lfs diff=lfs merge=lfs -text\n"
            for name in (box.payload, f"{box.payload}/**")
        )
        (box.work / ".gitattributes").write_text("".join(lines))
        box.run("git", "add", ".gitattributes")

    def unchanged(self, box: Box) -> Command:
        return self.add(box)

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".git" / "lfs", box.work / ".git" / "objects")

    def publish(self, box: Box, url: str) -> Command | None:
        # Without a server of its own, git-lfs can send to a folder, which it takes as a file:// URL
        # alone.
        return super().publish(box, f"file://{url}") if url.startswith("/") else None

    def obtain(self, box: Box, url: str) -> Command:
        return super().obtain(box, f"file://{url}")


class Annex(Tool):
    """Its `add` moves a file into the store and leaves a link, so that it writes nothing."""

    name = "git-annex"
    package = "apt-get install git-annex"
    leaves_files = False

    def version(self) -> str:
        return ask_version(("git-annex", "version", "--raw"))

    def start(self, box: Box) -> None:
        box.run("git", "init", "-q")
        box.run("git", "annex", "init", "-q", "here")

    def add(self, box: Box) -> Command:
        return box.command("git", "annex", "add", "-q", box.payload)

    def keep(self, box: Box) -> None:
        box.run("git", "commit", "-q", "-m", "kept")

    def stored(self, box: Box) -> int:
        return size_of(box.work / ".git" / "annex", box.work / ".git" / "objects")

    def publish(self, box: Box, url: str) -> Command | None:
        if not url.startswith("/"):
            return None
        box.run("git", "annex", "init", "-q", "hub", cwd=box.side / "hub.git")
        box.run("git", "remote", "add", "origin", url)
        return box.command("git", "annex", "sync", "-q", "--content", "origin")

    def obtain(self, box: Box, url: str) -> Command:
        return box.shell(f"git clone -q {url} clone; cd clone; git annex get -q .", cwd=box.folder)
