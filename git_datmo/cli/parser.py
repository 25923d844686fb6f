"""The words of a command line: one parser a verb, made from the verb's own module."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from git_datmo.cli.verbs import load
from git_datmo.errors import UsageError
from git_datmo.suggest import nearest

WIDTH = 78


class Parser(argparse.ArgumentParser):
    """Refuses wrong words as git does, with exit code 129."""

    @property
    def option_names(self) -> tuple[str, ...]:
        """The options that this verb takes, each as it is written."""
        return tuple(name for action in self._actions for name in action.option_strings)

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
        epilog="examples:\n"
        + "\n".join(f"  {line}" for line in module.EXAMPLES.strip().splitlines()),
        formatter_class=_formatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def parse(parser: Parser, verb: str, words: Sequence[str]) -> argparse.Namespace:
    """Return the options of a verb; where the verb names what stands behind '--', that is kept
    apart as it is.

    A verb that passes its words on to git gets all of them as they are.
    """
    if getattr(load(verb), "PASSES_ON", False):
        return argparse.Namespace(words=list(words))
    behind = getattr(load(verb), "BEHIND", None)
    own = words if behind is None else own_words(words)
    options, left = parser.parse_known_args(own)
    if left:
        raise _refusal(parser, verb, words, left, takes_command=behind is not None)
    if behind is not None:
        setattr(options, behind, list(words[len(own) + 1 :]))
    return options


def _refusal(
    parser: Parser, verb: str, words: Sequence[str], left: Sequence[str], *, takes_command: bool
) -> UsageError:
    """Return the error for words that no option took: a command without '--' before it, or a
    misspelt option."""
    first = left[0]
    if takes_command and "--" not in words and not first.startswith("-"):
        from git_datmo.terminal_text import quote_words

        place = words.index(first)
        whole = quote_words([*words[:place], "--", *words[place:]])
        return UsageError("the command has to stand behind '--'", f"git datmo {verb} {whole}")
    name = first.partition("=")[0]
    near = nearest(name, parser.option_names) if name.startswith("-") else None
    return UsageError(
        f"unrecognized arguments: {' '.join(left)}",
        f"did you mean '{near}'?" if near else f"see '{parser.prog} -h'",
    )


def own_words(words: Sequence[str]) -> Sequence[str]:
    """The words before '--': what follows belongs to the command that is run."""
    return words[: words.index("--")] if "--" in words else words
