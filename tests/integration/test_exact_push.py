"""Test that a push sends only objects that are missing on the remote, by the bytes on the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.exact_push import (
    BIG,
    REPEATS,
    Scene,
    noise,
    push_branch_off_older_version,
    push_halves_of_two_datasets,
    push_moved_payload,
    push_what_the_remote_has,
    snapshot,
)
from tests.support.shell import Shell


def test_push_after_small_change_sends_only_new_chunks(push_scene: Scene) -> None:
    data = push_scene.alex.cwd / "data"
    (data / "deep/down/07").write_bytes(noise(70, 30_000))
    with open(data / "big", "r+b") as file:
        file.seek(BIG // 2)
        file.write(noise(71, 10_000))
    snapshot(push_scene.alex, "changed")
    assert 40_000 <= push_scene.push(push_scene.alex) < 2_000_000


def test_push_after_insertion_at_front_sends_only_new_chunks(push_scene: Scene) -> None:
    big = push_scene.alex.cwd / "data/big"
    big.write_bytes(b"inserted" + big.read_bytes())
    snapshot(push_scene.alex, "inserted")
    assert 0 < push_scene.push(push_scene.alex) < 2_000_000


def test_push_of_moved_payload_sends_no_content(push_scene: Scene) -> None:
    push_moved_payload(push_scene)


def test_push_of_halves_of_two_datasets_sends_only_new_chunks(push_scene: Scene) -> None:
    push_halves_of_two_datasets(push_scene)


def test_push_of_branch_off_older_version_sends_only_new_chunks(push_scene: Scene) -> None:
    push_branch_off_older_version(push_scene)


@pytest.mark.parametrize(("make", "most"), REPEATS)
def test_push_of_data_that_the_remote_has_sends_no_content(
    push_scene: Scene, make: Callable[[Shell], None], most: int
) -> None:
    push_what_the_remote_has(push_scene, make, most)
