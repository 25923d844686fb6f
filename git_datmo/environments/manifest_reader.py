"""Read an environment's files as a stranger's: every name, version and line is checked before
use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal

from git_datmo.environments import conda
from git_datmo.environments.conda import CondaPackage
from git_datmo.environments.manifest import (
    ARCHIVE,
    CONDA,
    DOCKERFILE,
    FOREIGN_NAME,
    INDEX,
    LOCK,
    MANIFEST,
    NAME,
    PINNED,
    PROJECT_FILES,
    REFERENCE,
    SYSTEM,
    VERSION,
    Local,
    Manifest,
    Package,
)
from git_datmo.errors import Damaged

SIZE_LIMIT = 4 << 20
_WORD = re.compile(r"[a-z][a-z0-9_-]*\Z")
_PYTHON = re.compile(r"[0-9]+(?:\.[0-9]+){2}[0-9a-z.+]*\Z")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*[0-9a-z.+-]*\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")
_FILE = re.compile(rf"(?:{ARCHIVE.pattern})?\Z")
_IMAGE = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._/:@-]*)?\Z")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TEXT = re.compile(r"[^\0\r\n]*\Z")


def read_environment(files: Mapping[str, bytes]) -> Manifest:
    """Return the manifest; raise `Damaged` for files that git-datmo does not write."""
    for name in (MANIFEST, LOCK, DOCKERFILE):
        if name not in files:
            raise Damaged(f"the environment has no '{name}'")
        if len(files[name]) > SIZE_LIMIT:
            raise Damaged(f"'{name}' of the environment is larger than {SIZE_LIMIT} bytes")
    try:
        # Decoded only to check that it is text.
        files[DOCKERFILE].decode()
        raw = json.loads(files[MANIFEST].decode())
    except (ValueError, RecursionError) as e:
        raise Damaged(f"the environment's files are not what git-datmo writes: {e}") from e
    manifest = _manifest(raw)
    # Pip reads this file, so each of its lines must follow from the checked manifest.
    if files[LOCK] != manifest.lock():
        raise Damaged(f"'{LOCK}' of the environment does not list the packages of '{MANIFEST}'")
    for name in manifest.files():
        if name not in files:
            raise Damaged(f"the environment has no '{name}'")
    if manifest.is_of_conda and files[conda.LIST] != conda.explicit_list(manifest.conda):
        raise Damaged(
            f"'{conda.LIST}' of the environment does not list the packages of '{MANIFEST}'"
        )
    return manifest


def _manifest(raw: object) -> Manifest:
    if not isinstance(raw, dict) or raw.get("version") not in range(1, VERSION + 1):
        raise Damaged(
            f"'{MANIFEST}' is of no version up to {VERSION}",
            "a later git-datmo may have written it: update",
        )
    # Version 2 added hashes, archives, indexes, system packages and project files of other
    # languages; version 3 added conda's packages. Keys that an older version does not have are
    # empty.
    first = raw["version"] == 1
    interpreter, variables = raw.get("python" if first else "interpreter"), raw.get("variables")
    if not isinstance(interpreter, dict) or not isinstance(variables, dict):
        raise Damaged(f"'{MANIFEST}' has no interpreter or no variables")
    # Another language has other rules for names and versions.
    implementation = _text(interpreter, "implementation", _WORD)
    foreign = not first and implementation in PROJECT_FILES
    names = FOREIGN_NAME if foreign else NAME
    return Manifest(
        implementation=implementation,
        python=_text(interpreter, "version", _VERSION if foreign else _PYTHON),
        packages=tuple(_package(item, names, first=first) for item in _items(raw, "packages")),
        local=tuple(_local(item, first=first) for item in _items(raw, "local")),
        base_image=_text(raw, "base_image", _IMAGE),
        dockerfile=_kind(raw),
        variables=tuple(
            (_text({"name": name}, "name", _VARIABLE), _text(variables, name, _TEXT))
            for name in sorted(variables)
        ),
        indexes=() if first else _texts(raw, "indexes", INDEX),
        system=() if first else _texts(raw, "system", SYSTEM),
        conda=tuple(_conda_package(item) for item in _items(raw, "conda"))
        if raw["version"] == VERSION
        else (),
    )


def _package(item: Mapping[str, Any], names: re.Pattern[str], *, first: bool) -> Package:
    hashes = () if first else _texts(item, "hashes", _DIGEST)
    return Package(
        _text(item, "name", names), _text(item, "version", PINNED), _source(item), hashes
    )


def _local(item: Mapping[str, Any], *, first: bool) -> Local:
    file = "" if first else _text(item, "file", _FILE)
    return Local(_text(item, "name", NAME), _path(item), file)


def _conda_package(item: Mapping[str, Any]) -> CondaPackage:
    return CondaPackage(
        _text(item, "name", conda.NAME),
        _text(item, "version", conda.WORD),
        _text(item, "build", conda.WORD),
        _text(item, "url", conda.URL),
        _text(item, "md5", conda.MD5),
        _text(item, "sha256", conda.SHA256),
    )


def _text(holder: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    value = holder.get(key)
    if not isinstance(value, str) or not pattern.match(value):
        raise Damaged(f"'{MANIFEST}' has a bad {key}: {value!r:.80}")
    return value


def _texts(holder: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    value = holder.get(key)
    if not isinstance(value, list):
        raise Damaged(f"'{MANIFEST}' has a bad {key}")
    return tuple(_text({key: item}, key, pattern) for item in value)


def _items(holder: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    value = holder.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise Damaged(f"'{MANIFEST}' has a bad {key}")
    return value


def _source(item: Mapping[str, Any]) -> str:
    source = item.get("source")
    return source if source in ("index", CONDA) else _text(item, "source", REFERENCE)


def _path(item: Mapping[str, Any]) -> str | None:
    if item.get("path") is None:
        return None
    path = _text(item, "path", _TEXT)
    if (path and any(part in {"", ".", ".."} for part in path.split("/"))) or ":" in path:
        raise Damaged(f"'{MANIFEST}' names a path outside the repository: {path!r:.80}")
    return path


def _kind(raw: Mapping[str, Any]) -> Literal["generated", "repository"]:
    match raw.get("dockerfile"):
        case "generated":
            return "generated"
        case "repository":
            return "repository"
        case other:
            raise Damaged(f"'{MANIFEST}' has a bad dockerfile: {other!r:.80}")
