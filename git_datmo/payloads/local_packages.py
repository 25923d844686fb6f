"""Pack packages that were installed from local folders and files, to go with the environment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from git_datmo.environments.interpreter_probe import Distribution, normalise
from git_datmo.environments.package_archive import (
    SIZE_LIMIT,
    NotPackable,
    packed_source,
    packed_wheel,
    source_files,
)
from git_datmo.environments.probed_environment import is_of_this_machine
from git_datmo.errors import GitFailed
from git_datmo.git.command import Git
from git_datmo.repository.workspace import Workspace

Packed = dict[str, tuple[str, bytes]]


def pack_local(ws: Workspace, kept: Iterable[Distribution]) -> tuple[Packed, tuple[str, ...]]:
    """Return a named file for each package that no other machine can get, and why some have
    none."""
    packed: Packed = {}
    remarks = []
    # All packages share the limit of an archive, since they are stored together.
    room = SIZE_LIMIT
    for found in kept:
        if not is_of_this_machine(found, ws.root.resolve()):
            continue
        name = normalise(found.name)
        try:
            packed[name] = _pack(ws.environ, found, name, room)
        except NotPackable as error:
            remarks.append(
                f"'{name}' is installed from this machine alone, and no other can rebuild it:"
                f" {error.what}"
            )
        else:
            room -= len(packed[name][1])
    return packed, tuple(remarks)


def _pack(
    environ: Mapping[str, str], found: Distribution, name: str, room: int
) -> tuple[str, bytes]:
    origin = found.origin
    if origin is not None and origin.editable:
        folder = Path(origin.folder)
        return f"{name}.tar", packed_source(
            name, found.version, folder, _listed(environ, folder), limit=room
        )
    return packed_wheel(Path(found.metadata), limit=room)


def _listed(environ: Mapping[str, str], folder: Path) -> Iterator[str]:
    """Yield the files of a folder that its git repository tracks; without one, all but generated
    files."""
    try:
        listed = Git(environ).run("ls-files", "-z", "-c", "-o", "--exclude-standard", cwd=folder)
    except (GitFailed, OSError):
        listed = b""
    paths = [path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0")[:-1]]
    # `ls-files` also lists files that were deleted without telling git.
    yield from (path for path in paths if (folder / path).is_file())
    if not paths:
        yield from source_files(folder)
