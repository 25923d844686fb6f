"""Options by which verbs choose experiments from a history."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.cli.console import Console
    from git_datmo.report.experiment_list import ListOptions
    from git_datmo.repository.workspace import Workspace

REFS = ("all", "branches", "remotes", "tags")
# With fewer characters, '-N' is below `sys.maxsize`.
LIMIT_DIGITS = 19


def add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of refs, conditions, authors, tags and dates to a parser."""
    parser.add_argument(
        "--all",
        action="store_true",
        help="show every snapshot of all refs, with those that only follow the data",
    )
    parser.add_argument("--branches", action="store_true", help="walk all branches")
    parser.add_argument("--remotes", action="store_true", help="walk all remote branches")
    parser.add_argument("--tags", action="store_true", help="walk all tags")
    parser.add_argument(
        "--data", action="store_true", help="include snapshots that only follow the data"
    )
    parser.add_argument(
        "--where", default="", metavar="CONDITION", help="show experiments that meet a condition"
    )
    parser.add_argument(
        "--author",
        default="",
        metavar="PATTERN",
        help="show those whose author ('Name <address>') matches a regular expression",
    )
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="TAG",
        help="show those with a tag; may be repeated",
    )
    parser.add_argument(
        "--since", "--after", default="", metavar="DATE", help="show those made since a date"
    )
    parser.add_argument(
        "--until", "--before", default="", metavar="DATE", help="show those made until a date"
    )


def choice_of(options: argparse.Namespace, words: Sequence[str], ws: Workspace) -> ListOptions:
    """Return the options of a list; '-N' among the words is a limit, as in git."""
    from git_datmo.history.experiments import Revisions
    from git_datmo.report.experiment_list import ListOptions

    limit, names = split_limit(words, options.max_count)
    refs = [f"--{name}" for name in REFS if getattr(options, name)]
    if options.all:
        # The refs of git-datmo itself lead to no code.
        refs = ["--exclude=refs/datmo/*", "--exclude=refs/notes/*", *refs]
    if not names and not refs:
        names = ["HEAD"] if ws.head() is not None else []
    return ListOptions(
        revisions=Revisions(tuple(names), tuple(refs)),
        follows=options.all or options.data,
        where=options.where,
        author=options.author,
        since=options.since,
        until=options.until,
        tags=tuple(options.tag),
        # As in git, a negative number means no limit.
        limit=None if limit is not None and limit < 0 else limit,
    )


def split_limit(words: Sequence[str], limit: int | None) -> tuple[int | None, list[str]]:
    """Return the limit and the other words; the last '-N' among them replaces `limit`."""
    names = []
    limit = None if limit is None else min(limit, sys.maxsize)
    for word in words:
        if word.startswith("-") and word[1:].isdecimal():
            # No history has more experiments. Python refuses to parse a number of many digits.
            limit = int(word[1:]) if len(word) < LIMIT_DIGITS else sys.maxsize
        else:
            names.append(word)
    return limit, names


def tell_none(console: Console, asked: ListOptions, words: Sequence[str]) -> int:
    """Say that no experiment was chosen, or that there is none yet; return 0."""
    is_choice = asked.needs_values or words
    console.tell(f"no experiments {'that the options choose' if is_choice else 'yet'}")
    return 0
