"""Set values of configuration files. Comments and the rest of the text stay as they are.

A JSON file is written anew with its indentation. Each edit is checked: the new text must have the
old values, except for the one that was set.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.readers.yaml_documents import compose_yaml
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.config_files import parse_config

Edits = Mapping[str, Mapping[str, Value]]
"""Values by their names with dots, by the path of the file in the repository."""
NO_EDITS: Edits = {}

_TOML_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(?:#.*)?\Z")
_TOML_ARRAY = re.compile(r"\s*\[\[")
_TOML_VALUE = re.compile(
    r"""(?P<head>\s*(?P<key>[\w."' \t-]+?)\s*=\s*)"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"'\[{][^#]*?)(?P<tail>\s*(?:#.*)?)\Z"""
)


def write_edits(ws: Workspace, edits: Edits) -> None:
    """Set values in configuration files of a working tree; raise `DatmoError` if that fails."""
    for path, values in edits.items():
        full = ws.root / path
        # A link may lead to a file outside of the run's own working tree.
        if full.is_symlink() or not full.is_file():
            raise DatmoError(f"'{path}' is not a file of the commit", "commit it as a file")
        full.write_bytes(edit_config(full.read_bytes(), path, values))


def edit_config(content: bytes, name: str, values: Mapping[str, Value]) -> bytes:
    """Return the content of a file with some values set, in the format of its name.

    Raises `DatmoError` if a value cannot be set without a change of others.
    """
    for key, value in values.items():
        # The text is edited in place. Only parsing the result shows that no other value changed.
        wanted = {**parse_config(content, name), key: value}
        try:
            text = _set(content.decode(), name, key, value)
        except ValueError:
            text = None
        if text is None or not _equal(parse_config(text.encode(), name), wanted):
            raise DatmoError(
                f"cannot set '{key}' in '{name}'",
                "write it as a plain value on a line of its own, or pass it as an option",
            )
        content = text.encode()
    return content


def _equal(one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
    """Return True for the same values of the same types."""
    # In Python, `1 == True` and `1 == 1.0`, but a program may tell them apart.
    return one == other and all(type(one[key]) is type(other[key]) for key in one)


def _set(text: str, name: str, key: str, value: Value) -> str | None:
    """Return the text with one value set; None if it has no such value."""
    if name.endswith(".json"):
        # JSON has no comments to keep.
        return _set_in_json(text, key, value)
    if name.endswith(".toml"):
        return _set_in_toml(text, key, value)
    return _set_in_yaml(text, key, value)


def _set_in_json(text: str, key: str, value: Value) -> str | None:
    document = json.loads(text)
    if not _replace(document, key, value):
        return None
    # The first indented line shows the indentation of the whole file.
    indent = re.search(r"\n([ \t]+)", text)
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(document, indent=indent[1] if indent else None, ensure_ascii=False) + end


def _replace(document: Any, key: str, value: Value) -> bool:
    """Set a value in nested objects and lists; return False if there is none by this name.

    A key of an object may contain dots itself.
    """
    items = document.items() if isinstance(document, dict) else enumerate(document)
    for each, below in list(items):
        if str(each) == key and not isinstance(below, dict | list):
            document[each] = value
            return True
        rest = key.removeprefix(f"{each}.")
        if rest != key and isinstance(below, dict | list) and _replace(below, rest, value):
            return True
    return False


def _set_in_yaml(text: str, key: str, value: Value) -> str | None:
    node = _find_node(compose_yaml(text), key)
    if node is None:
        return None
    # PyYAML's marks are offsets in the text, so the rest stays as it is.
    return text[: node.start_mark.index] + _spell_yaml(value) + text[node.end_mark.index :]


def _find_node(node: Any, key: str) -> Any:
    """Return the scalar node by this name in a tree of YAML nodes; None if there is none."""
    if node is None or node.id == "scalar":
        return None
    pairs = (
        [(each.value, below) for each, below in node.value]
        if node.id == "mapping"
        else [(str(index), below) for index, below in enumerate(node.value)]
    )
    for name, below in pairs:
        if name == key and below.id == "scalar":
            return below
        rest = key.removeprefix(f"{name}.") if isinstance(name, str) else key
        found = _find_node(below, rest) if rest != key else None
        if found is not None:
            return found
    return None


def _spell_yaml(value: Value) -> str:
    """Return a value as YAML. A float without a point would be text in YAML 1.1."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"inf": ".inf", "-inf": "-.inf"}.get(str(value), ".nan")
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, float) and "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text


def _set_in_toml(text: str, key: str, value: Value) -> str | None:
    table, lines = "", text.split("\n")
    for index, line in enumerate(lines):
        header = _TOML_HEADER.match(line)
        if header:
            table = f"{_plain_key(header[1])}."
        # Tables of an array share one header, so a dotted name no longer means a single line.
        elif _TOML_ARRAY.match(line):
            return None
        found = _TOML_VALUE.match(line)
        if found and table + _plain_key(found["key"]) == key:
            lines[index] = found["head"] + json.dumps(value, ensure_ascii=False) + found["tail"]
            return "\n".join(lines)
    return None


def _plain_key(text: str) -> str:
    """Return a dotted TOML key without blanks and quotes."""
    return ".".join(part.strip().strip("\"'") for part in text.split("."))
