"""Rename files that a rerun named by the time to the names in the recorded run.

Hydra writes to `outputs/2026-05-01/12-30-05`. TensorBoard writes to `runs/May01_12-30-05_host`, to
a file `events.out.tfevents.1767182400.host.7.0`. These names say only when and on which host the
files were written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Form, Oid, Payload
from git_datmo.objects.stored_folders import read_folder
from git_datmo.objects.tree_nodes import NodeKind
from git_datmo.repository.workspace import Workspace

_TIME = re.compile(
    r"(?:19|20)[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9]"  # a date
    r"|[0-2][0-9][-_:.h][0-5][0-9](?:[-_:.m][0-5][0-9])?"  # a time of day
    r"|(?<![0-9])1[0-9]{9}(?:[0-9]{3})?(?![0-9])"  # seconds or milliseconds since 1970
)
_EVENTS = re.compile(r"(events\.out\.tfevents)\..*")
# A name that SummaryWriter (TensorBoard) chooses: month, day, time, host and comment. Nothing
# separates the comment from the host.
_WRITER = re.compile(r"[A-Z][a-z]{2}[0-3][0-9]_[0-2][0-9]-[0-5][0-9]-[0-5][0-9]_.+")


def is_timed(name: str) -> bool:
    """Return True if a name contains a date, a time of day or a Unix time."""
    return _TIME.search(name) is not None


def shape(name: str) -> str:
    """Return a name without the parts that depend on the time or the host."""
    if _WRITER.fullmatch(name):
        return "writer"
    return _EVENTS.sub(r"\1", re.sub(r"[0-9]+", "#", _EVENTS.sub(r"\1", name)))


def align(ws: Workspace, folder: Path, outputs: Iterable[Payload]) -> None:
    """Rename time-dependent names in `folder` to the recorded names of the same shape.

    Names of a shape are renamed only if as many new names as missing recorded names have it. A
    folder stays unchanged if its recorded tree is not available.
    """
    for output in outputs:
        head, _, name = output.path.rpartition("/")
        with suppress(Incomplete, OSError):
            _align_path(folder, output.path)
            if output.content.form is Form.FOLDER and (folder / head / name).is_dir():
                _align_folder(ws, folder / output.path, output.object)


def _align_path(folder: Path, path: str) -> None:
    """Rename a payload and the folders above it."""
    place = folder
    for name in path.split("/"):
        if is_timed(name) and not (place / name).exists():
            _rename(place, [name], set())
        place /= name


def _align_folder(ws: Workspace, place: Path, tree: Oid) -> None:
    """Rename the entries of a folder, and of its subfolders, to those of the recorded `tree`."""
    recorded = list(_names(ws, tree))
    _rename(place, [name for name, _ in recorded if is_timed(name)], {name for name, _ in recorded})
    for name, below in recorded:
        if below is not None and (place / name).is_dir() and not (place / name).is_symlink():
            _align_folder(ws, place / name, below)


def _names(ws: Workspace, tree: Oid) -> Iterator[tuple[str, Oid | None]]:
    """Yield the entries of a recorded folder, each with its tree; None for a file."""
    for raw, node in read_folder(tree, ws.store.read_tree):
        yield os.fsdecode(raw), node.oid if node.kind is NodeKind.FOLDER else None


def _rename(place: Path, wanted: list[str], recorded: set[str]) -> None:
    """Rename unrecorded entries of a folder to missing recorded names of the same shape.

    Names of a shape are matched in sorted order.
    """
    there = set(os.listdir(place)) if place.is_dir() else set()
    missing = sorted(name for name in wanted if name not in there)
    strange = sorted(name for name in there - recorded if is_timed(name))
    for form in dict.fromkeys(map(shape, missing)):
        old = [name for name in strange if shape(name) == form]
        new = [name for name in missing if shape(name) == form]
        # With unequal numbers, no order tells which name stands for which.
        if len(old) == len(new):
            for before, after in zip(old, new, strict=True):
                (place / before).rename(place / after)
