"""Find the line of a build's log that says why it failed."""

from __future__ import annotations


def telling_line(log: str) -> str:
    """Return the line of pip's log that says why: its last error, else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    return (errors or lines or ["no reason given"])[-1]
