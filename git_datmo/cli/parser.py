"""The words of a command line: one parser a verb, made from the verb's own module."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from git_datmo.cli.verbs import load
from git_datmo.errors import UsageError

WIDTH = 78


class Parser(argparse.ArgumentParser):
    """Refuses wrong words as git does, with exit code 129."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see '{self.prog} -h'")


def _formatter(prog: str) -> argparse.RawDescriptionHelpFormatter:
    # Without a width, each parser that is made loads what asks the terminal for one.
    return argparse.RawDescriptionHelpFormatter(prog, width=WIDTH)


def make_parser(verb: str) -> Parser:
    """The parser of one verb, whose text is the verb's module's own."""
    module = load(verb)
    parser = Parser(
        prog=f"git datmo {verb}",
        description=module.DESCRIPTION,
        epilog="examples:\n" + "\n".join(f"  {line}" for line in module.EXAMPLES.strip().splitlines()),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def parse(parser: Parser, verb: str, words: Sequence[str]) -> argparse.Namespace:
    """The options of a verb; where the verb names what stands behind '--', that is kept apart as it is."""
    behind = getattr(load(verb), "BEHIND", None)
    if behind is None:
        return parser.parse_args(words)
    own = own_words(words)
    options = parser.parse_args(own)
    setattr(options, behind, list(words[len(own) + 1 :]))
    return options


def own_words(words: Sequence[str]) -> Sequence[str]:
    """The words before '--': what follows belongs to the command that is run."""
    return words[: words.index("--")] if "--" in words else words
