"""Test the values of contracts."""

from __future__ import annotations

import pytest

from git_datmo.contracts.contract_types import Finding, Level, Port, Table, verdict_of


def finding(level: Level) -> Finding:
    """Return a finding of a level."""
    return Finding(level, "type", "faces", "faces", "age", "is text")


@pytest.mark.parametrize(
    ("levels", "verdict"),
    [
        ((), "holds"),
        (("warn",), "holds"),
        (("warn", "unchecked"), "unchecked"),
        (("unchecked", "refuse"), "broken"),
    ],
)
def test_verdict_of_findings_is_the_gravest_level(levels: tuple[Level, ...], verdict: str) -> None:
    assert verdict_of(tuple(map(finding, levels))) == verdict


@pytest.mark.parametrize(
    ("port", "closed"),
    [
        ("provides", True),
        ("output", True),
        ("requires", False),
        ("input", False),
        ("label", False),
    ],
)
def test_table_of_each_port_is_open_or_closed(port: Port, closed: bool) -> None:
    assert Table("faces", port=port).is_closed == closed
