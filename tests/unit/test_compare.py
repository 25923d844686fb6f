"""Test comparison of files by content, with the real libraries, in the comparing process."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from git_datmo.compare.blocks import BLOCK, StoredArray, compare_stored
from git_datmo.compare.comparison import Comparison, Tally
from git_datmo.compare.file_compare import compare_paths
from git_datmo.compare.subprocess_compare import LOST, compare_apart
from tests.support.compare_cases import CASES, X, Y, tensors


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Comparison]:
    """Compare all cases in one process, as a rerun does with its outputs."""
    top = tmp_path_factory.mktemp("compare")

    def pairs() -> Iterator[tuple[Path, Path]]:
        for name, (suffix, one, other, _, _) in CASES.items():
            if suffix == "events":
                paths = (
                    top / f"events.out.tfevents.1.{name}.0",
                    top / f"events.out.tfevents.2.{name}.0",
                )
            else:
                paths = top / f"{name} recorded{suffix}", top / f"{name} rerun{suffix}"
            one(paths[0])
            other(paths[1])
            yield paths

    return dict(zip(CASES, compare_apart(pairs(), os.environ), strict=True))


@pytest.mark.parametrize("name", CASES)
def test_files_differ_by_their_contents(compared: dict[str, Comparison], name: str) -> None:
    *_, off, words = CASES[name]
    assert words in compared[name].text
    assert compared[name].off == off
    assert "\n" not in compared[name].text


def test_folder_is_compared_file_by_file(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for folder, values in ((one, X), (other, Y)):
        (folder / "deep").mkdir(parents=True)
        np.save(folder / "deep" / "x.npy", values)
        np.save(folder / "same.npy", X)
    assert compare_paths(one, other) == Comparison(
        "1 of 2 files differ; deep/x.npy: 1 of 10 values differ; largest difference 0.25", 0.25
    )
    (other / "more").symlink_to("same.npy")
    assert compare_paths(one, other).off is None
    assert compare_paths(one, other).text.startswith("files new: more; 1 of 2")
    assert compare_paths(one, other / "same.npy").off is None


def test_crashing_decoder_does_not_stop_the_comparison(tmp_path: Path) -> None:
    """Compare a file that ends its reader's process, and one that never ends."""
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], X)
    np.save(paths[1], Y)
    killing = {**os.environ, "PYTHONPATH": str(tmp_path)}
    (tmp_path / "safetensors.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    bad = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for path in bad:
        tensors(x=X)(path)
    first, second, third = compare_apart([paths, bad, paths], killing)
    assert (first.off, second, third.off) == (0.25, LOST, 0.25)


def test_missing_library_of_comparison_is_named(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('no')\n")
    paths = tmp_path / "a.npy", tmp_path / "b.npy"
    np.save(paths[0], X)
    np.save(paths[1], Y)
    (found,) = compare_apart([paths], {**os.environ, "PYTHONPATH": str(tmp_path)})
    assert (
        found.text
        == "differs in bytes (208 bytes); install numpy (git-datmo[compare]) to see by how much"
    )


@given(
    arrays.arrays(
        st.sampled_from(["f8", "f4", "i2", "u1", "?", "c8"]), arrays.array_shapes(max_dims=3)
    ),
    st.data(),
)
def test_largest_difference_equals_that_of_numpy(one: np.ndarray, data: st.DataObject) -> None:
    other = data.draw(arrays.arrays(one.dtype, one.shape))
    tally = Tally()
    made = [
        StoredArray(a.shape, str(a.dtype), a.dtype, io.BytesIO(a.tobytes())) for a in (one, other)
    ]
    assert compare_stored(tally, made[0], made[1], "") == ""
    unequal = (one != other) & ~((one != one) & (other != other))  # noqa: PLR0124
    assert (tally.values, tally.differing) == (one.size, int(unequal.sum()))
    with np.errstate(all="ignore"):
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        gaps = np.abs(one.astype(wide) - other.astype(wide))[unequal]
    if np.isfinite(gaps).all():
        assert tally.off == max(gaps, default=0.0)
        assert tally.odd == 0
    else:
        assert tally.odd == tally.differing


def test_array_larger_than_a_block_is_read_in_blocks() -> None:
    size = BLOCK // 8 + 1
    one = np.zeros(size)
    other = one.copy()
    other[-1] = 1.0
    tally = Tally()
    made = [StoredArray(a.shape, "f8", a.dtype, io.BytesIO(a.tobytes())) for a in (one, other)]
    assert [
        len(block)
        for block in StoredArray(one.shape, "f8", one.dtype, io.BytesIO(one.tobytes())).blocks()
    ] == [
        size - 1,
        1,
    ]
    compare_stored(tally, made[0], made[1], "x")
    assert (tally.differing, tally.off, tally.where) == (1, 1.0, "x")
