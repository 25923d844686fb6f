"""Compare two files, or two folders file by file, by content if the format is known, else by
bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.compare.arrays import compare_npy, compare_npz
from git_datmo.compare.comparison import Comparison, UnreadableFile, one_sided
from git_datmo.compare.documents import compare_json, compare_notebooks, compare_yaml
from git_datmo.compare.events import NAME, compare_events
from git_datmo.compare.pixels import compare_images
from git_datmo.compare.tables import compare_csv, compare_parquet, compare_tsv
from git_datmo.compare.tensors import compare_tensors
from git_datmo.compare.texts import compare_logs, compare_texts
from git_datmo.sizes import show_count

EXTRA = "git-datmo[compare]"
BLOCK = 1 << 20
# The number of files of a folder whose content is compared. Others are compared by bytes.
LOOKED_INTO = 1000


@dataclass(frozen=True, slots=True)
class Way:
    """The comparison for a kind of file, and the packages that it needs."""

    compare: Callable[[Path, Path], Comparison]
    packages: tuple[str, ...] = ()


WAYS = {
    ".npy": Way(compare_npy, ("numpy",)),
    ".npz": Way(compare_npz, ("numpy",)),
    ".safetensors": Way(compare_tensors, ("numpy", "safetensors")),
    ".csv": Way(compare_csv),
    ".tsv": Way(compare_tsv),
    ".parquet": Way(compare_parquet, ("pyarrow",)),
    ".json": Way(compare_json),
    ".ipynb": Way(compare_notebooks),
    **dict.fromkeys((".yaml", ".yml"), Way(compare_yaml, ("pyyaml",))),
    ".txt": Way(compare_texts),
    **dict.fromkeys((".log", ".out", ".err"), Way(compare_logs)),
    **dict.fromkeys(
        (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm"),
        Way(compare_images, ("numpy", "pillow")),
    ),
}
EVENTS = Way(compare_events)


def compare_paths(recorded: Path, rerun: Path) -> Comparison:
    """Compare the files or folders at two paths, whose bytes are known to differ."""
    if _is_folder(recorded) and _is_folder(rerun):
        return _compare_folders(recorded, rerun)
    if _is_regular(recorded) and _is_regular(rerun):
        return compare_files(recorded, rerun)
    return Comparison("a file, a folder or a link became another of them")


def compare_files(recorded: Path, rerun: Path) -> Comparison:
    way = EVENTS if recorded.name.startswith(NAME) else WAYS.get(recorded.suffix.lower())
    sizes = recorded.stat().st_size, rerun.stat().st_size
    size = show_count(sizes[0], "byte") + (f" became {sizes[1]}" if sizes[0] != sizes[1] else "")
    if way is None:
        return Comparison(f"differs in bytes ({size})")
    try:
        return way.compare(recorded, rerun)
    except ImportError:
        packages = " and ".join(way.packages)
        return Comparison(
            f"differs in bytes ({size}); install {packages} ({EXTRA}) to see by how much"
        )
    except UnreadableFile as error:
        return Comparison(f"differs in bytes ({size}); not compared further: {error}")
    except Exception as error:  # noqa: BLE001  # a decoder may raise anything over a stranger's bytes
        said = (str(error).splitlines() or [""])[0][:120]
        return Comparison(
            f"differs in bytes ({size}); not readable as {recorded.suffix}:"
            f" {said or type(error).__name__}"
        )


def _compare_folders(recorded: Path, rerun: Path) -> Comparison:
    old, new = dict(_files(recorded)), dict(_files(rerun))
    remark = one_sided("files", set(old), set(new))
    both = sorted(old.keys() & new.keys())
    differing = [name for name in both if not _same_bytes(old[name], new[name])]
    found = {name: compare_paths(old[name], new[name]) for name in differing[:LOOKED_INTO]}
    known = {name: each.off for name, each in found.items() if each.off is not None}
    said = [remark] if remark else []
    if differing:
        first = _shown_first(differing, known)
        said.append(f"{len(differing)} of {len(both)} files differ")
        said.append(f"{first}: {found[first].text}")
    text = "; ".join(said) or "modes or empty folders differ"
    if remark or len(known) < len(differing):
        return Comparison(text, None)
    return Comparison(text, max((off or 0.0 for off in known.values()), default=None))


def _shown_first(differing: Sequence[str], known: Mapping[str, float]) -> str:
    """Return a file that could not be measured, or else the one that differs most."""
    for name in differing:
        if name not in known:
            return name
    return max(known, key=lambda name: known[name] or 0)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for base, folders, names in os.walk(folder):
        # `os.walk` lists a link to a folder among the folders.
        links = [name for name in folders if Path(base, name).is_symlink()]
        for name in (*names, *links):
            path = Path(base, name)
            yield str(path.relative_to(folder)), path


def _same_bytes(one: Path, other: Path) -> bool:
    if one.is_symlink() and other.is_symlink():
        return os.readlink(one) == os.readlink(other)
    if not (_is_regular(one) and _is_regular(other)):
        return False
    # Most different files differ in size, and need not be read.
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while block := first.read(BLOCK):
            if block != second.read(BLOCK):
                return False
    return True


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
