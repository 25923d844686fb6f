"""Test that patterns of contracts name the same paths in stored folders as in working trees."""

from __future__ import annotations

import glob
from pathlib import Path

import pytest

from git_datmo.contract_checks.bound_objects import compile_pattern

PATHS = [
    *("data/a.csv", "data/b.CSV", "data/ab.csv", "data/.hidden.csv", "data/x/c.csv"),
    *("data/x/y/d.csv", "data/.x/e.csv", "data/x.csv/f", "other/a.csv", "data/a-csv"),
]


@pytest.mark.parametrize(
    "pattern",
    [
        *("data/*.csv", "data/?.csv", "data/**/*.csv", "*/*.csv", "data/[ab].csv"),
        *("data/[!a]*.csv", "data/x/*", "d*/x/**/d.csv", "**/a.csv", "data/a.csv", "data/*x*/*"),
    ],
)
def test_pattern_names_the_paths_that_glob_finds(tmp_path: Path, pattern: str) -> None:
    for path in PATHS:
        full = tmp_path / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text("", "utf-8")
    every = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")]
    found = set(glob.glob(pattern, root_dir=tmp_path, recursive=True))
    matches = compile_pattern(pattern).fullmatch
    assert {path for path in every if matches(path)} == found
