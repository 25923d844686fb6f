"""Test the tracked payloads of a working tree, in memory and on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.model import SHA1, Content, Form, Payload, Role
from git_datmo.worktree.tracking import Tracked, Tracking, read_tracking, write_tracking
from tests.support.record_strategies import payloads
from tests.support.strategies import oids, safe_names


def tracked(path: str, *, placed: bool = True) -> Tracked:
    return Tracked(
        Payload(path, Role.DATA, Content(SHA1.hash("blob", b""), Form.FOLDER, 3, 1)), placed
    )


def paths(found: tuple[Tracked, ...]) -> list[str]:
    return [each.payload.path for each in found]


STATE = Tracking().having(map(tracked, ("data/b", "data/a", "dat", "models/x.pt")))


def test_payloads_are_kept_in_order_and_replaced_by_path() -> None:
    assert paths(STATE.payloads) == ["dat", "data/a", "data/b", "models/x.pt"]
    other = STATE.having([tracked("data/a", placed=False), tracked("new")])
    assert paths(other.payloads) == ["dat", "data/a", "data/b", "models/x.pt", "new"]
    assert [each.placed for each in other.payloads] == [True, False, True, True, True]
    assert paths(STATE.without(["data/a", "nothing"]).payloads) == ["dat", "data/b", "models/x.pt"]


@pytest.mark.parametrize(
    ("path", "holder", "within"),
    [
        ("data", None, ["data/a", "data/b"]),
        ("data/a", "data/a", ["data/a"]),
        ("data/a/deep/file", "data/a", []),
        ("data/ab", None, []),
        ("dat", "dat", ["dat"]),
        ("da", None, []),
        ("", None, ["dat", "data/a", "data/b", "models/x.pt"]),
    ],
)
def test_path_is_matched_by_whole_names(path: str, holder: str | None, within: list[str]) -> None:
    found = STATE.holding(path)
    assert (found.payload.path if found else None) == holder
    assert paths(STATE.within(path)) == within
    assert (STATE.get(path) is not None) == (path in paths(STATE.payloads))


states = st.builds(
    lambda chosen, placed, empty, records, base: (
        Tracking(awake=any(placed for _ in chosen))
        .having(Tracked(p, placed, empty) for p in chosen)
        .standing_on(records, base)
    ),
    payloads(SHA1),
    st.booleans(),
    st.frozensets(safe_names, max_size=3),
    st.sets(oids().map(str), max_size=3),
    payloads(SHA1),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(states)
def test_tracking_state_is_read_as_written(tmp_path: Path, state: Tracking) -> None:
    """Allow any bytes in the names of empty folders."""
    write_tracking(tmp_path / "tracked.json", state)
    assert read_tracking(tmp_path / "tracked.json") == state


def test_missing_file_gives_no_state(tmp_path: Path) -> None:
    assert read_tracking(tmp_path / "tracked.json") is None


def altered(**changes: object) -> Any:
    entry = {
        "path": "a",
        "role": "data",
        "form": "file",
        "object": "0" * 40,
        "size": 1,
        "files": 1,
        "placed": True,
        "empty_folders": [],
    }
    return {
        "version": 1,
        "awake": False,
        "head": "",
        "snapshots": [],
        "base": [],
        "payloads": [{**entry, **changes}],
    }


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="no JSON"),
        pytest.param("[]", id="a list"),
        pytest.param("null", id="null"),
        pytest.param("{}", id="no keys"),
        pytest.param("[" * 100_000, id="brackets alone"),
        pytest.param(
            json.dumps(
                {
                    "version": 2,
                    "awake": False,
                    "head": "",
                    "snapshots": [],
                    "base": [],
                    "payloads": [],
                }
            ),
            id="another version",
        ),
        pytest.param(
            json.dumps(
                {
                    "version": 1,
                    "awake": False,
                    "head": "",
                    "snapshots": [],
                    "base": [],
                    "payloads": {"a": 1},
                }
            ),
            id="an object for a list",
        ),
        pytest.param(
            json.dumps(
                {
                    "version": 1,
                    "awake": False,
                    "head": "",
                    "snapshots": [],
                    "base": [],
                    "payloads": [1],
                }
            ),
            id="a number for a payload",
        ),
        pytest.param(json.dumps(altered(object="0" * 39)), id="a short id"),
        pytest.param(json.dumps(altered(role="wish")), id="an unknown role"),
        pytest.param(json.dumps(altered(form="link")), id="an unknown form"),
        pytest.param(json.dumps(altered(size="1")), id="a size that is text"),
        pytest.param(json.dumps(altered(files=None)), id="no number of files"),
        pytest.param(json.dumps(altered(empty_folders="a")), id="a text for a list"),
        pytest.param(json.dumps(altered(empty_folders=[1])), id="a number for a folder"),
        pytest.param(json.dumps(altered(empty_folders=["\ud800"])), id="half a letter"),
    ],
)
def test_damaged_state_is_reported_in_one_line_with_hint(tmp_path: Path, document: str) -> None:
    path = tmp_path / "tracked.json"
    path.write_text(document)
    with pytest.raises(Damaged) as caught:
        read_tracking(path)
    assert str(path) in caught.value.what
    assert len(caught.value.what.splitlines()) == 1
    assert caught.value.hint


def test_state_that_is_no_text_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "tracked.json").write_bytes(b'{"version": \xff}')
    with pytest.raises(Damaged):
        read_tracking(tmp_path / "tracked.json")


def test_valid_state_is_read(tmp_path: Path) -> None:
    (tmp_path / "tracked.json").write_text(json.dumps(altered()))
    state = read_tracking(tmp_path / "tracked.json")
    assert state is not None
    assert paths(state.payloads) == ["a"]
