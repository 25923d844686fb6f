"""A push that is killed harms nobody and goes on, whatever git is at either end."""

from __future__ import annotations

from tests.crash.test_sigkill import test_a_push_that_is_killed

__all__ = ["test_a_push_that_is_killed"]
