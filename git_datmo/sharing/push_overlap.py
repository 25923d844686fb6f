"""Measure how much of a push the remote already has in other objects; git lists and weighs them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile

from git_datmo.errors import Incomplete
from git_datmo.git.object_encoding import GITLINK
from git_datmo.model import Oid
from git_datmo.objects.chunks import MAX_SIZE
from git_datmo.objects.store import Store
from git_datmo.objects.tree_differences import compare
from git_datmo.objects.tree_nodes import Node, NodeKind

# Fewer bytes than this are sent faster than they are looked for.
ENOUGH = 48 << 10
ENTRY_SIZE = 64


def differs_little(store: Store, old: Node, new: Node) -> bool:
    """Return True if the content of `new` that `old` does not have is surely small.

    Reads only trees that differ.
    """
    weight = 0
    try:
        for change in compare(old, new, store.read_tree):
            weight += ENTRY_SIZE
            if change.new is not None and change.new.kind is not NodeKind.FOLDER:
                # Chunks are not compared: a large file that changed counts as more than `ENOUGH`.
                weight += MAX_SIZE if change.new.chunked else store.size(change.new.oid)
            if weight > ENOUGH:
                return False
    except Incomplete:
        return False
    return True


def weigh(store: Store, wanted: Iterable[Oid], known: Iterable[Oid]) -> int:
    """Return the stored bytes of the objects below `wanted` that are not below `known`.

    A missing object counts with the largest weight.
    """
    with _listing(store, wanted, known) as listed:
        return sum(size for _, size in _sizes(store, listed))


def difference(
    store: Store, wanted: Sequence[Oid], known: Sequence[Oid], more: Sequence[Oid]
) -> dict[Oid, int]:
    """Return objects below both `wanted` and `more`, but not below `known`, with weights."""
    with (
        _listing(store, wanted, known) as longer,
        _listing(store, wanted, [*known, *more]) as shorter,
    ):
        return dict(_sizes(store, _without(longer, shorter)))


def cover(
    store: Store, candidates: Iterable[Sequence[Oid]], needed: dict[Oid, int]
) -> Iterator[int]:
    """Yield the positions of candidates that together hold most of `needed`, preferring the
    first."""
    left, seen = dict(needed), set[Oid]()
    for index, roots in enumerate(candidates):
        if sum(left.values()) <= ENOUGH:
            return
        if sum(left.pop(oid, 0) for oid in _walk(store, roots, seen)) > ENOUGH:
            yield index


def _walk(store: Store, roots: Iterable[Oid], seen: set[Oid]) -> Iterator[Oid]:
    """Yield the local objects that `roots` lead to, except below trees in `seen`, which grows."""
    stack = list(roots)
    while stack:
        oid = stack.pop()
        yield oid
        if oid not in seen and store.objects.kind(oid) == "tree":
            seen.add(oid)
            stack += [entry.oid for entry in store.read_tree(oid) if entry.mode != GITLINK]


@contextmanager
def _listing(
    store: Store, wanted: Iterable[Oid], known: Iterable[Oid]
) -> Iterator[Iterator[bytes]]:
    """Run git and yield its lines of ids, in an order independent of `known`.

    Missing objects come last, with a question mark.
    """
    argv = ("rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin")
    with TemporaryFile() as stdin:
        # Git fails at an id that is missing.
        stdin.write("".join(f"{oid}\n" for oid in wanted if oid in store).encode())
        stdin.write("".join(f"^{oid}\n" for oid in known if oid in store).encode())
        stdin.seek(0)
        with store.git.start(*argv, stdin=stdin, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            try:
                yield child.stdout
            finally:
                # The caller may leave before the last line.
                child.terminate()


def _without(longer: Iterable[bytes], shorter: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the lines of `longer` that are not in `shorter`, which has the same order.

    Missing objects are in neither.
    """
    awaited, absent = next(shorter, b""), []
    for line in longer:
        if line.startswith(b"?"):
            absent.append(line)
        elif line == awaited:
            awaited = next(shorter, b"")
        else:
            yield line
    rest = {awaited, *shorter}
    yield from (line for line in absent if line not in rest)


def _sizes(store: Store, lines: Iterable[bytes]) -> Iterator[tuple[Oid, int]]:
    with TemporaryFile() as stdin:
        stdin.writelines(lines)
        stdin.seek(0)
        # The size as stored, since entries of packs are sent as they are.
        argv = ("cat-file", "--batch-check=%(objectname) %(objectsize:disk)", "--buffer")
        with store.git.start(*argv, stdin=stdin) as child:
            assert child.stdout is not None
            for line in child.stdout:
                # A line with a question mark is no id, so git answers that it is missing.
                oid, size = line.decode().removeprefix("?").split()
                yield Oid.parse(oid), MAX_SIZE if size == "missing" else int(size)
