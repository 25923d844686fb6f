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
    """The new value of a scalar at a path, or a new item at the end of the list at a path."""

    path: Path
    value: Any
    is_new: bool = False


def apply_edits(content: bytes, edits: Sequence[Edit]) -> bytes:
    """Return the content with all edits; raise `BadYaml` if one would change another value too.

    Comments, blank lines, quotes and line ends stay.
    """
    document = read_document(content)
    splices = sorted((_splice(document, edit) for edit in edits), key=lambda splice: splice[0])
    text = document.text
    # From the end of the file, so that offsets stay true.
    for start, end, new in reversed(splices):
        text = text[:start] + new + text[end:]
    changed = text.encode()
    wanted = document.data
    for edit in edits:
        _apply_to_data(wanted, edit)
    # The values of an alias are those of its anchor, which stands for other values too.
    if read_document(changed).data != wanted:
        raise BadYaml("a value of an anchor or of an unusual form cannot be edited in place")
    return (codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b"") + changed


def _apply_to_data(data: Any, edit: Edit) -> None:
    """Apply an edit to the plain data of a document."""
    *outer, last = edit.path
    for step in outer:
        data = data[step]
    if edit.is_new:
        data[last].append(edit.value)
    else:
        data[last] = edit.value


def _splice(document: YamlDocument, edit: Edit) -> tuple[int, int, str]:
    """Return the range of text that an edit replaces, and the new text."""
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


def _end_of(node: Any) -> int:
    """Return the offset behind the last value of a node.

    The end of a collection in block style is that of the comments behind it.
    """
    while node.id != "scalar" and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if node.id == "mapping" else last
    return int(node.end_mark.index)
