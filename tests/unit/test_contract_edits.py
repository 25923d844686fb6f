"""Test that files of YAML are edited in place, and that all other bytes stay."""

from __future__ import annotations

import difflib
from typing import Any

import pytest

from git_datmo.contracts.bounded_yaml import BadYaml, Path
from git_datmo.contracts.contract_edits import Edit, apply_edits

TEXT = """\
# größe
version: "1.0.0"  # keep
schema:
  - name: t   # table
    properties:
      # first
      - name: a
        required: true  # why
        logicalTypeOptions:
          minimum: 5   # five
        description: |
          text

      - name: b # last
      # behind
    quality: []
tags: [x, y]
"""
FIELDS = ("schema", 0, "properties")
EDITS = (
    Edit(FIELDS, {"name": "c", "required": True}, is_new=True),
    Edit(FIELDS, {"name": "d"}, is_new=True),
    Edit((*FIELDS, 0, "required"), False),
    Edit((*FIELDS, 0, "logicalTypeOptions", "minimum"), 3),
    Edit(("version",), "1.1.0"),
    Edit(("tags",), "z", is_new=True),
    Edit(("schema", 0, "quality"), {"metric": "rowCount"}, is_new=True),
)
CHANGED = [
    '-version: "1.0.0"  # keep',
    '+version: "1.1.0"  # keep',
    "-        required: true  # why",
    "+        required: false  # why",
    "-          minimum: 5   # five",
    "+          minimum: 3   # five",
    "+      - name: c",
    "+        required: true",
    "+      - name: d",
    "-    quality: []",
    "-tags: [x, y]",
    "+    quality: [{metric: rowCount}]",
    "+tags: [x, y, z]",
]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_edits_leave_all_other_bytes(newline: str, mark: bytes) -> None:
    content = mark + TEXT.replace("\n", newline).encode()
    edited = apply_edits(content, EDITS)
    before, after = (each.decode().splitlines(keepends=True) for each in (content, edited))
    changed = list(difflib.unified_diff(before, after, n=0, lineterm=""))[2:]
    assert [line for line in changed if line[0] in "+-"] == [f"{line}{newline}" for line in CHANGED]


@pytest.mark.parametrize(
    ("text", "edited"),
    [
        ("a:\n- {name: x}", "a:\n- {name: x}\n- {name: c}"),
        ("a:\n- name: x   # y", "a:\n- name: x   # y\n- name: c"),
        ("a:\n  - b: |\n      x\n", "a:\n  - b: |\n      x\n  - name: c\n"),
        ("a:\n - b:\n - c:\n", "a:\n - b:\n - c:\n - name: c\n"),
        ("a: [] # none\n", "a: [{name: c}] # none\n"),
    ],
)
def test_new_item_is_written_in_the_style_of_its_list(text: str, edited: str) -> None:
    edit = Edit(("a",), {"name": "c"}, is_new=True)
    assert apply_edits(text.encode(), [edit]).decode() == edited


@pytest.mark.parametrize(
    ("text", "path", "edited"),
    [
        ("a: 1\nb: 2  # two\n# end\n", ("b",), "a: 1\n# end\n"),
        ("a: 1\nb: 2", ("b",), "a: 1\n"),
        ("a: {b: 1, c: 2} # x\n", ("a", "b"), "a: {c: 2} # x\n"),
        ("a: {b: 1, c: 2} # x\n", ("a", "c"), "a: {b: 1} # x\n"),
        ("a: [x, {y: 1}]\n", ("a", 1), "a: [x]\n"),
        ("a: [x, {y: 1}]\n", ("a", 1, "y"), "a: [x]\n"),
        ("a:\n  b:\n    c: 1\nd: 2\n", ("a", "b", "c"), "d: 2\n"),
        ("a:\n- b: 1\n  c: 2\n- d\n", ("a", 0), "a:\n- d\n"),
        ("a:\n- b: 1\n  c: |\n    x\n- d\n", ("a", 0, "c"), "a:\n- b: 1\n- d\n"),
    ],
)
def test_removed_value_goes_with_all_that_has_nothing_else(
    text: str, path: Path, edited: str
) -> None:
    assert apply_edits(text.encode(), [Edit(path, is_removed=True)]).decode() == edited


def test_all_items_of_a_list_are_removed_with_the_list() -> None:
    edits = [Edit(("a", 0), is_removed=True), Edit(("b",), 2), Edit(("a", 1), is_removed=True)]
    assert apply_edits(b"a:\n- x: 1\n- y\nb: 1\n", edits) == b"b: 2\n"


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("- a: 1\n  b: 2\n", Edit((0, "a"), is_removed=True)),
        ("a: [&x 1, *x]\n", Edit(("a", 0), is_removed=True)),
        ("a: [&x 1, *x]\n", Edit(("a", 0), 2)),
        ("a: [&x 1, *x]\n", Edit(("a", 1), 2)),
        ("a:\n- &x {n: 1}\n- *x\n", Edit(("a",), 2, is_new=True)),
        ("a: |\n  text\n", Edit(("a",), "other")),
    ],
)
def test_edit_that_would_change_another_value_is_refused(text: str, edit: Any) -> None:
    with pytest.raises(BadYaml):
        apply_edits(text.encode(), [edit])
