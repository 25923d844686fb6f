"""Test that damage is found, named by payload and snapshot, moved aside, and repaired from every
source."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from tests.support.commands import datmo, experiments, picture
from tests.support.damage import SMALL, blob, pack_of, replace, spoil, with_data
from tests.support.disk_space import check_store, noise, store_of
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def alone(repo: Shell) -> Shell:
    """Return a repository without a remote, with a snapshot of a small file and one of several
    chunks."""
    return with_data(repo)


def fsck(shell: Shell, *words: str, code: int = 0) -> dict[str, Any]:
    done = datmo(shell, "fsck", "--json", *words, code=code)
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["sound"] == (code == 0)
    return document


def test_fsck_of_sound_store_reports_no_damage(alone: Shell) -> None:
    assert datmo(alone, "fsck").stdout == "the store is sound\n"
    assert fsck(alone) == {
        "sound": True,
        "damaged": [],
        "lost": [],
        "recovered": 0,
        "moved_to": None,
    }
    assert datmo(alone, "fsck", "--repair").stdout == "the store is sound\n"


def test_damaged_object_is_named_by_payload_and_snapshot(alone: Shell) -> None:
    (snapshot,) = (each["id"] for each in experiments(alone))
    path = spoil(alone, blob())
    found = fsck(alone, code=1)
    assert [each["file"] for each in found["damaged"]] == [str(path)]
    assert found["lost"] == [
        {"path": "data", "record": snapshot, "damaged": [str(blob())], "missing": []}
    ]
    said = datmo(alone, "fsck", code=1).stdout.splitlines()
    assert (
        f"lost     'data' of snapshot {snapshot[:10]}: 1 object damaged, the first is {blob()}"
        in said
    )
    assert (
        said[-1]
        == "'git datmo fsck --repair' moves damaged files aside and restores what is found elsewhere"
    )


def test_lost_object_comes_back_from_the_working_tree(alone: Shell) -> None:
    path = spoil(alone, blob())
    found = fsck(alone, "--repair")
    assert (found["recovered"], found["lost"]) == (1, [])
    assert (Path(found["moved_to"]) / path.name).exists()
    assert not path.exists()
    check_store(alone)
    assert fsck(alone)["damaged"] == []
    assert (
        alone.git(f"--git-dir={store_of(alone)}", "cat-file", "blob", str(blob()))
        == SMALL.decode().strip()
    )


def test_unavailable_object_is_lost_and_others_are_recovered(alone: Shell) -> None:
    spoil(alone, blob())
    alone.write("data/small", "another\n")
    found = fsck(alone, "--repair", code=1)
    (snapshot,) = (each["id"] for each in experiments(alone))
    assert found["lost"] == [
        {"path": "data", "record": snapshot, "damaged": [str(blob())], "missing": []}
    ]
    (alone.cwd / "data" / "large").unlink()
    datmo(alone, "checkout", "--", "data/large")
    assert (alone.cwd / "data" / "large").read_bytes() == noise(1)
    assert "1 object" in datmo(alone, "fsck", code=1).stdout


def test_object_of_no_record_and_no_remote_is_missing(alone: Shell) -> None:
    path, _ = pack_of(alone, blob())
    path.unlink()
    found = fsck(alone, code=1)
    assert found["damaged"][0]["why"] == "its pack is not there"
    assert found["lost"][0]["missing"]
    assert fsck(alone, "--repair")["lost"] == []
    check_store(alone)


def test_lost_object_comes_back_from_the_remote(pair: Pair) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    before = picture(alex.cwd / "data")
    (alex.cwd / "data" / "small").unlink()
    spoil(alex, blob())
    assert fsck(alex, "--repair")["recovered"] == 1
    datmo(alex, "checkout", "--force")
    assert picture(alex.cwd / "data") == before


def cut(path: Path) -> None:
    replace(path, path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    replace(path.with_suffix(".idx"), b"")


def spoilt_index(path: Path) -> None:
    content = bytearray(path.with_suffix(".idx").read_bytes())
    content[1032 + 5] ^= 0xFF
    replace(path.with_suffix(".idx"), bytes(content))


def spoilt_offsets(path: Path) -> None:
    content = bytearray(path.with_suffix(".idx").read_bytes())
    content[-60:-40] = b"\x01" * 20
    replace(path.with_suffix(".idx"), bytes(content))


WAYS: list[Callable[[Path], None]] = [cut, Path.unlink, empty, spoilt_index, spoilt_offsets]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_checkout_replaces_damaged_objects_from_remote(
    pair: Pair, way: Callable[[Path], None]
) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    before = picture(alex.cwd / "data")
    for path in sorted((alex.cwd / "data").iterdir()):
        path.unlink()
    way(pack_of(alex, blob())[0])
    datmo(alex, "checkout", "--force")
    assert picture(alex.cwd / "data") == before
    fsck(alex, "--repair")
    check_store(alex)
    assert fsck(alex)["damaged"] == []


def test_checkout_that_repairs_damage_reports_it_in_one_line(pair: Pair) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    (alex.cwd / "data" / "small").unlink()
    path = spoil(alex, blob())
    said = datmo(alex, "checkout", "--force").stderr.splitlines()
    (line,) = (line for line in said if "damaged" in line)
    assert line.startswith(
        f"git-datmo: warning: '{path.name}' was damaged, and is in '{store_of(alex) / 'damaged'}'"
    )
    assert (alex.cwd / "data" / "small").read_bytes() == SMALL


def test_checkout_replaces_damaged_tree_from_remote(pair: Pair) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    before = picture(alex.cwd / "data")
    (payload,) = json.loads((alex.cwd / ".git" / "datmo" / "tracked.json").read_text())["payloads"]
    for path in sorted((alex.cwd / "data").iterdir()):
        path.unlink()
    spoil(alex, Oid.parse(payload["object"]))
    datmo(alex, "checkout", "--force")
    assert picture(alex.cwd / "data") == before


def test_following_a_branch_repairs_damage(pair: Pair) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    alex.git("branch", "first")
    alex.write("data/small", "another\n")
    alex.commit("code.py", "2\n")
    spoil(alex, blob())
    alex.git("checkout", "-q", "first")
    assert (alex.cwd / "data" / "small").read_bytes() == SMALL


def test_checkout_of_damage_that_no_remote_makes_up_for_is_incomplete(alone: Shell) -> None:
    spoil(alone, blob())
    alone.write("data/small", "another\n")
    done = datmo(alone, "checkout", "--force", code=2)
    assert (
        "'data' cannot be found here or on any remote: 1 object is missing" in done.stderr
        or "1 object is missing" in done.stderr
    )
    assert (alone.cwd / "data" / "large").read_bytes() == noise(1)


def test_clone_that_has_not_fetched_its_payloads_is_sound(pair: Pair) -> None:
    with_data(pair.alex).git("push", "-q")
    other = pair.clone()
    assert datmo(other, "fsck", "--repair").stdout == "the store is sound\n"
    assert not (other.cwd / "data" / "large").exists()
    with closing(PackedObjects(store_of(other) / "objects", SHA1)) as objects:
        assert blob() not in objects


def test_damaged_loose_object_is_moved_aside(alone: Shell) -> None:
    text = alone.git(f"--git-dir={store_of(alone)}", "hash-object", "-w", "--stdin", stdin=b"loose")
    path = store_of(alone) / "objects" / text[:2] / text[2:]
    replace(path, b"no zlib")
    found = fsck(alone, code=1)
    assert [each["file"] for each in found["damaged"]] == [str(path)]
    assert found["lost"] == []
    assert fsck(alone, "--repair")["lost"] == []
    assert not path.exists()
    assert (store_of(alone) / "damaged" / text).exists()


def test_fsck_of_complete_remote_reports_no_loss(pair: Pair) -> None:
    with_data(pair.alex).git("push", "-q")
    assert (
        datmo(pair.alex, "fsck", "--remote").stdout
        == "'origin' keeps everything that its 1 record names\n"
    )
    assert fsck(pair.alex, "--remote", "origin") == {
        "remote": "origin",
        "sound": True,
        "records": 1,
        "lost": [],
    }


def test_fsck_of_remote_without_keep_ref_reports_loss(pair: Pair) -> None:
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    for ref in pair.hub.git("for-each-ref", "--format=%(refname)", "refs/datmo/keep").split():
        pair.hub.git("update-ref", "-d", ref)
    (snapshot,) = (each["id"] for each in experiments(alex))
    found = fsck(alex, "--remote", code=1)
    assert {(each["path"], each["record"]) for each in found["lost"]} >= {("data", snapshot)}
    assert "does not keep everything" in datmo(alex, "fsck", "--remote", code=1).stdout


def test_fsck_of_folder_store_without_pack_reports_loss(pair: Pair, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    pair.alex.git("config", "datmo.origin.store", str(place))
    alex = with_data(pair.alex)
    alex.git("push", "-q")
    assert fsck(alex, "--remote")["remote"] == str(place)
    for path in (place / "sha1").glob("*.idx"):
        path.unlink()
    assert {each["path"] for each in fsck(alex, "--remote", code=1)["lost"]} >= {"data"}


def test_fsck_with_repair_and_remote_is_refused(alone: Shell) -> None:
    assert "give one of them" in datmo(alone, "fsck", "--repair", "--remote", code=129).stderr
