"""Test several trailers in one message: the one counts whose snapshot descends from the others'."""

from __future__ import annotations

import pytest

from git_datmo.payloads.commit_trailer import newest
from git_datmo.records.catalog import Catalog, Row

# First, then two that were made from it, and one that unites these two; `again` has the data of the
# first.
CATALOG = Catalog(
    [
        Row("1", "snapshot", data="first"),
        Row("2", "snapshot", data="left", parents=("1",)),
        Row("3", "snapshot", data="right", parents=("1",)),
        Row("4", "snapshot", data="both", parents=("2", "3")),
        Row("5", "snapshot", data="first", parents=("4",)),
    ]
)


@pytest.mark.parametrize(
    ("ids", "wanted"),
    [
        ((), ()),
        (("left",), ("left",)),
        (("unknown",), ("unknown",)),
        (("left", "both"), ("both",)),
        (("both", "right", "left"), ("both",)),
        (("left", "right"), ("left", "right")),
        (("left", "unknown"), ("left", "unknown")),
        (("first", "left"), ("first",)),
    ],
)
def test_newest_is_the_one_that_descends_from_all_others(
    ids: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    assert newest(CATALOG, ids) == wanted
