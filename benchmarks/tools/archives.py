"""Backup programs, whose repository is a folder, and a copy by `cp`."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path

from benchmarks.contest import Box, Command
from benchmarks.tools.base import Tool, ask_version, size_of


class Copy(Tool):
    name = "cp"
    package = "coreutils"

    def version(self) -> str:
        return ask_version(("cp", "--version"))

    def add(self, box: Box) -> Command:
        return box.command("cp", "-r", str(box.data), str(box.side / "copy"))

    def unchanged(self, box: Box) -> None:
        del box

    def restore(self, box: Box) -> Command:
        return box.command("cp", "-r", str(box.side / "copy"), str(box.data))


class _Archive(Tool):
    """One whose repository is the target itself: to add is to publish."""

    def stored(self, box: Box) -> int:
        return size_of(box.side / "repository")

    def collect(self, box: Box) -> None:
        del box

    def publish(self, box: Box, url: str) -> Command | None:
        return self.add(box) if url.startswith("/") else None

    def obtain(self, box: Box, url: str) -> Command | None:
        del url
        clone = box.folder / "clone"
        clone.mkdir()
        return self.restore_to(box, clone)

    def restore(self, box: Box) -> Command:
        return self.restore_to(box, box.work)

    @abstractmethod
    def restore_to(self, box: Box, folder: Path) -> Command:
        """Bring the payload back into `folder`."""


class Borg(_Archive):
    package = "apt-get install borgbackup"

    def __init__(self, compression: str) -> None:
        self.compression = compression
        self.name = "borg" if compression == "lz4" else f"borg -C {compression}"

    def version(self) -> str:
        return ask_version(("borg", "--version"))

    def start(self, box: Box) -> None:
        box.env["BORG_REPO"] = str(box.side / "repository")
        box.env["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes"
        box.run("borg", "init", "-e", "none")

    def add(self, box: Box) -> Command:
        box.taken += 1
        return box.command(
            "borg", "create", "-C", self.compression, f"::take-{box.taken}", box.payload
        )

    def restore_to(self, box: Box, folder: Path) -> Command:
        return box.command("borg", "extract", f"::take-{box.taken}", cwd=folder)


class Restic(_Archive):
    name = "restic"
    package = "apt-get install restic"

    def version(self) -> str:
        return ask_version(("restic", "version"))

    def start(self, box: Box) -> None:
        box.env["RESTIC_REPOSITORY"] = str(box.side / "repository")
        box.env["RESTIC_PASSWORD"] = "benchmark"
        # Only the second version of its format compresses.
        box.run("restic", "init", "-q", "--repository-version", "2")

    def add(self, box: Box) -> Command:
        return box.command("restic", "backup", "-q", box.payload)

    def restore_to(self, box: Box, folder: Path) -> Command:
        return box.command("restic", "restore", "-q", "latest", "--target", str(folder))


class Bup(_Archive):
    name = "bup"
    package = "apt-get install bup"

    def version(self) -> str:
        return ask_version(("bup", "--version"))

    def start(self, box: Box) -> None:
        box.env["BUP_DIR"] = str(box.side / "repository")
        box.run("bup", "init")

    def add(self, box: Box) -> Command:
        return box.shell(f"bup index -u {box.payload}; bup save -q -n data {box.payload}")

    def restore_to(self, box: Box, folder: Path) -> Command:
        return box.command("bup", "restore", "-q", "-C", str(folder), f"/data/latest{box.data}")
