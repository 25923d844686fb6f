"""Give folders and files that a rerun named by the time the names that the recorded run gave them.

Hydra writes to `outputs/2026-05-01/12-30-05`, TensorBoard to `runs/May01_12-30-05_host` and there
to `events.out.tfevents.1767182400.host.7.0`: the names say when and where they were written, and
nothing else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from git_datmo.errors import Incomplete
from git_datmo.model import Form, Oid, Payload
from git_datmo.objects.layout import NodeKind, read_folder
from git_datmo.repository.workspace import Workspace

_TIME = re.compile(
    r"(?:19|20)[0-9]{2}[-_.]?[01][0-9][-_.]?[0-3][0-9]"  # a date
    r"|[0-2][0-9][-_:.h][0-5][0-9](?:[-_:.m][0-5][0-9])?"  # a time of day
    r"|(?<![0-9])1[0-9]{9}(?:[0-9]{3})?(?![0-9])"  # seconds or milliseconds since 1970
)
_EVENTS = re.compile(r"(events\.out\.tfevents)\..*")
# The folder that a SummaryWriter chooses: month, day, time, host, and a comment that nothing sets
# apart from the host.
_WRITER = re.compile(r"[A-Z][a-z]{2}[0-3][0-9]_[0-2][0-9]-[0-5][0-9]-[0-5][0-9]_.+")


def is_timed(name: str) -> bool:
    """Return True for a name that says when it was given."""
    return _TIME.search(name) is not None


def shape(name: str) -> str:
    """Return a name without what changes in it from time to time, and from host to host."""
    if _WRITER.fullmatch(name):
        return "writer"
    return _EVENTS.sub(r"\1", re.sub(r"[0-9]+", "#", _EVENTS.sub(r"\1", name)))


def align(ws: Workspace, folder: Path, outputs: Iterable[Payload]) -> None:
    """Rename what a rerun in `folder` named by the time, where just one recorded name is like
    it."""
    for output in outputs:
        head, _, name = output.path.rpartition("/")
        with suppress(Incomplete, OSError):
            _align_path(folder, output.path)
            if output.content.form is Form.FOLDER and (folder / head / name).is_dir():
                _align_folder(ws, folder / output.path, output.object)


def _align_path(folder: Path, path: str) -> None:
    """Rename the folders above a payload, and itself."""
    place = folder
    for name in path.split("/"):
        if is_timed(name) and not (place / name).exists():
            _rename(place, [name], set())
        place /= name


def _align_folder(ws: Workspace, place: Path, tree: Oid) -> None:
    recorded = list(_names(ws, tree))
    _rename(place, [name for name, _ in recorded if is_timed(name)], {name for name, _ in recorded})
    for name, below in recorded:
        if below is not None and (place / name).is_dir() and not (place / name).is_symlink():
            _align_folder(ws, place / name, below)


def _names(ws: Workspace, tree: Oid) -> Iterator[tuple[str, Oid | None]]:
    """Yield what a recorded folder has, each with its tree where it is a folder."""
    for raw, node in read_folder(tree, ws.store.read_tree):
        yield os.fsdecode(raw), node.oid if node.kind is NodeKind.FOLDER else None


def _rename(place: Path, wanted: list[str], recorded: set[str]) -> None:
    """Rename what is in `place`, and was not recorded, to the missing names of `wanted` that are
    like it, in order."""
    there = set(os.listdir(place)) if place.is_dir() else set()
    missing = sorted(name for name in wanted if name not in there)
    strange = sorted(name for name in there - recorded if is_timed(name))
    for form in dict.fromkeys(map(shape, missing)):
        old = [name for name in strange if shape(name) == form]
        new = [name for name in missing if shape(name) == form]
        if len(old) == len(new):
            for before, after in zip(old, new, strict=True):
                (place / before).rename(place / after)
