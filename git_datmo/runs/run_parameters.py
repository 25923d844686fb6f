"""Find a run's parameters in its command, in configuration files, and in what the program tells."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_datmo.readers.scalar_values import parse_value
from git_datmo.records.record_values import Value
from git_datmo.runs.config_files import ConfigFile
from git_datmo.secrets.secret_rules import is_secret_value

_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)\Z")
# In Hydra's syntax, `+` adds a key, and `++` adds or sets it.
_ASSIGNED = re.compile(r"(?:--?|\+{0,2})([A-Za-z_][\w.-]*)=(.*)\Z", re.DOTALL)
# A word like `-0.5` is a value, not an option.
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
            # These options of Python have a value in the next word.
            if word in ("-X", "-W"):
                next(words, None)
            elif not word.startswith("-"):
                break
    yield from words


def _options(words: list[str]) -> Iterator[tuple[str, Value]]:
    """Yield the name and value of each option in `words`."""
    for index, word in enumerate(words):
        assigned, option = _ASSIGNED.match(word), _OPTION.match(word)
        if assigned:
            yield assigned[1], parse_value(assigned[2])
        elif option and word.startswith("--"):
            following = words[index + 1] if index + 1 < len(words) else "-"
            is_value = not following.startswith("-") or _NUMBER.match(following)
            yield (
                option[1],
                parse_value(following) if is_value and not _ASSIGNED.match(following) else True,
            )


@dataclass(frozen=True, slots=True)
class RunParameters:
    """The parameters of a run, and the source of each.

    A source is `user`, `command`, `script`, or `file:` with the path of a file in the repository.
    """

    values: Mapping[str, Value]
    sources: Mapping[str, str]


def unite_parameters(parts: Iterable[tuple[str, Mapping[str, Value]]]) -> RunParameters:
    """Return the parameters of several sources. The later source wins."""
    values, sources = dict[str, Value](), dict[str, str]()
    for source, some in parts:
        values |= some
        sources |= dict.fromkeys(some, source)
    return RunParameters(values, sources)


def seen_parameters(
    files: Iterable[ConfigFile],
    read: Collection[bytes] | None,
    told: Mapping[str, Value],
    command: Sequence[str],
    asked: Mapping[str, Value],
) -> RunParameters:
    """Return the parameters of a run.

    Later ones win: of `files`, `told` by the program, of the `command`, and `asked` for by the
    user. A file that the command does not name counts only if it is among the files `read`. `read`
    is None if no process was observed.
    """
    used = (each for each in files if each.named or read is None or os.fsencode(each.path) in read)
    return unite_parameters(
        [
            *((f"file:{each.path}", each.values) for each in used),
            ("script", told),
            ("command", command_parameters(command)),
            ("user", asked),
        ]
    )
