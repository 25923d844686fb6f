"""Test that a benchmark replaces its own section of a page, and nothing else."""

from __future__ import annotations

from benchmarks.section import find_section, replace_section

PAGE = "# Page\n\n## One\n\nold\n\n### Part\n\nold too\n\n## Two\n\nkept\n"
NEW = "## One\n\nnew\n"


def test_section_with_the_heading_is_replaced_alone() -> None:
    assert replace_section(PAGE, "## One", NEW) == f"# Page\n\n{NEW}\n## Two\n\nkept\n"


def test_section_at_the_end_is_replaced_alone() -> None:
    changed = replace_section(PAGE, "## Two", "## Two\n\nnew\n")
    assert changed == PAGE.replace("kept", "new")


def test_section_without_an_earlier_one_is_added_last() -> None:
    assert replace_section("# Page\n", "## One", NEW) == f"# Page\n\n{NEW}"


def test_section_of_a_page_is_found_with_its_parts() -> None:
    assert find_section(PAGE, "## One") == "## One\n\nold\n\n### Part\n\nold too\n"
    assert find_section(PAGE, "## Three") == ""
