"""Measure and remove files beside the store: environments, images, reruns, caches, damaged files.

All of them but damaged files can be made again. Environments and images are recognized by the ids
of environments in this repository's snapshots. Images of other repositories are left alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from git_datmo.errors import Damaged, EngineMissing, Incomplete
from git_datmo.git.command import Git
from git_datmo.model import Content, Oid
from git_datmo.objects.damaged_files import ASIDE
from git_datmo.records.catalog import Catalog
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.live_roots import dropped_keepers
from git_datmo.repository.workspace import Workspace

# A built environment is named by this many characters of its id.
SHORT = 20
# Caches that are made again: rendered logs, patch ids, the catalog, pack indexes, trailers and the
# answers of interpreters.
CACHES = ("told", "patches", "catalog", "places", "trailers", "probes")


@dataclass(frozen=True, slots=True)
class Built:
    """A built environment: a virtual environment in a folder, or an image of a container engine."""

    id: str
    size: int
    needed: bool


@dataclass(frozen=True, slots=True)
class Beside:
    """Disk use beside the store in bytes; `images` is None if no container engine answers."""

    environments: tuple[Built, ...]
    images: tuple[Built, ...] | None
    workspaces: int
    caches: int
    damaged: int


@dataclass(slots=True)
class _Environments:
    """Ids of environments; `complete` is False if the store does not have that of some snapshot."""

    living: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    complete: bool = True


def measure_beside(ws: Workspace, catalog: Catalog, living: Iterable[Record]) -> Beside:
    """Measure the files beside the store, and ask the container engine for images."""
    known = _environments(ws, catalog, living)
    aside = ws.store.path / ASIDE
    return Beside(
        _virtual(ws.shared_state, known),
        _images(ws.environ, known),
        size_on_disk([ws.shared_state / "scratch"]),
        size_on_disk([ws.shared_state / name for name in CACHES]),
        size_on_disk([aside]),
    )


def _virtual(shared_state: Path, known: _Environments) -> tuple[Built, ...]:
    folders = sorted(path for path in (shared_state / "environments").glob("*") if path.is_dir())
    needed = {identity[:SHORT] for identity in known.living}
    return tuple(
        # If an environment cannot be read, each folder may be that of the environment.
        Built(path.name, size_on_disk([path]), path.name in needed or not known.complete)
        for path in folders
    )


def _images(environ: Mapping[str, str], known: _Environments) -> tuple[Built, ...] | None:
    from git_datmo.engines.built_images import list_built

    try:
        found = list_built(environ, known.living | known.dropped)
    except EngineMissing:
        return None
    return tuple(
        Built(image.environment, image.size, image.environment in known.living) for image in found
    )


def _environments(ws: Workspace, catalog: Catalog, living: Iterable[Record]) -> _Environments:
    known = _Environments()
    for content in _contents(living):
        identity = _identity(ws, content)
        known.living.update(identity)
        known.complete = known.complete and bool(identity)
    for content in _contents(keeper for _, keeper in dropped_keepers(ws, catalog)):
        known.dropped.update(_identity(ws, content))
    # A snapshot that was not dropped can have the same environment.
    known.dropped -= known.living
    return known


def _contents(keepers: Iterable[Record]) -> Iterable[Content]:
    """Return the environments of snapshots, each once."""
    found: dict[Oid, Content] = {}
    for keeper in keepers:
        if isinstance(keeper, Snapshot) and keeper.environment is not None:
            found[keeper.environment.object] = keeper.environment
    return found.values()


def _identity(ws: Workspace, content: Content) -> set[str]:
    """Return the id of a stored environment; nothing if the store does not have it."""
    from git_datmo.payloads.captured_environment import read_environment

    try:
        return {read_environment(ws, content).id}
    except (Incomplete, Damaged):
        return set()


def size_on_disk(paths: Iterable[Path]) -> int:
    """Return the bytes that files below some folders use; a hard-linked file counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in paths:
        names = (os.path.join(base, name) for base, _, found in os.walk(path) for name in found)
        for name in [str(path)] if path.is_file() else names:
            try:
                info = os.lstat(name)
            except FileNotFoundError:
                continue
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                # The unit is 512 bytes on every file system (stat(2)).
                total += info.st_blocks * 512
    return total


@dataclass(frozen=True, slots=True)
class Removed:
    """Environments, images and rerun folders that were removed, or would be, and their bytes."""

    environments: int
    images: int
    workspaces: int
    size: int


def remove_beside(
    ws: Workspace, catalog: Catalog, living: Iterable[Record], *, caches: bool, dry_run: bool
) -> Removed:
    """Remove files that no snapshot needs; with `caches`, also all that can be made again.

    The caller holds the store alone, so no rerun is running.
    """
    known = _environments(ws, catalog, living)
    virtual = [built for built in _virtual(ws.shared_state, known) if caches or not built.needed]
    scratch = sorted((ws.shared_state / "scratch").glob("rerun-*"))
    folders = [ws.shared_state / "environments" / built.id for built in virtual]
    folders += [*scratch, *(ws.shared_state / name for name in CACHES if caches)]
    # Measured before anything is removed.
    size, workspaces = size_on_disk(folders), sum(path.is_dir() for path in scratch)
    images = known.dropped | (known.living if caches else set())
    if not dry_run:
        _remove(ws.repo.git, folders)
    removed, bytes_of_images = _remove_images(ws.environ, images, dry_run=dry_run)
    return Removed(len(virtual), removed, workspaces, size + bytes_of_images)


def _remove(git: Git, folders: Iterable[Path]) -> None:
    for path in folders:
        # Git has a record of the working trees that reruns made.
        for tree in path.glob("*/.git"):
            # A locked working tree needs the option twice (git-worktree).
            git.finish("worktree", "remove", "--force", "--force", "--", str(tree.parent))
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _remove_images(
    environ: Mapping[str, str], environments: set[str], *, dry_run: bool
) -> tuple[int, int]:
    from git_datmo.engines.built_images import list_built, remove_built

    if not environments:
        return 0, 0
    try:
        found = list_built(environ, environments)
        found = found if dry_run else remove_built(environ, found)
    except EngineMissing:
        return 0, 0
    return len(found), sum(image.size for image in found)
