"""Put hex dumps of trees into `docs/FORMAT.md`, as the independent implementation makes them."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.independent_objects import Objects, Writer
from tests.support.vector_content import chunk_list

DOCUMENT = Path(__file__).parents[2] / "docs" / "FORMAT.md"


def dump(content: bytes) -> str:
    """Return lines of offset, 16 bytes in hex, and the printable ones among them."""
    lines = []
    for start in range(0, len(content), 16):
        piece = content[start : start + 16]
        text = "".join(
            chr(byte) if 32 <= byte < 127 and byte != ord("`") else "." for byte in piece
        )
        lines.append(f"{start:04x}  {piece.hex(' '):<47}  {text}")
    return "\n".join(lines)


def chunk_tree() -> str:
    """Dump the tree of a file of four chunks."""
    writer = Writer("sha1")
    return _told(writer.objects, writer.chunk_tree(chunk_list(writer, 4)))


def split_folder() -> str:
    """Dump the tree of a folder of 257 empty files, and its first part."""
    writer = Writer("sha1")
    root = writer.folder(dict.fromkeys((b"%d" % number for number in range(257)), b""))
    content = writer.objects[root][1]
    first = content.index(b"\0") + 1
    return f"{_told(writer.objects, root)}\n\n{_told(writer.objects, content[first : first + 20].hex())}"


def _told(objects: Objects, oid: str) -> str:
    return f"tree {oid}\n{dump(objects[oid][1])}"


DUMPS = {"chunk tree": chunk_tree, "split folder": split_folder}


def with_dumps(page: str) -> str:
    """Return the page with its dumps made anew; they follow comments that name them."""
    for name, make in DUMPS.items():
        pattern = rf"(<!-- dump: {name} -->\n)(?:\n```text\n.*?```\n)?"
        made = f"\n```text\n{make()}\n```\n"
        page, count = re.subn(
            pattern, lambda match, made=made: match[1] + made, page, count=1, flags=re.DOTALL
        )  # type: ignore[misc]
        assert count == 1, name
    return page


if __name__ == "__main__":
    DOCUMENT.write_text(with_dumps(DOCUMENT.read_text()))
