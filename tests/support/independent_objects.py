"""Implement the format's objects a second time, from `docs/FORMAT.md` alone: small and slow.

Import nothing of git-datmo: both can agree only on rules that the document states.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MASK64 = (1 << 64) - 1
MIN, AVERAGE, MAX = 65536, 262144, 1048576
MASK_SMALL, MASK_LARGE = 0x0000D91707537000, 0x0000D90703537000
GEAR = [
    int.from_bytes(hashlib.md5(bytes([value]) * 64).digest()[:8], "big") for value in range(256)
]

BLOB, EXECUTABLE, LINK, TREE = b"100644", b"100755", b"120000", b"40000"
RESERVED = re.compile(
    rb"\.datmo-[a-z]+\Z|\A\.?git|\A\.mailmap\Z|~[0-9]|\\"
    rb"|\xe2\x80[\x8c-\x8f\xaa-\xae]|\xe2\x81[\xaa-\xaf]|\xef\xbb\xbf",
    re.IGNORECASE,
)

Objects = dict[str, tuple[str, bytes]]


def stream(seed: str, size: int) -> bytes:
    """Return the test vectors' bytes: the SHA-256 of `seed:0`, of `seed:1`, and so on, cut to
    `size`."""
    blocks = (
        hashlib.sha256(f"{seed}:{number}".encode()).digest() for number in range(-(-size // 32))
    )
    return b"".join(blocks)[:size]


def cut(data: bytes) -> list[int]:
    """Return the lengths of the chunks of `data`."""
    lengths = []
    while data:
        lengths.append(_first_cut(data))
        data = data[lengths[-1] :]
    return lengths


def _first_cut(data: bytes) -> int:
    if len(data) <= MIN:
        return len(data)
    end = min(len(data), MAX)
    fingerprint = 0
    for place in range(MIN, end & ~1):
        fingerprint = (fingerprint << 1) + GEAR[data[place]] & MASK64
        if not fingerprint & (MASK_SMALL if place < AVERAGE else MASK_LARGE):
            return place
    return end


def escape(name: bytes) -> bytes:
    """Return the stored form of a real name."""
    return name + b".datmo-name" if RESERVED.search(name) else name


def is_allowed(name: bytes) -> bool:
    """Return whether a name may be written and read."""
    text = re.sub(
        "[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]", "", name.decode("utf-8", "replace")
    )
    pieces = [
        piece.split(":")[0].rstrip(" .").lower()
        for piece in name.decode("utf-8", "replace").split("\\")
    ]
    if name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
        return False
    strict = name.decode("utf-8", "surrogateescape")
    cut = re.split("[\udc80-\udcff\ufffe\uffff]", strict)[0]
    own = {".git", ".gitmodules", ".gitattributes", ".gitignore", ".mailmap"}
    ignored = "[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]"
    if cut != strict and re.sub(ignored, "", cut).lower() in own:
        return False
    return text.lower() != ".git" and not {".git", "git~1"} & set(pieces)


class Writer:
    """Encode content as git objects of one object format; `objects` collects them by id."""

    def __init__(self, object_format: str) -> None:
        self._name = object_format
        self.objects: Objects = {}

    def put(self, kind: str, content: bytes) -> str:
        oid = hashlib.new(
            self._name, b"%s %d\0" % (kind.encode(), len(content)) + content
        ).hexdigest()
        self.objects[oid] = (kind, content)
        return oid

    def tree(self, entries: Iterable[tuple[bytes, bytes, str]]) -> str:
        """Store a git tree of (mode, name, id); return its id."""
        ordered = sorted(entries, key=lambda entry: entry[1] + (b"/" if entry[0] == TREE else b""))
        return self.put(
            "tree",
            b"".join(
                mode + b" " + name + b"\0" + bytes.fromhex(oid) for mode, name, oid in ordered
            ),
        )

    def file(self, data: bytes) -> tuple[str, bool]:
        """Store a file; return its object, and whether it is a chunk tree."""
        if len(data) <= MAX:
            return self.put("blob", data), False
        chunks, start = [], 0
        for length in cut(data):
            chunks.append((self.put("blob", data[start : start + length]), length))
            start += length
        return self.chunk_tree(chunks), True

    def chunk_tree(self, chunks: list[tuple[str, int]]) -> str:
        mode, level = BLOB, chunks
        while True:
            above: list[tuple[str, int]] = []
            group: list[tuple[str, int]] = []
            for place, (oid, size) in enumerate(level):
                group.append((oid, size))
                ends = len(group) >= 16 and int(oid[-2:], 16) % 128 == 0
                if ends or len(group) == 512 or place == len(level) - 1:
                    above.append(self._chunk_node(mode, group))
                    group = []
            mode, level = TREE, above
            if len(level) == 1:
                return level[0][0]

    def _chunk_node(self, mode: bytes, group: list[tuple[str, int]]) -> tuple[str, int]:
        entries, offset = [], 0
        for oid, size in group:
            entries.append((mode, f"{offset:016x}".encode(), oid))
            offset += size
        return self.tree(entries), offset

    def folder(self, content: Mapping[bytes, Any]) -> str:
        """Store a folder of name -> bytes (a file), ('executable' | 'link', bytes), or a mapping (a
        folder)."""
        return self.split({name: self._entry(name, value) for name, value in content.items()}, 0)

    def split(self, entries: Mapping[bytes, tuple[bytes, bytes, str]], depth: int) -> str:
        """Store a folder of real name -> tree entry, in parts where it is large."""
        if len(entries) <= 256:
            return self.tree(entries.values())
        parts: dict[str, dict[bytes, tuple[bytes, bytes, str]]] = {}
        for name, entry in entries.items():
            parts.setdefault(hashlib.sha256(name).hexdigest()[depth], {})[name] = entry
        return self.tree(
            (TREE, digit.encode() + b".datmo-part", self.split(part, depth + 1))
            for digit, part in parts.items()
        )

    def _entry(self, name: bytes, value: Any) -> tuple[bytes, bytes, str]:
        stored = escape(name)
        if isinstance(value, Mapping):
            return TREE, stored, self.folder(value)
        kind, data = value if isinstance(value, tuple) else ("file", value)
        if kind == "link":
            return LINK, stored, self.put("blob", data)
        oid, chunked = self.file(data)
        if chunked:
            return TREE, stored + (b".datmo-file" if kind == "file" else b".datmo-exec"), oid
        return (BLOB if kind == "file" else EXECUTABLE), stored, oid

    def commit(self, tree: str, parents: Iterable[str], message: str) -> str:
        who = "git-datmo <git-datmo@localhost> 1000000000 +0000"
        lines = [
            f"tree {tree}",
            *(f"parent {oid}" for oid in parents),
            f"author {who}",
            f"committer {who}",
            "",
            message,
        ]
        return self.put("commit", "".join(f"{line}\n" for line in lines).encode())

    def keep(self, record: Mapping[str, Any]) -> str:
        """Store the keep commit of a record's document, of any kind."""
        entries = []
        for kept in record["objects"]:
            is_tree = kept["form"] == "folder" or kept["size"] > MAX
            entries.append((TREE if is_tree else BLOB, kept["name"].encode(), kept["object"]))
        return self.commit(self.tree(entries), (), "datmo: keep")

    def link(self, parents: Iterable[str], more: str = "") -> str:
        return self.commit(self.tree(()), parents, f"datmo: link{more}")

    def part(self, blobs: Sequence[str]) -> str:
        """Store the part that keeps these blobs."""
        leaves = [
            self._numbered(BLOB, blobs[start : start + 256]) for start in range(0, len(blobs), 256)
        ]
        return self.commit(self._numbered(TREE, leaves), (), "datmo: part")

    def _numbered(self, mode: bytes, ids: Sequence[str]) -> str:
        return self.tree([(mode, b"%02x" % place, oid) for place, oid in enumerate(ids)])


class Reader:
    """Decode the objects of a writer."""

    def __init__(self, objects: Objects, object_format: str) -> None:
        self._objects = objects
        self._width = {"sha1": 20, "sha256": 32}[object_format]

    def _tree(self, oid: str) -> Iterator[tuple[bytes, bytes, str]]:
        kind, content = self._objects[oid]
        assert kind == "tree"
        while content:
            head, _, rest = content.partition(b"\0")
            mode, _, name = head.partition(b" ")
            yield mode, name, rest[: self._width].hex()
            content = rest[self._width :]

    def blob(self, oid: str) -> bytes:
        kind, content = self._objects[oid]
        assert kind == "blob"
        return content

    def chunked(self, oid: str) -> bytes:
        data = b""
        for mode, name, below in self._tree(oid):
            assert int(name, 16) == len(data)
            data += self.chunked(below) if mode == TREE else self.blob(below)
        return data

    def folder(self, oid: str) -> dict[bytes, Any]:
        content: dict[bytes, Any] = {}
        for mode, stored, below in self._tree(oid):
            if stored.endswith(b".datmo-part"):
                content |= self.folder(below)
            elif stored.endswith(b".datmo-file"):
                content[_real(stored[:-11])] = self.chunked(below)
            elif stored.endswith(b".datmo-exec"):
                content[_real(stored[:-11])] = ("executable", self.chunked(below))
            elif mode == TREE:
                content[_real(stored)] = self.folder(below)
            else:
                data = self.blob(below)
                content[_real(stored)] = (
                    data if mode == BLOB else ({EXECUTABLE: "executable", LINK: "link"}[mode], data)
                )
        return content


def _real(stored: bytes) -> bytes:
    return stored.removesuffix(b".datmo-name")
