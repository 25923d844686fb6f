"""Steps that every tool is timed at; a tool without a step returns None."""

from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.contest import Box, Command


class Tool(ABC):
    """A tool that stores data. `leaves_files` is false where `add` turns files into links."""

    name = ""
    package = ""
    leaves_files = True

    @abstractmethod
    def version(self) -> str:
        """Return the installed version; '' if the tool is not installed."""

    def start(self, box: Box) -> None:
        """Make an empty repository, ready to be added to."""
        del box

    @abstractmethod
    def add(self, box: Box) -> Command | None:
        """Store the payload."""

    def unchanged(self, box: Box) -> Command | None:
        """Find that nothing changed since it was stored."""
        return self.add(box)

    def keep(self, box: Box) -> None:
        """Do what the tool needs after `add` before the payload can be restored or shared."""
        del box

    def restore(self, box: Box) -> Command | None:
        """Restore the payload from the store to the working folder."""
        del box
        return None

    def stored(self, box: Box) -> int | None:
        """Return the bytes of the files of the store."""
        del box
        return None

    def collect(self, box: Box) -> None:
        """Store and keep the payload, so that it can be published."""
        command = self.add(box)
        if command is not None:
            box.perform(command)
        self.keep(box)

    def publish(self, box: Box, url: str) -> Command | None:
        """Send what is kept to the empty bare repository at `url`, or to a folder beside it."""
        del box, url
        return None

    def obtain(self, box: Box, url: str) -> Command | None:
        """Bring what was published, files included, into the new folder `box.folder / 'clone'`."""
        del box, url
        return None


def size_of(*folders: Path) -> int:
    """Return the bytes of all files below. Hard links count once, symbolic links not at all."""
    seen = {}
    for folder in folders:
        for top, _, names in os.walk(folder):
            for name in names:
                info = os.lstat(os.path.join(top, name))
                seen[info.st_dev, info.st_ino] = info.st_size
    return sum(seen.values())


def ask_version(argv: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """Return the first line that a command prints; '' if it is missing or fails."""
    if shutil.which(argv[0]) is None:
        return ""
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environ)
    return done.stdout.strip().split("\n")[0] if done.returncode == 0 else ""
