"""Parsers of command lines, each made from the module of a verb."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import NoReturn

from git_datmo.cli.verbs import load
from git_datmo.errors import UsageError
from git_datmo.suggest import nearest

WIDTH = 78


class Parser(argparse.ArgumentParser):
    """Parser that raises `UsageError`, with git's exit code 129, instead of exiting."""

    @property
    def option_names(self) -> tuple[str, ...]:
        """Return the names of all options, with their dashes."""
        return tuple(name for action in self._actions for name in action.option_strings)

    def free_lists(self) -> None:
        """Let an argument of any number of words be absent.

        Without this, argparse lists it among the required arguments that are missing.
        """
        for action in self._actions:
            if action.nargs == "*" and not action.option_strings:
                action.required = False

    def error(self, message: str) -> NoReturn:
        """Raise `UsageError` with argparse's message."""
        raise UsageError(message, f"see '{self.prog} -h'")


def _formatter(prog: str) -> argparse.RawDescriptionHelpFormatter:
    """Return a formatter that keeps line breaks of descriptions."""
    # Without a fixed width, argparse imports `shutil` to ask for the terminal's width.
    return argparse.RawDescriptionHelpFormatter(prog, width=WIDTH)


def make_parser(verb: str) -> Parser:
    """Return the parser of a verb with the texts and options of the verb's module."""
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
    parser.free_lists()
    return parser


def parse(parser: Parser, verb: str, words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of a verb; raise `UsageError` for an invalid command line.

    If the module has `BEHIND`, the words after '--' go unparsed to the option of that name. If it
    has `PASSES_ON`, all words go unparsed to `words`. If it has `INTERMIXED`, options may stand
    between arguments. Values of its `SIGNED` options may begin with a dash.
    """
    if getattr(load(verb), "PASSES_ON", False):
        return argparse.Namespace(words=list(words))
    behind = getattr(load(verb), "BEHIND", None)
    own = words if behind is None else own_words(words)
    joined = _join_signed(own, getattr(load(verb), "SIGNED", ()))
    if getattr(load(verb), "INTERMIXED", False):
        options, left = parser.parse_known_intermixed_args(joined)
    else:
        # Words that are left are explained by `_refusal`, which knows more than argparse.
        options, left = parser.parse_known_args(joined)
    if left:
        raise _refusal(parser, verb, words, left, takes_command=behind == "command")
    if behind is not None:
        setattr(options, behind, list(words[len(own) + 1 :]))
    return options


def _join_signed(words: Sequence[str], names: Sequence[str]) -> list[str]:
    """Return the words, with each option in `names` joined to its value by '='.

    argparse would take a value that begins with a dash for an option.
    """
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] in names:
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _refusal(
    parser: Parser, verb: str, words: Sequence[str], left: Sequence[str], *, takes_command: bool
) -> UsageError:
    """Return the error for words that no option took.

    The cause is often a command without '--' before it, an option of git's verb of the same name
    (the module's `OF_GIT` has ours for it), or a misspelt option.
    """
    first = left[0]
    if takes_command and "--" not in words and not first.startswith("-"):
        from git_datmo.terminal_text import quote_words

        place = words.index(first)
        whole = quote_words([*words[:place], "--", *words[place:]])
        return UsageError("the command must follow '--'", f"git datmo {verb} {whole}")
    name = first.partition("=")[0]
    near: str | None = getattr(load(verb), "OF_GIT", {}).get(name)
    if near is None and name.startswith("-"):
        near = nearest(name, parser.option_names)
    return UsageError(
        f"unrecognized arguments: {' '.join(left)}",
        f"did you mean '{near}'?" if near else f"see '{parser.prog} -h'",
    )


def own_words(words: Sequence[str]) -> Sequence[str]:
    """Return the words before '--'. Later words belong to the command to run."""
    return words[: words.index("--")] if "--" in words else words
