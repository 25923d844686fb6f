"""Read sections, tables and words of docs/FORMAT.md."""

from __future__ import annotations

import re
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "FORMAT.md"


def section(number: int) -> str:
    """Return one section of the document."""
    match = re.search(
        rf"^## {number}\. .*?(?=^## |\Z)", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
    )
    assert match, f"no section {number}"
    return match[0]


def tables(text: str) -> list[list[str]]:
    """Return the rows of all tables, without their heads."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    rules = {
        place
        for place, row in enumerate(rows)
        if set("".join(row)) == {"-", " "} or set("".join(row)) == {"-"}
    }
    return [row for place, row in enumerate(rows) if place not in rules and place + 1 not in rules]


def code_words(text: str) -> list[str]:
    return re.findall(r"`([^`]*)`", text)
