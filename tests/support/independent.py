"""Implement the format a second time, from `docs/FORMAT.md` alone: small and slow.

Import nothing of git-datmo, so that what both agree on is what the document states.
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
Item = tuple[bytes, str]


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


def reached(parents: Mapping[str, Sequence[str]], snapshot: str) -> set[str]:
    """Return a snapshot and all that it leads to."""
    return {snapshot}.union(*(reached(parents, parent) for parent in parents.get(snapshot, ())))


def heads(parents: Mapping[str, Sequence[str]], snapshots: Iterable[str]) -> list[str]:
    """Return those of some snapshots that no other of them leads to, sorted."""
    every = set(snapshots)
    return sorted(
        s for s in every if not any(s in reached(parents, other) for other in every - {s})
    )


def nearest(
    parents: Mapping[str, Sequence[str]], ours: Iterable[str], theirs: Iterable[str]
) -> list[str]:
    """Return the nearest snapshots that two sides lead to."""
    one, other = (set[str]().union(*(reached(parents, s) for s in side)) for side in (ours, theirs))
    return heads(parents, one & other)


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


def kept_by_snapshot(snapshot: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the list of objects of a snapshot's document."""
    run = snapshot["run"] or {"inputs": [], "log": None}
    named = [(f"payload-{_digest(p['path'])}", p) for p in snapshot["payloads"]]
    named += [(f"input-{_digest(p['path'])}", p) for p in run["inputs"]]
    named += [(f"tracked-{_digest(p['path'])}", p) for p in run.get("tracked", [])]
    named += [
        ("code", snapshot["code"]),
        ("environment", snapshot["environment"]),
        ("log", run["log"]),
        ("series", run.get("series")),
        ("artifacts", run.get("artifacts")),
    ]
    keys = ("object", "form", "size", "files")
    return sorted(
        (
            {"name": name, **{key: content[key] for key in keys}}
            for name, content in named
            if content is not None
        ),
        key=lambda kept: kept["name"],
    )


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()[:40]


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


def environment_id(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted((name.encode(), content) for name, content in files.items()):
        digest.update(b"%d %s %d\0%s" % (len(name), name, len(content), content))
    return digest.hexdigest()


def canonical(document: Mapping[str, Any]) -> bytes:
    """Return a record's canonical JSON."""
    return (_json(document, "") + "\n").encode()


def _json(value: Any, indent: str) -> str:
    inner = indent + " "
    if isinstance(value, Mapping):
        items = [
            f"{_string(key)}: {_json(value[key], inner)}"
            for key in sorted(value, key=lambda key: key.encode())
        ]
        return _bracket("{}", items, indent)
    if isinstance(value, list):
        return _bracket("[]", [_json(item, inner) for item in value], indent)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value) if isinstance(value, int) else _float(value)


def _bracket(pair: str, items: list[str], indent: str) -> str:
    if not items:
        return pair
    return (
        pair[0] + "\n" + ",\n".join(f"{indent} {item}" for item in items) + f"\n{indent}" + pair[1]
    )


def _string(text: str) -> str:
    short = {
        '"': '\\"',
        "\\": "\\\\",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
    }
    return '"' + "".join(short.get(c) or (f"\\u{ord(c):04x}" if c < " " else c) for c in text) + '"'


def _float(value: float) -> str:
    """Return the fewest digits that read back as `value`: plain from 1e-4 up to 1e16, else with an
    exponent."""
    text = next(t for t in (f"{value:.{digits}e}" for digits in range(17)) if float(t) == value)
    mantissa, _, power = text.partition("e")
    exponent = int(power)
    sign = "-" if mantissa.startswith("-") else ""
    digits = mantissa.lstrip("-").replace(".", "").rstrip("0") or "0"
    if not -4 <= exponent < 16:
        fraction = f".{digits[1:]}" if digits[1:] else ""
        return f"{sign}{digits[0]}{fraction}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    if exponent < 0:
        return f"{sign}0.{'0' * (-exponent - 1)}{digits}"
    digits = digits.ljust(exponent + 1, "0")
    return f"{sign}{digits[: exponent + 1]}.{digits[exponent + 1 :] or '0'}"


def note_line(oid: str, document: Mapping[str, Any]) -> str:
    """Return the line of a note for a record's document."""
    text = re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", " ".join(_words(document))).strip()
    text = text if len(text) <= 200 else text[:199] + "…"
    return f"{oid} {document['kind']} {text}".rstrip()


def _words(document: Mapping[str, Any]) -> Iterator[str]:
    match document["kind"]:
        case "snapshot":
            first = re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", document["message"])[0]
            if document["message"]:
                yield f"'{first}'"
            for name in sorted(document["metrics"], key=lambda name: name.encode()):
                value = document["metrics"][name]
                yield f"{name}={f'{value:.6g}' if isinstance(value, float) else value}"
            if document["run"] is not None and not document["clean"]:
                yield "(uncommitted changes)"
            for payload in document["payloads"]:
                yield f"{payload['path']} ({_size(payload['size'])})"
        case "receipt":
            yield f"{document['verdict']} by {document['author']['name']}"
        case "image":
            size = _size(document["content"]["size"])
            yield f"{document['platform']} frozen by {document['author']['name']} ({size})"
        case "annotation":
            yield from _annotation_words(document)
        case "drop":
            yield f"{len(document['records'])} dropped {document['why']}"


def _annotation_words(document: Mapping[str, Any]) -> Iterator[str]:
    if document.get("type"):
        yield f"{document['type']}:"
    if document["message"]:
        yield document["message"]
    yield from (f"+{tag}" for tag in document.get("tags", ()))
    yield from (f"-{tag}" for tag in document.get("untags", ()))


def _size(size: float) -> str:
    unit = 0
    while size >= 1024 and unit < 4:
        size, unit = size / 1024, unit + 1
    return f"{size} bytes" if unit == 0 else f"{size:.2f} {['KiB', 'MiB', 'GiB', 'TiB'][unit - 1]}"


def data_id(payloads: Iterable[Mapping[str, Any]]) -> str:
    """Compute the id of a record's `payloads` for the commit trailer."""
    digest = hashlib.sha256()
    for payload in sorted(payloads, key=lambda payload: payload["path"].encode()):
        digest.update(f"{payload['path']}\0{payload['form']}\0{payload['object']}\n".encode())
    return digest.hexdigest()[:40]
