"""Define fixtures for property tests."""

from __future__ import annotations

from tests.support.folders_on_disk import store
from tests.support.two_clones import two_clones

__all__ = ["store", "two_clones"]
