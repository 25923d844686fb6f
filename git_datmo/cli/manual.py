"""Manual pages, made from the verbs' own parsers. `python -m git_datmo.cli.manual` writes them to docs/man."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from git_datmo import __version__
from git_datmo.cli.parser import make_parser
from git_datmo.cli.verbs import VERBS, load

Section = tuple[str, list[tuple[str, str]]]

OVERVIEW = """\
git-datmo lets the data, the model, the environment, the parameters, the result and the reason of an
experiment travel with its commit, through the git host that a team already has. A payload is a file
or folder kept out of git's index and stored as content-addressed git objects beside the code. A
snapshot ties a commit to its payloads, its environment and what ran. 'git push' shares both; 'git
datmo reproduce' reruns a snapshot elsewhere and says whether it is the same."""

CONFIGURATION = [
    ("datmo.engine", "Where 'reproduce' runs without --engine: docker or venv."),
    ("datmo.baseImage", "The image that generated Dockerfiles start from (python:X.Y-slim)."),
    ("datmo.trust", "Rerun others' snapshots outside a container without asking."),
    ("datmo.variable", "An environment variable to record with runs; may be given several times."),
    ("datmo.notSecret", "The id of a record that may be shared although something in it looks like a secret."),
    ("datmo.share", "What a push shares: 'all' experiments, or those of the pushed 'branch' alone (all)."),
    ("datmo.sign", "Sign snapshots and receipts without --sign."),
    ("datmo.timeout", "Seconds of silence after which a remote or program is given up (30)."),
    ("datmo.trailer", "Whether commits that change payloads get the trailer Datmo-Data (true)."),
    ("datmo.ignoredLimit", "What a run writes below ignored folders is kept up to this size (10m)."),
    ("datmo.untrackedLimit", "Untracked files above this size are left out of the stored code (10m)."),
    ("datmo.workerFolder", "Where a worker of a cluster keeps clones and environments (~/.cache/git-datmo/workers)."),
    ("datmo.<remote>.slice", "The most bytes in one push; else a 20th of what is shared, from 32m to 512m."),
    (
        "datmo.<remote>.namespace",
        (
            "Where the remote has what is shared: refs/datmo, refs/notes/git-datmo, refs/heads/git-datmo, or another "
            "name that ends in /git-datmo."
        ),
    ),
    ("datmo.<remote>.atomic", "Whether the remote moves several refs or none; else tried."),
    ("datmo.<remote>.filter", "Whether to ask the remote to leave objects out; else as it advertises."),
    ("datmo.<remote>.wantsById", "Whether to ask the remote for objects by their ids; else as it advertises."),
    ("datmo.<remote>.pause", "Seconds to wait when the remote limits how often it is asked (15)."),
    (
        "datmo.<remote>.store",
        (
            "Where the payload of a remote goes, if not to itself: another git remote, a folder, s3://BUCKET/PATH, "
            "sftp://HOST/PATH, lfs+https://SERVER, or another URL of fsspec's. Of several, the last is pushed to, "
            "and all are fetched from."
        ),
    ),
    ("remote.<name>.vcs", "'datmo' reaches the remote through git-remote-datmo (see 'git datmo init --helper')."),
]
EXITS = [
    ("0", "Done."),
    ("1", "A checked no: the rerun is different or failed."),
    ("2", "Incomplete: an object is not available locally or on any remote."),
    ("125", "'run' could not record; else it exits as its command did."),
    ("128", "Fatal; the line says what, and the hint what to do."),
    ("129", "Invalid command line."),
]


def sections(verb: str) -> Iterator[Section]:
    """A page's parts: a title, and paragraphs with or without a term before them."""
    if not verb:
        yield "NAME", [("", "git-datmo - data, model, environment and result travel with the commit")]
        yield "SYNOPSIS", [("", "git datmo [--version] [-h] VERB [ARGUMENTS]")]
        yield "DESCRIPTION", [("", OVERVIEW)]
        yield "VERBS", list(VERBS.items())
        yield "CONFIGURATION", CONFIGURATION
        yield "EXIT STATUS", EXITS
        yield (
            "SEE ALSO",
            [("", ", ".join(f"git-datmo-{name}(1)" for name in VERBS) + ", git-notes(1), gitremote-helpers(7)")],
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
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    if not action.option_strings:
        return str(value or action.dest), str(action.help)
    term = ", ".join(action.option_strings)
    return (f"{term} {value}" if value and action.nargs != 0 else term), str(action.help)


def plain_text(verb: str) -> str:
    """A page for the terminal."""
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
    """A page for man(1), in the man macros (man-pages(7))."""
    name = f"GIT-DATMO-{verb.upper()}" if verb else "GIT-DATMO"
    lines = [f'.TH "{name}" "1" "" "git-datmo {__version__}" "git-datmo manual"']
    for title, paragraphs in sections(verb):
        lines.append(f'.SH "{title}"')
        for term, text in paragraphs:
            lines += [".TP", f"\\fB{_quote(term)}\\fR"] if term else [".PP"]
            lines += [".nf", _quote(text), ".fi"] if title == "EXAMPLES" else [_quote(text)]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    quoted = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in quoted.splitlines())


def page_names() -> Iterator[tuple[str, str]]:
    """Every page's file name with its verb ('' for the overview)."""
    yield "git-datmo.1", ""
    for verb in VERBS:
        yield f"git-datmo-{verb}.1", verb


def write_pages(folder: Path) -> None:
    """Write every page to `folder`, and remove the pages of verbs that are gone."""
    pages = dict(page_names())
    for name, verb in pages.items():
        (folder / name).write_text(roff(verb), "utf-8")
    for path in folder.glob("*.1"):
        if path.name not in pages:
            path.unlink()


if __name__ == "__main__":
    write_pages(Path(__file__).parents[2] / "docs" / "man")
