"""A bare repository for one command, which sees the objects of another repository.

Git's work in it changes nothing in the other one: no ref, no `shallow` file, no promisor pack.
"""

from __future__ import annotations

import os
import shutil
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo.git.command import Git
from git_datmo.git.object_database import loose_path
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import FORMATS, ObjectFormat, Oid

PREFIX = "scratch-"
# Seconds after which the folder of a killed command is removed.
OLD = 86_400


@dataclass(frozen=True, slots=True)
class Scratch:
    """A scratch repository; `objects` are those written to it, without those that it sees."""

    git: Git
    path: Path
    objects: PackedObjects

    def write(self, kind: str, content: bytes) -> Oid:
        """Write one small object, which need not survive a crash."""
        oid = self.objects.format.hash(kind, content)
        path = loose_path(self.path / "objects", oid)
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(zlib.compress(b"%s %d\0" % (kind.encode(), len(content)) + content, 1))
        return oid

    def replace(self, absent: Iterable[Oid], stand_in: Oid) -> None:
        """Let git read the commit `stand_in` for each missing commit of `absent` (git-replace).

        Git reads commits that it will never send, to see whether a push moves a ref forward.
        """
        # One file is written instead of a file for each ref. Earlier replacements stay in it.
        path, refs = self.path / "packed-refs", dict.fromkeys(absent, stand_in)
        for line in path.read_text().splitlines() if path.exists() else ():
            refs[Oid.parse(line.rpartition("/")[2])] = stand_in
        # Git would read the replacement even of a commit that exists.
        lines = [f"{stand_in} refs/replace/{oid}\n" for oid in sorted(refs) if not self._has(oid)]
        path.write_text("".join(lines))

    def _has(self, oid: Oid) -> bool:
        return loose_path(self.path / "objects", oid).exists()


@contextmanager
def open_scratch(
    git: Git, beside: Path, form: ObjectFormat, settings: Mapping[str, str]
) -> Iterator[Scratch]:
    """Make a repository next to `beside` that sees its objects; remove it when the block ends."""
    import tempfile

    _sweep(beside.parent)
    path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside.parent))
    try:
        for folder in ("objects/info", "objects/pack", "refs"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text("ref: refs/heads/main\n")
        (path / "config").write_text(_configuration(form, settings))
        # A relative path needs no quoting (gitrepository-layout, objects/info/alternates).
        (path / "objects/info/alternates").write_text(f"../../{beside.name}/objects\n")
        objects = PackedObjects(path / "objects", form)
        try:
            yield Scratch(Git(git.environ, path), path, objects)
        finally:
            objects.close()
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _configuration(form: ObjectFormat, settings: Mapping[str, str]) -> str:
    is_default = form is FORMATS["sha1"]
    # Git heeds `objectFormat` only in a repository of version 1 (gitrepository-layout).
    lines = ["[core]", f"\trepositoryFormatVersion = {0 if is_default else 1}", "\tbare = true"]
    lines += [] if is_default else ["[extensions]", f"\tobjectFormat = {form.name}"]
    for key, value in settings.items():
        section, _, name = key.partition(".")
        lines += [f"[{section}]", f"\t{name} = {value}"]
    return "\n".join([*lines, ""])


def _sweep(folder: Path) -> None:
    """Remove the folders of commands that were killed long ago."""
    for name in os.listdir(folder):
        if name.startswith(PREFIX):
            with suppress(OSError):
                # No lock says whether a command still uses its folder, so only its age decides.
                if os.stat(folder / name).st_mtime < time.time() - OLD:
                    shutil.rmtree(folder / name, ignore_errors=True)
