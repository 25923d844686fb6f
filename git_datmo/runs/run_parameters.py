"""Find a run's parameters in the options of its command, and in a `params.yaml` that it read."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from git_datmo.readers.scalar_values import flatten, parse_value
from git_datmo.readers.yaml_documents import read_yaml
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.secret_rules import is_secret_value

FILES = ("params.yaml", "params.yml", "params.json")
SIZE_LIMIT = 1 << 20
COUNT_LIMIT = 1000

_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)\Z")
_ASSIGNED = re.compile(r"(?:--?|\+{0,2})([A-Za-z_][\w.-]*)=(.*)\Z", re.DOTALL)
_NUMBER = re.compile(r"-[0-9.]")


def command_parameters(command: Sequence[str]) -> dict[str, Value]:
    """Return the options of a program as parameters: `--lr 0.1`, `--lr=0.1`, `lr=0.1`.

    An option without a value is True. Options of the interpreter, which precede the script, and
    secrets are left out.
    """
    options = _options(list(_own_words(command)))
    return {name: value for name, value in options if not is_secret_value(name, str(value))}


def _own_words(command: Sequence[str]) -> Iterator[str]:
    """Yield the words after an interpreter's script or module, or after any other program."""
    words = iter(command[1:])
    if re.match(r"(?:.*/)?(?:python|pypy)[0-9.]*\Z", command[0]):
        for word in words:
            if word in ("-m", "-c"):
                next(words, None)
                break
            if word in ("-X", "-W"):
                next(words, None)
            elif not word.startswith("-"):
                break
    yield from words


def _options(words: list[str]) -> Iterator[tuple[str, Value]]:
    """Yield the name and value of each option in `words`."""
    for place, word in enumerate(words):
        assigned, option = _ASSIGNED.match(word), _OPTION.match(word)
        if assigned:
            yield assigned[1], parse_value(assigned[2])
        elif option and word.startswith("--"):
            following = words[place + 1] if place + 1 < len(words) else "-"
            is_value = not following.startswith("-") or _NUMBER.match(following)
            yield (
                option[1],
                parse_value(following) if is_value and not _ASSIGNED.match(following) else True,
            )


def file_parameters(ws: Workspace) -> tuple[str, dict[str, Value]]:
    """Return the path and values of the first parameter file; '' and no values if none exists.

    Searches the current folder, then the top of the repository.
    """
    for folder in dict.fromkeys([ws.repo.prefix.rstrip("/"), ""]):
        for name in FILES:
            path = os.path.join(folder, name)
            with suppress(OSError):
                full = ws.root / path
                if full.is_file() and full.stat().st_size <= SIZE_LIMIT:
                    return path, _read(full.read_bytes(), is_json=name.endswith(".json"))
    return "", {}


def _read(content: bytes, *, is_json: bool) -> dict[str, Value]:
    """Return the values of a parameter file; none if it is invalid or has too many."""
    try:
        document = json.loads(content) if is_json else read_yaml(content)
        values = dict(flatten("", document)) if isinstance(document, Mapping) else {}
    except (ValueError, RecursionError):
        return {}
    return values if len(values) <= COUNT_LIMIT else {}
