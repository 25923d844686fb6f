"""Implement the format's records a second time, from `docs/FORMAT.md` alone: small and slow.

Import nothing of git-datmo: both can agree only on rules that the document states.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any


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
            yield from _snapshot_words(document)
        case "receipt":
            yield f"{document['verdict']} by {document['author']['name']}"
        case "image":
            size = _size(document["content"]["size"])
            yield f"{document['platform']} frozen by {document['author']['name']} ({size})"
        case "feedback":
            yield from _feedback_words(document)
        case "annotation":
            yield from _annotation_words(document)
        case "drop":
            yield f"{len(document['records'])} dropped {document['why']}"
        case "check":
            yield f"{document['file']} {document['verdict']}"
        case _:
            count = sum(each["outcome"] != "advisory" for each in document["results"])
            yield f"{document['verdict']}: {count} test{'' if count == 1 else 's'}"
            yield f"by {document['author']['name']}"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _snapshot_words(document: Mapping[str, Any]) -> Iterator[str]:
    first = re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", document["message"])[0]
    if document["message"]:
        yield f"'{first}'"
    for name in sorted(document["metrics"], key=lambda name: name.encode()):
        value = document["metrics"][name]
        yield f"{name}={_word(value)}"
    if document["run"] is not None and not document["clean"]:
        yield "(uncommitted changes)"
    for payload in document["payloads"]:
        yield f"{payload['path']} ({_size(payload['size'])})"


def _feedback_words(document: Mapping[str, Any]) -> Iterator[str]:
    counts = [(document[f"{noun}s"], noun) for noun in ("prediction", "refusal", "outcome")]
    yield ", ".join(f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in counts)
    yield f"({_size(document['content']['size'])})"


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
