"""Read the configuration files of a run: files that its command names, and files of known names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.errors import Damaged
from git_datmo.model import Payload
from git_datmo.readers.scalar_values import flatten, parse_json
from git_datmo.readers.yaml_documents import read_yaml
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace

SUFFIXES = (".yaml", ".yml", ".json", ".toml")
EXPECTED = tuple(f"{stem}{suffix}" for stem in ("config", "params") for suffix in SUFFIXES)
"""Files that a program may read without a word in its command; a later one wins."""
HYDRA = ".hydra/config.yaml"
SIZE_LIMIT = 1 << 20
COUNT_LIMIT = 1000
# The parser of TOML takes memory with the square of a name's parts.
PARTS_LIMIT = 200

_ASSIGNED = re.compile(r"-{0,2}[A-Za-z_][\w.-]*=(.+)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file: its path in the repository, and its values by names with dots.

    `named` says that the command names it. Without that, it counts only if the run read it.
    `problem` is why its content is invalid, '' for a valid file.
    """

    path: str
    values: Mapping[str, Value]
    named: bool
    problem: str = ""


def find_config_files(
    ws: Workspace, command: Sequence[str], payloads: Iterable[Payload]
) -> tuple[ConfigFile, ...]:
    """Return the configuration files before a run, those of a later word last.

    Of invalid files, only those that the command names are returned.

    Files with an expected name come first: those at the top of the repository, then those in the
    current folder. Files of payloads are data, and no configuration.
    """
    folder = ws.repo.prefix.rstrip("/")
    data = tuple(f"{payload.path}/" for payload in payloads)
    # A later file wins: the one in the command's folder over the one at the top.
    expected = [os.path.join(each, name) for name in EXPECTED for each in ("", folder)]
    named = list(_named_files(ws, command, folder))
    found = dict[str, ConfigFile]()
    for path in (*expected, *named):
        if path in found or f"{path}/".startswith(data):
            continue
        file = _read(ws, path, named=path in named)
        if file.values or (file.named and file.problem):
            found[path] = file
    # `sorted` is stable, so files of the same kind keep their order.
    return tuple(found[path] for path in sorted(found, key=lambda each: found[each].named))


def _named_files(ws: Workspace, command: Sequence[str], folder: str) -> Iterator[str]:
    """Yield the paths in the repository that words of a command, or their values, can be."""
    for word in command:
        assigned = _ASSIGNED.match(word)
        text = assigned[1] if assigned else word
        if not text.endswith(SUFFIXES):
            continue
        path = os.path.relpath(os.path.join(ws.root, folder, text), ws.root)
        if not path.startswith(".."):
            yield path


def remarks_on_config(files: Iterable[ConfigFile]) -> Iterator[str]:
    """Yield a remark for each invalid file."""
    for file in files:
        if file.problem:
            yield f"'{file.path}' gives no parameters: {file.problem}"


def _read(ws: Workspace, path: str, *, named: bool) -> ConfigFile:
    """Read a file; it has no values if it is missing, invalid, large, or has many values."""
    full = ws.root / path
    try:
        if full.is_file() and full.stat().st_size <= SIZE_LIMIT:
            return ConfigFile(path, _read_values(full.read_bytes(), path), named)
    except OSError:
        pass
    except ValueError as error:
        return ConfigFile(path, {}, named, str(error))
    return ConfigFile(path, {}, named)


def parse_config(content: bytes, name: str) -> dict[str, Value]:
    """Return the values of a configuration file's content, in the format of its name.

    Returns none if it is invalid, holds no mapping, or has more values than `COUNT_LIMIT`.
    """
    try:
        return _read_values(content, name)
    except ValueError:
        return {}


def _read_values(content: bytes, name: str) -> dict[str, Value]:
    """Return the values of a document; raise `ValueError` if it is invalid."""
    try:
        document = _parse(content, name)
        values = dict(flatten("", document)) if isinstance(document, Mapping) else {}
    except UnicodeDecodeError as error:
        raise ValueError("it is not UTF-8") from error
    # The parser of TOML recurses, so deeply nested input raises `RecursionError`.
    except (Damaged, ValueError, RecursionError) as error:
        form = {".json": "JSON", ".toml": "TOML"}.get(os.path.splitext(name)[1], "YAML in UTF-8")
        raise ValueError(f"it is not valid {form}") from error
    return values if len(values) <= COUNT_LIMIT else {}


def _parse(content: bytes, name: str) -> object:
    """Parse a document; raise `ValueError` if it is invalid."""
    if name.endswith(".json"):
        return parse_json(content)
    if name.endswith(".toml"):
        from git_datmo.environments.toml_and_yaml import read_toml

        text = content.decode("utf-8-sig")
        if any(line.partition("=")[0].count(".") > PARTS_LIMIT for line in text.splitlines()):
            raise ValueError("a name has too many parts")
        return read_toml(text)
    return read_yaml(content)


def find_hydra_config(ws: Workspace, written: Iterable[str]) -> ConfigFile | None:
    """Return the configuration that Hydra wrote for the run; None unless there is just one.

    `written` are the files that the run wrote. Hydra writes one file for each job.
    """
    paths = [path for path in written if path == HYDRA or path.endswith(f"/{HYDRA}")]
    if len(paths) != 1:
        return None
    return _read(ws, paths[0], named=True)
