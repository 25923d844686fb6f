"""Store the curves of a run, and read them from the store without reading all of a long curve."""

from __future__ import annotations

import os
import shutil
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from git_datmo.curves.curve_points import Points
from git_datmo.curves.curve_reader import Read, bytes_reader
from git_datmo.curves.curve_writer import find_bounds, write_curve
from git_datmo.errors import Damaged
from git_datmo.model import Content, Oid
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.store import Store, StoreWriter
from git_datmo.objects.stored_folders import find_name
from git_datmo.progress import QUIET
from git_datmo.records.snapshot_record import Curve, Snapshot
from git_datmo.repository.workspace import Workspace
from git_datmo.worktree.path_capture import Capturer

StoreCurves = Callable[
    [Mapping[str, Points], Mapping[str, str]], tuple[Content | None, dict[str, Curve]]
]


def store_curves(
    ws: Workspace, curves: Mapping[str, Points], goals: Mapping[str, str]
) -> tuple[Content | None, dict[str, Curve]]:
    """Store curves by the names of their metrics.

    Return the folder for the run's `series`, and the record's `curves`. A metric with at most one
    value has no curve; without any curve the folder is None. `goals` tells `min` or `max` of
    metrics for which it is known which values are better.
    """
    with storing_curves(ws) as store:
        return store(curves, goals)


@contextmanager
def storing_curves(ws: Workspace) -> Iterator[StoreCurves]:
    """Give a function that does as `store_curves`, for many runs at once.

    What it stores is there when the block has ended, and all in one pack.
    """
    with ExitStack() as stack:
        opened = list[_Opened]()

        def store(
            curves: Mapping[str, Points], goals: Mapping[str, str]
        ) -> tuple[Content | None, dict[str, Curve]]:
            names = sorted(name for name, points in curves.items() if len(points) > 1)
            if not names:
                return None, {}
            if not opened:
                opened.append(_open(ws, stack))
            return opened[0].add({name: curves[name] for name in names}, goals)

        yield store


@dataclass(slots=True)
class _Opened:
    """An open pack of the store, and a folder for the files on their way into it."""

    scratch: Path
    capturer: Capturer
    writer: StoreWriter
    count: int = 0

    def add(
        self, curves: Mapping[str, Points], goals: Mapping[str, str]
    ) -> tuple[Content, dict[str, Curve]]:
        """Store the curves of one run, which are in the order of their names."""
        folder = self.scratch / f"series{self.count}"
        self.count += 1
        folder.mkdir()
        made = dict[str, Curve]()
        for number, (name, points) in enumerate(curves.items()):
            # A number, since the name of a metric can contain slashes.
            (folder / str(number)).write_bytes(write_curve(name, points))
            bounds = find_bounds(points.values)
            made[name] = Curve(str(number), len(points), *bounds, goals.get(name, ""))
        content = self.capturer.whole(folder.name, self.writer).content
        shutil.rmtree(folder)
        return content, made


def _open(ws: Workspace, stack: ExitStack) -> _Opened:
    """Open a pack and a folder until `stack` ends."""
    folder = tempfile.TemporaryDirectory(prefix="git-datmo-series-", dir=ws.state)
    scratch = Path(stack.enter_context(folder))
    capturer = Capturer(ws.store, scratch, ws.cache.edit(), QUIET)
    return _Opened(scratch, capturer, stack.enter_context(ws.store.writer()))


def store_folder(ws: Workspace, folder: Path) -> Content:
    """Store a folder outside the working tree, and return its content."""
    capturer = Capturer(ws.store, folder.parent, ws.cache.edit(), QUIET)
    with ws.store.writer() as writer:
        return capturer.whole(folder.name, writer).content


def find_curve(store: Store, snapshot: Snapshot, name: str) -> Read | None:
    """Return a function that reads the file of the metric `name`; None if it has no curve.

    Raises as `open_curve` does.
    """
    curve, run = snapshot.curves.get(name), snapshot.run
    if curve is None or run is None or run.series is None:
        return None
    return open_curve(store, run.series, curve)


def open_curve(store: Store, series: Content, curve: Curve) -> Read:
    """Return a function that reads the file of a curve in the folder `series`.

    Raises `Damaged` if the folder has no such file, and `Incomplete` if an object is missing.
    """
    return open_curve_file(store, series, curve.file)


def open_curve_file(store: Store, series: Content, file: str) -> Read:
    """Return a function that reads the file named `file` in the folder `series`, as
    `open_curve`."""
    node = find_name(series.object, os.fsencode(file), store.read_tree)
    if node is None:
        raise Damaged(f"the file '{file}' is missing from the curves of a run")
    if not node.chunked:
        return bytes_reader(store.read(node.oid, "blob"))
    return _chunks_reader(store, list(read_chunks(node.oid, store.read_tree)))


def _chunks_reader(store: Store, chunks: list[Oid]) -> Read:
    """Return a function that reads from a file of several chunks."""
    # Sizes are in the headers of objects, so no chunk is read for them.
    starts = list(accumulate(map(store.size, chunks), initial=0))

    def pieces(offset: int, end: int) -> Iterator[bytes]:
        first = max(bisect_right(starts, offset) - 1, 0)
        for chunk, start in zip(chunks[first:], starts[first:], strict=False):
            if start >= end:
                return
            content = store.read(chunk, "blob")
            yield content[max(offset - start, 0) : end - start]

    return lambda offset, size: b"".join(pieces(offset, offset + size))
