"""Edit a file of YAML in place: all bytes but those of the edited values stay."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from git_datmo.contracts.bounded_yaml import BadYaml, Path, YamlDocument, read_document
from git_datmo.contracts.odcs_writer import block_lines, flow_text, scalar_text

_VERSION = re.compile(r"\d+\.\d+\.\d+\Z")


@dataclass(frozen=True, slots=True)
class Edit:
    """The new value of a scalar at a path.

    With `is_new`, a new item at the end of the list at the path. With `is_removed`, the key or
    item at the path goes, and each mapping or list that has nothing else.
    """

    path: Path
    value: Any = None
    is_new: bool = False
    is_removed: bool = False


def apply_edits(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the content with all edits; raise `BadYaml` if one would change another value too.

    Comments, blank lines, quotes and line ends stay.
    """
    removals = sorted((e for e in edits if e.is_removed), key=lambda e: e.path, reverse=True)
    content = _apply_at_once(content, [edit for edit in edits if not edit.is_removed])
    # From the last one on, so that the indices in the paths of the others stay true.
    for removal in removals:
        content = _apply_at_once(content, [removal])
    return content


def _apply_at_once(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the content with edits of different places."""
    document = read_document(content)
    splices = sorted((_splice(document, edit) for edit in edits), key=lambda splice: splice[0])
    text = document.text
    # From the end of the file, so that offsets stay true.
    for start, end, new in reversed(splices):
        text = text[:start] + new + text[end:]
    changed = text.encode()
    wanted = document.data
    for edit in edits:
        _apply_to_data(wanted, edit.path, edit)
    # The values of an alias are those of its anchor, which stands for other values too.
    if read_document(changed).data != wanted:
        raise BadYaml("a value of an anchor or of an unusual form cannot be edited in place")
    return (codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b"") + changed


def _apply_to_data(data: Any, path: Path, edit: Edit) -> None:
    """Apply an edit to the plain data of a document."""
    *outer, last = path
    owner = data
    for step in outer:
        owner = owner[step]
    if edit.is_removed:
        del owner[last]
        if not owner and outer:
            _apply_to_data(data, tuple(outer), edit)
    elif edit.is_new:
        owner[last].append(edit.value)
    else:
        owner[last] = edit.value


def _splice(document: YamlDocument, edit: Edit) -> tuple[int, int, str]:
    """Return the range of text that an edit replaces, and the new text."""
    if edit.is_removed:
        return (*_removed_range(document, edit.path), "")
    _, node = document.nodes[edit.path]
    if edit.is_new:
        return _append(document.text, node, edit.value)
    if node.id != "scalar" or node.style in ("|", ">"):
        raise BadYaml("the value is no plain word", node.start_mark.line + 1)
    return node.start_mark.index, node.end_mark.index, _in_style(edit.value, node.style)


def _in_style(value: Any, style: str | None) -> str:
    """Return a scalar with the quotes of the old one, where these do not change its type."""
    if isinstance(value, str) and _VERSION.match(value):
        return f"{style}{value}{style}" if style in ("'", '"') else value
    return scalar_text(value)


def _append(text: str, items: Any, value: Any) -> tuple[int, int, str]:
    """Return the place behind the last item of a list, and a new item in the style of the list."""
    if not items.value:
        place = items.start_mark.index + 1
        return place, place, flow_text(value)
    last = items.value[-1]
    place = _end_of(last)
    if items.flow_style:
        return place, place, f", {flow_text(value)}"
    indent = items.start_mark.column
    if last.flow_style and isinstance(value, dict):
        lines = [f"{' ' * indent}- {flow_text(value)}"]
    else:
        lines = list(block_lines([value], indent))
    newline = "\r\n" if "\r\n" in text else "\n"
    new = newline.join(lines)
    if text[place - 1] == "\n":
        # Block text ends behind its last line.
        return place, place, new + newline
    # A comment on the last line belongs to the last item.
    line_end = text.find("\n", place)
    place = len(text) if line_end < 0 else line_end - len(newline) + 1
    return place, place, newline + new


def _removed_range(document: YamlDocument, path: Path) -> tuple[int, int]:
    """Return the range of a key with its value, or of an item, with its separator."""
    owner = document.nodes[path[:-1]][1]
    if len(owner.value) == 1 and len(path) > 1:
        return _removed_range(document, path[:-1])
    key, value = document.nodes[path]
    # A mapping has pairs of nodes, a list has nodes.
    firsts = [each[0] if isinstance(each, tuple) else each for each in owner.value]
    index = firsts.index(key or value)
    start, end = firsts[index].start_mark.index, _end_of(value)
    if not owner.flow_style:
        return _whole_lines(document.text, start, end)
    if index + 1 < len(firsts):
        return start, firsts[index + 1].start_mark.index
    before = owner.value[index - 1]
    return _end_of(before[1] if isinstance(before, tuple) else before), end


def _whole_lines(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the range of the lines of a key or item in block style."""
    first = text.rfind("\n", 0, start) + 1
    if text[first:start].strip(" ") not in ("", "-"):
        raise BadYaml("the value shares its line with others", text.count("\n", 0, start) + 1)
    # Block text ends behind its last line.
    last = end if text[end - 1] == "\n" else text.find("\n", end) + 1
    return first, last or len(text)


def _end_of(node: Any) -> int:
    """Return the offset behind the last value of a node.

    The end of a collection in block style is that of the comments behind it.
    """
    while node.id != "scalar" and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if node.id == "mapping" else last
    return int(node.end_mark.index)
