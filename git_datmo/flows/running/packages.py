"""Packages that were installed from this machine's own folders and files, packed to travel with the environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from git_datmo.engines.manifest import is_of_this_machine
from git_datmo.engines.probe import Distribution, normalise
from git_datmo.engines.repack import SIZE_LIMIT, NotPackable, packed_source, packed_wheel, source_files
from git_datmo.errors import GitFailed
from git_datmo.flows.workspace import Workspace
from git_datmo.git.run import Git

Packed = dict[str, tuple[str, bytes]]


def pack_local(ws: Workspace, kept: Iterable[Distribution]) -> tuple[Packed, tuple[str, ...]]:
    """A file, with its name, for each package that no other machine could get; and why some have none."""
    packed: Packed = {}
    remarks = []
    room = SIZE_LIMIT
    for found in kept:
        if not is_of_this_machine(found, ws.root.resolve()):
            continue
        name = normalise(found.name)
        try:
            packed[name] = _pack(ws, found, name, room)
        except NotPackable as error:
            remarks.append(f"'{name}' is installed from this machine alone, and no other can rebuild it: {error.what}")
        else:
            room -= len(packed[name][1])
    return packed, tuple(remarks)


def _pack(ws: Workspace, found: Distribution, name: str, room: int) -> tuple[str, bytes]:
    origin = found.origin
    if origin is not None and origin.editable:
        folder = Path(origin.folder)
        return f"{name}.tar", packed_source(name, found.version, folder, _listed(ws, folder), limit=room)
    return packed_wheel(Path(found.metadata), limit=room)


def _listed(ws: Workspace, folder: Path) -> Iterator[str]:
    """The files of a folder that its own git repository would keep, or where it has none, all that nobody made."""
    try:
        listed = Git(ws.environ).run("ls-files", "-z", "-c", "-o", "--exclude-standard", cwd=folder)
    except (GitFailed, OSError):
        listed = b""
    paths = [path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0")[:-1]]
    yield from (path for path in paths if (folder / path).is_file())
    if not paths:
        yield from source_files(folder)
