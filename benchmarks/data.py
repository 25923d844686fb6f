"""The data that is stored, made here: incompressible bytes, tables of text, folders of small files.

Every block comes from a seed of its own, so that no two are alike: a tool that finds duplicates
finds none.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

MIB = 1 << 20
BLOCK = 8 * MIB
ROWS = 20_000
FOLDER = 1_000


def random_block(seed: int | str, size: int = BLOCK) -> bytes:
    return random.Random(seed).randbytes(size)


def table_block(seed: int) -> bytes:
    """Return rows of a table as programs write it: ids, times, measurements, words."""
    rng = random.Random(seed)
    words = _words()
    first = seed * ROWS
    columns = (
        range(first, first + ROWS),
        [rng.getrandbits(5) % 24 for _ in range(ROWS)],
        [rng.random() * 60 for _ in range(ROWS)],
        [rng.random() * 9 - 4 for _ in range(ROWS)],
        [rng.random() * 100 for _ in range(ROWS)],
        [rng.random() for _ in range(ROWS)],
        rng.choices(words, k=ROWS),
        rng.choices(words, k=ROWS),
        rng.choices(words[:12], k=ROWS),
    )
    row = "%d,2024-05-01T%02d:%05.2f,%.6f,%.2f,%.8f,%s %s,%s\n"
    return "".join([row % values for values in zip(*columns, strict=True)]).encode()


def _words() -> list[str]:
    rng = random.Random("words")
    return [
        "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9)))
        for _ in range(4_000)
    ]


def _write(path: Path, size: int, make: Callable[[int], bytes]) -> Path:
    """A file of exactly `size` bytes out of blocks that all cores make; one that is there is
    kept."""
    if path.exists() and path.stat().st_size == size:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    left = size
    seeds = range(1 << 30)
    with open(path, "wb") as file, ProcessPoolExecutor() as pool:
        step = 2 * (os.cpu_count() or 1)
        for start in range(0, len(seeds), step):
            for block in pool.map(make, seeds[start : start + step]):
                file.write(block[:left])
                left -= min(left, len(block))
            if not left:
                break
    return path


def random_file(path: Path, size: int) -> Path:
    return _write(path, size, random_block)


def table_file(path: Path, size: int) -> Path:
    return _write(path, size, table_block)


def folder_of_files(path: Path, count: int, size: int) -> Path:
    """`count` files of `size` incompressible bytes, a thousand a folder; a folder that was finished
    is kept."""
    done = path.with_name(path.name + ".done")
    if done.exists():
        return path
    shutil.rmtree(path, ignore_errors=True)
    parts = range(0, count, FOLDER)
    for part in parts:
        (path / f"{part // FOLDER:04d}").mkdir(parents=True)
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(_fill, path, count, size), parts))
    done.touch()
    return path


def _fill(path: Path, count: int, size: int, part: int) -> None:
    rng = random.Random(f"files {part}")
    folder = path / f"{part // FOLDER:04d}"
    for number in range(part, min(part + FOLDER, count)):
        (folder / f"{number:07d}.bin").write_bytes(rng.randbytes(size))


def append(path: Path, size: int) -> None:
    with open(path, "ab") as file:
        file.write(random_block("appended", size))


def insert_at_front(path: Path, size: int) -> None:
    """As an editor does it: a new file takes the old one's place."""
    fresh = path.with_name(path.name + ".new")
    with open(path, "rb") as old, open(fresh, "wb") as new:
        new.write(random_block("inserted", size))
        shutil.copyfileobj(old, new, MIB)
    fresh.rename(path)
