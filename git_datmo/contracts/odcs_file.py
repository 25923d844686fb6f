"""Read contracts in the form of the Open Data Contract Standard (ODCS) v3.

https://bitol-io.github.io/open-data-contract-standard/ has the standard. git-datmo interprets a
part of it; keys of constraints that it does not interpret are listed as `unchecked`.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any

from git_datmo.contracts.bounded_yaml import BadYaml, Path, YamlDocument, read_document
from git_datmo.contracts.contract_types import Contract, FileRule, Port, Table
from git_datmo.contracts.odcs_fields import read_field, read_quality
from git_datmo.contracts.odcs_values import BadContract, OdcsObject
from git_datmo.errors import DatmoError

SUFFIX = ".odcs.yaml"
FOLDER = "contracts"
# v3.0 is the form of v3.1 with fewer keys.
_VERSIONS = re.compile(r"v3\.[012]\.[0-9]+\Z")
_PORTS: tuple[Port, ...] = ("provides", "requires", "input", "output", "label")
_CUSTOM_OF_ROOT = ("datmo.entry", "datmo.gates")
# Each one multiplies the ways in which a deep path matches.
MOST_DEEP_STEPS = 2
_CUSTOM_OF_TABLE = ("datmo.port", "datmo.files", "datmo.disjoint")


def read_contract(content: bytes, file: str) -> Contract:
    """Return the contract in a file's content; `file` is its path in the repository.

    Raises `DatmoError` with the line if the content is not a contract, or too large or too deep.
    """
    try:
        document = read_document(content)
        return _read_root(document, file)
    except BadContract as error:
        # Only `_read_root` raises it, when there is a document.
        line = document.line_of(error.path)
        raise _refusal(file, line, str(error)) from error
    except BadYaml as error:
        raise _refusal(file, error.line, str(error)) from error


def contract_name(file: str) -> str:
    """Return the name of a contract's file: `faces` of `contracts/faces.odcs.yaml`."""
    return posixpath.basename(file).removesuffix(SUFFIX)


def _refusal(file: str, line: int, problem: str) -> DatmoError:
    place = f"{file}:{line}" if line else file
    return DatmoError(f"invalid contract {place}: {problem}", "mend the file")


def _read_root(document: YamlDocument, file: str) -> Contract:
    root = OdcsObject(document.data, ())
    kind = root.text("kind")
    if kind != "DataContract":
        raise root.error("kind", "'kind' is not DataContract")
    version = root.text("apiVersion")
    if not _VERSIONS.match(version):
        raise root.error("apiVersion", f"'apiVersion' is {version or 'missing'}, not v3.0 to v3.2")
    if not root.text("id"):
        raise root.error("id", "'id' is missing")
    custom = root.custom_properties(_CUSTOM_OF_ROOT)
    return Contract(
        id=root.text("id"),
        name=root.text("name") or contract_name(file),
        version=root.text("version"),
        status=root.text("status"),
        paths=tuple(_read_paths(root)),
        tables=_read_tables(root),
        entry=custom.text("datmo.entry"),
        gates=custom.texts("datmo.gates"),
        file=file,
        unchecked=("slaProperties",) if root.has("slaProperties") else (),
    )


def _read_paths(root: OdcsObject) -> list[str]:
    """Return the normalized paths of the `local` servers."""
    paths = []
    for server in root.objects("servers"):
        # Servers of other types hold no files of this repository.
        if server.text("type") == "local":
            text = server.text("path")
            if not text:
                raise server.error("path", "a local server has no 'path'")
            paths.append(check_path(server, "path", text))
    return paths


def check_path(owner: OdcsObject, key: str, text: str) -> str:
    """Return a path or pattern below the repository, without `./`; refuse any other."""
    # On Windows a backslash separates folders, so it could lead out of the repository.
    if "\0" in text or "\\" in text:
        raise owner.error(key, f"path '{text[:80]!r}' has a character that paths must not have")
    # Only the normalized form shows that `a/../..` leads out.
    path = posixpath.normpath(text)
    parts = path.split("/")
    # A file system that ignores case takes `.GIT` for the repository too.
    if text.startswith("/") or ".." in parts or ".git" in [part.lower() for part in parts]:
        raise owner.error(key, f"path '{text[:80]}' is outside the repository")
    if "://" in text:
        raise owner.error(key, f"'{text[:80]}' is a URL; a local server has a path")
    if parts.count("**") > MOST_DEEP_STEPS:
        message = f"path '{text[:80]}' has '**' more than {MOST_DEEP_STEPS} times"
        raise owner.error(key, message)
    return path


def _read_tables(root: OdcsObject) -> tuple[Table, ...]:
    tables = tuple(_read_table(table) for table in root.objects("schema"))
    seen: set[tuple[str, str]] = set()
    for index, table in enumerate(tables):
        # A model may take and require a table of one name.
        key = (table.name, table.port)
        if key in seen:
            path: Path = ("schema", index)
            raise BadContract(path, f"two objects of the schema are '{table.name}' ({table.port})")
        seen.add(key)
    return tables


def _read_table(found: OdcsObject) -> Table:
    name = found.text("name")
    if not name:
        raise found.error("name", "an object of the schema has no 'name'")
    custom = found.custom_properties(_CUSTOM_OF_TABLE)
    port = custom.text("datmo.port") or "provides"
    known = [one for one in _PORTS if one == port]
    if not known:
        raise custom.error("datmo.port", f"'datmo.port' is '{port}', not {', '.join(_PORTS)}")
    quality, unchecked = read_quality(found)
    fields = tuple(read_field(one, is_named=True) for one in found.objects("properties"))
    check_distinct(found, [field.name for field in fields])
    return Table(
        name=name,
        physical_name=found.text("physicalName"),
        port=known[0],
        fields=fields,
        quality=quality.rules,
        files=_read_files(custom) if custom.has("datmo.files") else None,
        # A name may be a path or a pattern, whose files are read.
        disjoint=tuple(
            check_path(custom, "datmo.disjoint", text) for text in custom.texts("datmo.disjoint")
        ),
        description=found.text("description"),
        unchecked=(*unchecked, *custom.unknown_of_datmo),
    )


def check_distinct(owner: OdcsObject, names: list[str]) -> None:
    """Raise `BadContract` if two fields have one name."""
    seen: set[str] = set()
    for index, name in enumerate(names):
        if name in seen:
            raise BadContract((*owner.path, "properties", index), f"two fields are '{name}'")
        seen.add(name)


def _read_files(custom: OdcsObject) -> FileRule:
    rule = custom.object("datmo.files")
    rule.allow("mediaTypes", "minSize", "maxSize", "channels")
    return FileRule(
        media_types=rule.texts("mediaTypes"),
        min_size=_read_size(rule, "minSize"),
        max_size=_read_size(rule, "maxSize"),
        channels=rule.numbers("channels"),
    )


def _read_size(rule: OdcsObject, key: str) -> tuple[int, int] | None:
    sizes: tuple[Any, ...] = rule.numbers(key)
    if not sizes:
        return None
    if len(sizes) != 2:
        raise rule.error(key, f"'{key}' is not [width, height]")
    return sizes[0], sizes[1]
