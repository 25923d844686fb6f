"""Use images stored as files, if an environment can no longer be built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, ImageEngine, Output, silent
from git_datmo.engines.image_archive import read_image
from git_datmo.environments.environment_files import Environment, pinned, pinned_alike
from git_datmo.environments.manifest import Manifest
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import BuildFailed, Damaged
from git_datmo.history.record_heads import read_all
from git_datmo.model import Content, Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.captured_environment import read_environment
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import QUIET, Progress
from git_datmo.records.image_record import Image
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import place, require_objects
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.stat_cache_edit import CacheEdit


@dataclass(frozen=True, slots=True)
class WantedImage:
    """A stored environment, and the code that a Dockerfile from the repository may copy."""

    environment: Content
    code: Content | None


def prepare(
    ws: Workspace,
    engine: Engine,
    wanted: WantedImage,
    *,
    folder: Path,
    output: Output = silent,
    progress: Progress = QUIET,
) -> Environment:
    """Prepare an environment: find it, build it, or load a frozen image if the build fails.

    `folder` has the code. If the user asked for a build, no frozen image is used.
    """
    environment = read_environment(ws, wanted.environment)
    try:
        engine.prepare(environment, code=folder, output=output, progress=progress)
    except BuildFailed as failed:
        if not isinstance(engine, ImageEngine) or engine.rebuild:
            raise
        # An image of another platform cannot run here.
        platform = engine.platform()
        frozen = images_of(ws, wanted, read_manifest(environment.files))
        found = next((each for each in frozen if each[1].platform == platform), None)
        if found is None:
            raise
        oid, image = found
        day, who = image.created[:10], image.author.name
        progress.tell(f"{failed.what}; using image {str(oid)[:10]}, which {who} froze on {day}")
        _thaw(ws, engine, environment, oid, image, progress)
    return environment


def pin_bases(
    ws: Workspace, engine: Engine, code: Content, progress: Progress, environment: Environment
) -> Environment:
    """Return an environment found on this machine, with its base images pinned by digest.

    If the engine can no longer get a base image, the digests of a frozen image are used, so that
    `prepare` finds that image. Raises `BuildFailed` if no frozen image matches, or if the user
    asked for a build.
    """
    manifest = read_manifest(environment.files)
    try:
        return pinned(environment, manifest, partial(engine.pin, progress=progress))
    except BuildFailed:
        if not isinstance(engine, ImageEngine) or engine.rebuild:
            raise
        for _, image, of in _frozen(ws):
            if of.environment is not None and (
                manifest.dockerfile == "generated" or of.code == code
            ):
                require_objects(ws, [root_node(of.environment)], image.snapshot, progress)
                frozen = read_environment(ws, of.environment)
                if pinned_alike(environment, manifest, frozen).id == frozen.id:
                    return frozen
        raise


def _thaw(
    ws: Workspace,
    engine: ImageEngine,
    environment: Environment,
    oid: Oid,
    image: Image,
    progress: Progress,
) -> None:
    """Fetch a frozen image and load it into the engine; raise `Damaged` if its digest differs."""
    with scratch_folder(ws, None) as scratch:
        place_frozen(ws, oid, image, scratch / "image", progress)
        engine.load(scratch / "image", environment, progress=progress)


def place_frozen(ws: Workspace, oid: Oid, image: Image, folder: Path, progress: Progress) -> None:
    """Fetch a frozen image, and write its files to `folder`, which must not exist.

    Raises `Damaged` if its digest is not that of the record.
    """
    node = root_node(image.content)
    require_objects(ws, [node], oid, progress, size=image.content.size)
    # Trees can claim to be small, so they are counted before anything is written.
    refuse_false_claims(ws, [claim_of("image", image.content)])
    place(ws, [(folder.name, node)], folder.parent, progress)
    # The record is a claim of its author. Only the digest of the files shows that this is the
    # image.
    if read_image(folder).digest != image.digest:
        raise Damaged(f"image '{oid}' is another than its record says")


def images_of(
    ws: Workspace, wanted: WantedImage, manifest: Manifest
) -> Iterator[tuple[Oid, Image]]:
    """Yield the frozen images of an environment, newest first, of all snapshots that have it."""
    # A Dockerfile of the repository can copy code, so its image belongs to that code alone.
    copies = manifest.dockerfile == "repository"
    for oid, image, of in _frozen(ws):
        if of.environment == wanted.environment and (not copies or of.code == wanted.code):
            yield oid, image


def _frozen(ws: Workspace) -> Iterator[tuple[Oid, Image, Snapshot]]:
    """Yield all frozen images, newest first, each with the snapshot that it was frozen for."""
    for row in reversed(read_all(ws).rows):
        if row.kind == Image.kind:
            oid = Oid.parse(row.record)
            image = ws.ledger.record(oid, checked=True)
            assert isinstance(image, Image)
            of = _snapshot(ws, image.snapshot)
            if of is not None:
                yield oid, image, of


def _snapshot(ws: Workspace, oid: Oid) -> Snapshot | None:
    """Return a snapshot's record; None if it cannot be read, since it may have been dropped."""
    try:
        record = ws.ledger.record(oid)
    except Damaged:
        return None
    return record if isinstance(record, Snapshot) else None


def keep_image(ws: Workspace, folder: Path, progress: Progress) -> tuple[Content, int]:
    """Store an image's files; return the content, and the number of bytes that the store wrote."""
    capturer = Capturer(ws.store, folder.parent, CacheEdit(ws.repo.format), progress)
    with ws.store.writer() as writer:
        content = capturer.whole(folder.name, writer).content
    progress.finish()
    return content, writer.written
