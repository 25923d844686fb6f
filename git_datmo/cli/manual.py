"""Manual pages from the parsers of the verbs. `python -m git_datmo.cli.pages` writes them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from git_datmo import __version__
from git_datmo.cli.configuration import EXITS, KEYS
from git_datmo.cli.parser import make_parser
from git_datmo.cli.verbs import VERBS, load

Section = tuple[str, list[tuple[str, str]]]

OVERVIEW = """\
git-datmo versions data, models, environments and results together with the code, through the git
host that a team already has. A payload is a file or folder that git-datmo tracks instead of git. It
is stored as content-addressed git objects in a separate store. A snapshot ties a commit to its
payloads, its environment and its run. 'git push' shares both. 'git datmo reproduce' reruns the
command of a snapshot on any machine and compares the results."""


def sections(verb: str) -> Iterator[Section]:
    """Yield the sections of a verb's page; '' stands for the overview.

    A section is a title with paragraphs. A paragraph is a term, or '' without a term, and a text.
    """
    if not verb:
        yield (
            "NAME",
            [("", "git-datmo - version data, models, environments and results with the code")],
        )
        yield "SYNOPSIS", [("", "git datmo [--version] [-h] VERB [ARGUMENTS]")]
        yield "DESCRIPTION", [("", OVERVIEW)]
        yield "VERBS", list(VERBS.items())
        yield "CONFIGURATION", [(key.name, key.paragraph) for key in KEYS]
        yield "EXIT STATUS", EXITS
        yield (
            "SEE ALSO",
            [
                (
                    "",
                    ", ".join(f"git-datmo-{name}(1)" for name in VERBS)
                    + ", git-notes(1), gitremote-helpers(7)",
                )
            ],
        )
        return
    module, parser = load(verb), make_parser(verb)
    yield "NAME", [("", f"git-datmo-{verb} - {VERBS[verb]}")]
    yield "SYNOPSIS", [("", " ".join(parser.format_usage().removeprefix("usage: ").split()))]
    yield "DESCRIPTION", [("", module.DESCRIPTION)]
    yield "OPTIONS", [_option(action) for action in parser._actions if action.help]  # noqa: SLF001  # argparse's one list
    yield "EXAMPLES", [("", line) for line in module.EXAMPLES.strip().splitlines()]
    yield "SEE ALSO", [("", "git-datmo(1)")]


def _option(action: argparse.Action) -> tuple[str, str]:
    """Return an argument or option of a parser as term and text."""
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    if not action.option_strings:
        return str(value or action.dest), str(action.help)
    term = ", ".join(action.option_strings)
    return (f"{term} {value}" if value and action.nargs != 0 else term), str(action.help)


def plain_text(verb: str) -> str:
    """Return a page for the terminal."""
    lines = []
    for title, paragraphs in sections(verb):
        lines.append(title)
        for term, text in paragraphs:
            if term:
                lines.append(f"    {term}")
            lines += [f"    {'    ' if term else ''}{line}" for line in text.splitlines()]
        lines.append("")
    return "\n".join(lines)


def roff(verb: str) -> str:
    """Return a page in the man macros (man-pages(7))."""
    name = f"GIT-DATMO-{verb.upper()}" if verb else "GIT-DATMO"
    lines = [f'.TH "{name}" "1" "" "git-datmo {__version__}" "git-datmo manual"']
    for title, paragraphs in sections(verb):
        lines.append(f'.SH "{title}"')
        for term, text in paragraphs:
            lines += [".TP", f"\\fB{_quote(term)}\\fR"] if term else [".PP"]
            lines += [".nf", _quote(text), ".fi"] if title == "EXAMPLES" else [_quote(text)]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    """Return text with roff's special characters escaped."""
    # A plain `-` becomes a hyphen that a shell does not take (groff_char(7)).
    quoted = text.replace("\\", "\\e").replace("-", "\\-")
    # A line with one of these characters at its start is a request; `\&` takes no space.
    return "\n".join(
        "\\&" + line if line.startswith((".", "'")) else line for line in quoted.splitlines()
    )


def page_names() -> Iterator[tuple[str, str]]:
    """Yield the file name of each page with its verb; '' stands for the overview."""
    yield "git-datmo.1", ""
    for verb in VERBS:
        yield f"git-datmo-{verb}.1", verb
