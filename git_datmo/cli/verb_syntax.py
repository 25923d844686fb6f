"""Options and arguments of each verb, as completion of command lines needs them."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from git_datmo.cli.parser import make_parser
from git_datmo.cli.verbs import VERBS, load

FILE, REVISION, REMOTE, VERB, WORD = "file", "revision", "remote", "verb", "word"

# Kind of word that a shell offers for each metavar. For other metavars a shell has no candidates.
PLACEHOLDERS = {
    "A": REVISION,
    "B": REVISION,
    "BAD": REVISION,
    "DIR": FILE,
    "FILE": FILE,
    "GOOD": REVISION,
    "PATH": FILE,
    "REMOTE": REMOTE,
    "REV": REVISION,
    "REVRANGE": REVISION,
    "REV|ID": REVISION,
    "VERB": VERB,
}


@dataclass(frozen=True, slots=True)
class Value:
    """Value of an option or an argument: a member of `choices`, or a word of `kind`."""

    kind: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """Option of a verb.

    `value` is None for a flag. `needs_value` is False if the value is optional.
    """

    names: tuple[str, ...]
    help: str
    value: Value | None
    needs_value: bool


@dataclass(frozen=True, slots=True)
class Syntax:
    """Options and arguments of a verb.

    `passes_on` says that git takes all words of the verb. `takes_files` says that words may follow
    '--'.
    """

    verb: str
    summary: str
    options: tuple[Option, ...]
    arguments: tuple[Value, ...]
    passes_on: bool
    takes_files: bool


def read_syntax(verb: str) -> Syntax:
    """Return the syntax of a verb from its parser."""
    actions = make_parser(verb)._actions  # noqa: SLF001  # argparse has no other list
    shown = [action for action in actions if action.help != argparse.SUPPRESS]
    options = tuple(_option(action) for action in shown if action.option_strings)
    arguments = tuple(_value(action) for action in shown if not action.option_strings)
    module = load(verb)
    passes_on, behind = getattr(module, "PASSES_ON", False), getattr(module, "BEHIND", None)
    return Syntax(verb, VERBS[verb], options, arguments, passes_on, takes_files=behind is not None)


def _option(action: argparse.Action) -> Option:
    """Return the option of an argparse action."""
    value = None if action.nargs == 0 else _value(action)
    text = " ".join(str(action.help).split())
    return Option(
        tuple(action.option_strings), text, value, value is not None and action.nargs != "?"
    )


def _value(action: argparse.Action) -> Value:
    """Return the value of an argparse action by its choices or its metavar."""
    if action.choices:
        return Value(WORD, tuple(map(str, action.choices)))
    return Value(PLACEHOLDERS.get(str(action.metavar), WORD))
