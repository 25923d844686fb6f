"""How much of what is to be sent a remote has in other objects: git lists and weighs, whatever path they stood at."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from tempfile import TemporaryFile

from git_datmo.errors import Incomplete
from git_datmo.git.objects import GITLINK
from git_datmo.model import Oid
from git_datmo.store.chunks import MAX_SIZE
from git_datmo.store.layout import Kind, Node, compare
from git_datmo.store.store import Store

# Bytes that are sent sooner than they are looked for.
ENOUGH = 48 << 10
ENTRY_SIZE = 64


def differs_little(store: Store, old: Node, new: Node) -> bool:
    """Whether what `new` has and `old`, at the same names, has not is surely small; reads only trees that differ."""
    weight = 0
    try:
        for change in compare(old, new, store.read_tree):
            weight += ENTRY_SIZE
            if change.new is not None and change.new.kind is not Kind.FOLDER:
                weight += MAX_SIZE if change.new.chunked else store.size(change.new.oid)
            if weight > ENOUGH:
                return False
    except Incomplete:
        return False
    return True


def weigh(store: Store, wanted: Iterable[Oid], there: Iterable[Oid]) -> int:
    """Bytes of what `wanted` leads to and `there` does not, as they are stored; what is not here weighs most."""
    with _listing(store, wanted, there) as listed:
        return sum(size for _, size in _sizes(store, listed))


def difference(store: Store, wanted: Sequence[Oid], there: Sequence[Oid], more: Sequence[Oid]) -> dict[Oid, int]:
    """What `wanted` leads to and `there` does not, but `more` does, with its weight."""
    with _listing(store, wanted, there) as longer, _listing(store, wanted, [*there, *more]) as shorter:
        return dict(_sizes(store, _without(longer, shorter)))


def cover(store: Store, candidates: Iterable[Sequence[Oid]], needed: dict[Oid, int]) -> Iterator[int]:
    """Places of those `candidates`, by their roots, which together hold most of `needed`; the first are preferred."""
    left, seen = dict(needed), set[Oid]()
    for place, roots in enumerate(candidates):
        if sum(left.values()) <= ENOUGH:
            return
        if sum(left.pop(oid, 0) for oid in _walk(store, roots, seen)) > ENOUGH:
            yield place


def _walk(store: Store, roots: Iterable[Oid], seen: set[Oid]) -> Iterator[Oid]:
    """All that `roots` lead to and is here, less what trees in `seen`, which grows, lead to."""
    stack = list(roots)
    while stack:
        oid = stack.pop()
        yield oid
        if oid not in seen and store.objects.kind(oid) == "tree":
            seen.add(oid)
            stack += [entry.oid for entry in store.read_tree(oid) if entry.mode != GITLINK]


@contextmanager
def _listing(store: Store, wanted: Iterable[Oid], there: Iterable[Oid]) -> Iterator[Iterator[bytes]]:
    """Lines of ids, in an order that does not hang on `there`; at the end, with a question mark, what is not here."""
    argv = ("rev-list", "--objects", "--no-object-names", "--missing=print", "--stdin")
    with TemporaryFile() as stdin:
        stdin.write("".join(f"{oid}\n" for oid in wanted if oid in store).encode())
        stdin.write("".join(f"^{oid}\n" for oid in there if oid in store).encode())
        stdin.seek(0)
        with store.git.start(*argv, stdin=stdin, stderr=subprocess.DEVNULL) as child:
            assert child.stdout is not None
            try:
                yield child.stdout
            finally:
                child.terminate()


def _without(longer: Iterable[bytes], shorter: Iterator[bytes]) -> Iterator[bytes]:
    """Lines of `longer` that `shorter` lacks, which has the rest in the same order; absent objects have none."""
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
        argv = ("cat-file", "--batch-check=%(objectname) %(objectsize:disk)", "--buffer")
        with store.git.start(*argv, stdin=stdin) as child:
            assert child.stdout is not None
            for line in child.stdout:
                oid, size = line.decode().removeprefix("?").split()
                yield Oid.parse(oid), MAX_SIZE if size == "missing" else int(size)
