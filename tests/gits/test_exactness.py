"""A push sends what the remote lacks and nothing else, whatever git is at either end."""

from __future__ import annotations

from tests.integration.test_exact_push import (
    made,
    scene,
    test_a_branch_off_an_older_version,
    test_a_payload_moves,
    test_half_of_one_dataset_and_half_of_another,
    test_what_somebody_else_added_before,
)

__all__ = [
    "made",
    "scene",
    "test_a_branch_off_an_older_version",
    "test_a_payload_moves",
    "test_half_of_one_dataset_and_half_of_another",
    "test_what_somebody_else_added_before",
]
