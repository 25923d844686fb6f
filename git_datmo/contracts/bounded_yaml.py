"""Read YAML of strangers in bounded time and memory, with the lines of its values.

Scalars follow the core schema of YAML 1.2, as editors do: `no` is text, and so are dates and times.
Numbers with a fraction are `Decimal`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from git_datmo.readers.yaml_documents import safe_loader

# The largest example of the standard has 192 KB, and 5,000 values a 100 KB.
LARGEST_FILE = 4 << 20
MOST_NODES = 400_000
DEEPEST = 60
# Longer numbers would make comparisons slow; 308 digits are the range of a float64.
LONGEST_NUMBER = 320
# A leading zero makes text: `007` is a code rather than a number.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?\Z")
_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Of the standard's tags. Any other is refused: it stands for a type of some language.
_TAG = "tag:yaml.org,2002:"

Path = tuple[str | int, ...]


class BadYaml(ValueError):
    """Refused YAML. `line` counts from 1; it is 0 where the whole file is meant."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class YamlDocument:
    """A document: its plain data, and the nodes that they were made of.

    `nodes` has the pair of key and value nodes of each path; the key of a list's item is None.
    """

    def __init__(self, text: str, root: Any) -> None:
        self.text = text
        self.root = root
        self.nodes: dict[Path, tuple[Any, Any]] = {}
        self.data = self._build(None, root, ())

    def line_of(self, path: Path) -> int:
        """Return the line of a value, or of the nearest that encloses it."""
        # The empty path always has a node, so the loop ends.
        while path not in self.nodes:
            path = path[:-1]
        key, node = self.nodes[path]
        return int((key or node).start_mark.line) + 1

    def _build(self, key: Any, node: Any, path: Path) -> Any:
        """Return the data of a node. Aliases are safe: `_check_size` counted their expansion."""
        import yaml

        self.nodes[path] = (key, node)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        _check_tag(node, ("seq", "map"))
        if isinstance(node, yaml.SequenceNode):
            return [
                self._build(None, item, (*path, index)) for index, item in enumerate(node.value)
            ]
        built: dict[str, Any] = {}
        for name_node, value in node.value:
            name = _key(name_node)
            # PyYAML would silently keep the last of two equal keys.
            if name in built:
                raise BadYaml(f"'{name}' is there twice", name_node.start_mark.line + 1)
            built[name] = self._build(name_node, value, (*path, name))
        return built


def read_document(content: bytes) -> YamlDocument:
    """Parse YAML; raise `BadYaml` if it is invalid, too large, too deep or ambiguous.

    Anchors work. Their expansion counts, so that a few lines cannot make a billion values.
    """
    import yaml

    if len(content) > LARGEST_FILE:
        raise BadYaml(f"the file is larger than {LARGEST_FILE >> 20} MiB")
    try:
        # Some editors write a byte order mark, which is no part of the document.
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadYaml("the file is not UTF-8 text") from error
    loader = safe_loader()
    try:
        # Events come one by one. Composing nodes recurses, so the depth is checked before.
        _check_size(yaml.parse(text, Loader=loader))
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        marker = _CONFLICT.search(text)
        if marker is not None:
            line = text.count("\n", 0, marker.start()) + 1
            raise BadYaml("the file has conflict markers of a merge", line) from error
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise BadYaml(error.problem or "invalid YAML", line) from error
    except yaml.YAMLError as error:
        raise BadYaml("invalid YAML") from error
    if root is None:
        raise BadYaml("the file is empty")
    return YamlDocument(text, root)


def _check_size(events: Iterable[Any]) -> None:
    """Raise `BadYaml` if events have too many values, with aliases expanded, or too deep ones."""
    size = _Size()
    for event in events:
        # Each event is judged at once, so a bomb is refused before it is read to its end.
        size.add(event)
        if size.count > MOST_NODES:
            raise BadYaml(f"the file has more than {MOST_NODES:,} values", _line(event))
        if size.depth() > DEEPEST:
            raise BadYaml(f"values are nested deeper than {DEEPEST} levels", _line(event))


class _Size:
    """The number and depth of the values in a stream of events, with aliases expanded."""

    def __init__(self) -> None:
        self.count = 0
        # Count and depth of each anchored value.
        self._anchors: dict[str, tuple[int, int]] = {}
        # Of each open collection, and of the whole: anchor, count before it, depth within.
        self._opened: list[tuple[str | None, int, int]] = [(None, 0, 0)]

    def depth(self) -> int:
        """Return the depth of the newest value and of an alias in it."""
        return len(self._opened) - 1 + self._opened[-1][2]

    def add(self, event: Any) -> None:
        """Count an event; raise `BadYaml` for an alias of nothing, or of its own collection."""
        import yaml

        if isinstance(event, yaml.CollectionStartEvent):
            self._opened.append((event.anchor, self.count, 0))
            self.count += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before, within = self._opened.pop()
            self._finish(anchor, self.count - before, within + 1)
        elif isinstance(event, yaml.ScalarEvent):
            self.count += 1
            self._finish(event.anchor, 1, 0)
        elif isinstance(event, yaml.AliasEvent):
            # An anchor is noted when its collection ends, so an alias within it is refused too.
            if event.anchor not in self._anchors:
                message = f"'*{event.anchor}' has no anchor before it, or is within it"
                raise BadYaml(message, _line(event))
            count, depth = self._anchors[event.anchor]
            self.count += count
            self._finish(None, count, depth)

    def _finish(self, anchor: str | None, count: int, depth: int) -> None:
        """Note a finished value for its anchor and for the collection around it."""
        if anchor is not None:
            self._anchors[anchor] = (count, depth)
        outer, before, within = self._opened[-1]
        self._opened[-1] = (outer, before, max(within, depth))


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _check_tag(node: Any, known: tuple[str, ...]) -> None:
    """Raise `BadYaml` for a tag that stands for a type of some language."""
    if node.tag.removeprefix(_TAG) not in known:
        raise BadYaml(f"tag '{node.tag}' is not allowed", node.start_mark.line + 1)


def _key(node: Any) -> str:
    """Return the text of a mapping's key."""
    import yaml

    if not isinstance(node, yaml.ScalarNode):
        raise BadYaml("a key is not a plain word", node.start_mark.line + 1)
    if node.tag == f"{_TAG}merge":
        raise BadYaml("merge keys ('<<') are not supported", node.start_mark.line + 1)
    # A key is text, whatever it looks like: `1` and `yes` are names.
    return str(node.value)


def _scalar(node: Any) -> str | int | bool | Decimal | None:
    """Return the value of a scalar by the core schema of YAML 1.2."""
    # PyYAML gives plain scalars the tags of YAML 1.1. Their text decides below.
    _check_tag(node, ("str", "null", "bool", "int", "float", "timestamp", "value", "merge"))
    text = str(node.value)
    # Quoted and block text is text, whatever it looks like.
    if node.style in ("'", '"', "|", ">"):
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > LONGEST_NUMBER:
        return text
    if _INTEGER.match(text):
        return int(text)
    return Decimal(text) if _DECIMAL.match(text) else text
