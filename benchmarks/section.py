"""Find and replace one section of a page.

A section begins with its heading, and ends at the next heading of the same level.
"""

from __future__ import annotations

import re


def find_section(page: str, heading: str) -> str:
    """Return the section of a page; '' if it has none."""
    found = _pattern(heading).search(page)
    return found[0].rstrip("\n") + "\n" if found else ""


def replace_section(page: str, heading: str, section: str) -> str:
    """Return the page with the section in place of its earlier one, or behind all others."""
    pattern = _pattern(heading)
    if pattern.search(page):
        return pattern.sub(lambda _: section + "\n", page, count=1).rstrip("\n") + "\n"
    return f"{page.rstrip()}\n\n{section}"


def _pattern(heading: str) -> re.Pattern[str]:
    return re.compile(rf"^{re.escape(heading)}$.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
