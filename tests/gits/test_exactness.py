"""Test that a push sends only objects that are missing on the remote, with every git at either end."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.exact_push import (
    REPEATS,
    Scene,
    push_branch_off_older_version,
    push_halves_of_two_datasets,
    push_moved_payload,
    push_what_the_remote_has,
)
from tests.support.shell import Shell


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
