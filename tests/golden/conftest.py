"""Define fixtures for tests of the format."""

from __future__ import annotations

from tests.support.recovery import stock

__all__ = ["stock"]
