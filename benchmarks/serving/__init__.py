"""Measures serving beside other model servers: `python -m benchmarks.serving`."""

from __future__ import annotations

HEADING = "## Beside model servers"
"""Heading of the section of the page that has the figures."""
