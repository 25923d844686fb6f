"""Commands of each tool to store, send, clone and fetch in shared repositories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from benchmarks.bounds import OURS
from benchmarks.contest import Box, Command
from benchmarks.tools.base import Tool
from benchmarks.tools.gits import Lfs, PlainGit
from benchmarks.tools.ours import Ours
from benchmarks.tools.own_environments import Dvc

# What payloads are called, in every case.
PAYLOADS = ("data", "other", "place", "mixed")


class Sharer(ABC):
    """A tool with a remote at `url`, and `store` where it needs a second place for data ('' for
    none)."""

    def __init__(self, tool: Tool, box: Box, url: str, store: str = "") -> None:
        self.tool, self.box, self.url, self.store = tool, box, url, store

    def begin(self, work: Path) -> None:
        """Make a repository whose first commit has code alone and is on the remote."""
        work.mkdir(exist_ok=True)
        self.box.run("git", "init", "-q", cwd=work)
        self.box.run("git", "remote", "add", "origin", self.url, cwd=work)
        (work / "code.py").write_text("pass\n")
        self.prepare(work)
        self.commit(work, "code")
        self.box.perform(self.push(work))

    @abstractmethod
    def prepare(self, work: Path) -> None:
        """Let a repository or clone be one that holds payload."""

    @abstractmethod
    def take(self, work: Path, *paths: str) -> None:
        """Store payloads as they are."""

    def leave(self, work: Path, path: str) -> None:
        """Give up a payload, whose files are gone."""
        del work, path

    def commit(self, work: Path, message: str) -> None:
        (work / "code.py").write_text(f"{message!r}\n")
        self.box.run("git", "add", "--all", cwd=work)
        self.box.run("git", "commit", "-q", "-m", message, cwd=work)

    def push(self, work: Path, branch: str = "main") -> Command:
        return self.box.command(
            "git", "push", "-q", "origin", f"HEAD:refs/heads/{branch}", cwd=work
        )

    def clone(self, target: Path) -> Command:
        """Return the command for a clone with as little payload as the tool allows."""
        return self.box.command("git", "clone", "-q", "--no-checkout", self.url, str(target))

    @abstractmethod
    def checkout(self, clone: Path) -> Command:
        """Bring all payload into a clone."""

    @abstractmethod
    def one_file(self, clone: Path, path: str) -> Command:
        """Bring one file of a payload into a clone that has none."""

    @abstractmethod
    def update(self, clone: Path) -> Command:
        """Bring a clone, and its payload, to what the remote has by now."""


class SharingOurs(Sharer):
    def prepare(self, work: Path) -> None:
        self.box.run("git", "datmo", "init", cwd=work)

    def take(self, work: Path, *paths: str) -> None:
        self.box.run("git", "datmo", "add-data", *paths, cwd=work)

    def leave(self, work: Path, path: str) -> None:
        self.box.run("git", "datmo", "rm", path, cwd=work)

    def clone(self, target: Path) -> Command:
        return self.box.command("git", "clone", "-q", f"datmo::{self.url}", str(target))

    def checkout(self, clone: Path) -> Command:
        return self.box.command("git", "datmo", "checkout", cwd=clone)

    def one_file(self, clone: Path, path: str) -> Command:
        return self.box.command("git", "datmo", "checkout", "--", path, cwd=clone)

    def update(self, clone: Path) -> Command:
        return self.box.command("git", "pull", "-q", cwd=clone)


class SharingGit(Sharer):
    def prepare(self, work: Path) -> None:
        for key in ("core.compression", "core.looseCompression", "pack.compression"):
            self.box.run("git", "config", "--global", key, "0", cwd=work)

    def take(self, work: Path, *paths: str) -> None:
        self.box.run("git", "add", "--", *paths, cwd=work)

    def checkout(self, clone: Path) -> Command:
        return self.box.command("git", "checkout", "-q", "-f", cwd=clone)

    def one_file(self, clone: Path, path: str) -> Command:
        """Out of a clone of its own: only one without blobs can do with few."""
        line = f"git clone -q --filter=blob:none --no-checkout {self.url} part; git -C part checkout -q HEAD -- {path}"
        return self.box.shell(line, cwd=clone)

    def update(self, clone: Path) -> Command:
        return self.box.command("git", "pull", "-q", cwd=clone)


class SharingLfs(SharingGit):
    def prepare(self, work: Path) -> None:
        self.box.run("git", "lfs", "install", cwd=work)
        lines = (f"{name}/** filter=lfs diff=lfs merge=lfs -text\n" for name in PAYLOADS)
        (work / ".gitattributes").write_text("".join(lines))
        (work / ".lfsconfig").write_text(f"[lfs]\n\turl = {self.store}\n\tlocksverify = false\n")

    def checkout(self, clone: Path) -> Command:
        return self.box.shell("git checkout -q -f; git lfs pull", cwd=clone)

    def one_file(self, clone: Path, path: str) -> Command:
        line = f"GIT_LFS_SKIP_SMUDGE=1 git checkout -q -f; git lfs pull --include {path}"
        return self.box.shell(line, cwd=clone)


class SharingDvc(Sharer):
    @property
    def _dvc(self) -> str:
        assert isinstance(self.tool, Dvc)
        return self.tool.program

    def prepare(self, work: Path) -> None:
        self.box.env["DVC_NO_ANALYTICS"] = "1"
        self.box.env["DVC_SITE_CACHE_DIR"] = str(self.box.folder / "home" / "site")
        if (work / ".dvc").exists():
            return
        self.box.run(self._dvc, "init", "-q", cwd=work)
        settings = (
            ("core.analytics", "false"),
            ("core.check_update", "false"),
            ("core.autostage", "true"),
        )
        for key, value in settings:
            self.box.run(self._dvc, "config", key, value, cwd=work)
        self.box.run(self._dvc, "remote", "add", "-q", "-d", "store", self.store, cwd=work)
        self.box.run(self._dvc, "remote", "modify", "-q", "store", "method", "PUT", cwd=work)

    def take(self, work: Path, *paths: str) -> None:
        self.box.run(self._dvc, "add", "-q", *paths, cwd=work)

    def leave(self, work: Path, path: str) -> None:
        self.box.run(self._dvc, "remove", "-q", f"{path}.dvc", cwd=work)

    def push(self, work: Path, branch: str = "main") -> Command:
        return self.box.shell(
            f"{self._dvc} push -q; git push -q origin HEAD:refs/heads/{branch}", cwd=work
        )

    def clone(self, target: Path) -> Command:
        return self.box.command("git", "clone", "-q", self.url, str(target))

    def checkout(self, clone: Path) -> Command:
        return self.box.command(self._dvc, "pull", "-q", cwd=clone)

    def one_file(self, clone: Path, path: str) -> Command:
        return self.box.command(self._dvc, "pull", "-q", path, cwd=clone)

    def update(self, clone: Path) -> Command:
        return self.box.shell(f"git pull -q; {self._dvc} pull -q", cwd=clone)


SHARERS: dict[str, type[Sharer]] = {
    OURS: SharingOurs,
    PlainGit.name: SharingGit,
    Lfs.name: SharingLfs,
    Dvc.name: SharingDvc,
}


def sharing_tools(environments: Path | None) -> tuple[Tool, ...]:
    return (Ours(), PlainGit(), Lfs(), Dvc(environments))
