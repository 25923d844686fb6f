"""Draw the commits of a history with their experiments."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.cli.console import Console
from git_datmo.cli.log_formats import print_oneline
from git_datmo.history.experiments import Revisions
from git_datmo.query.evaluate import Row
from git_datmo.repository.workspace import Workspace

# Git writes this character around ids, and never in the drawing.
_MARK = "\x01"


def print_graph(ws: Workspace, revisions: Revisions, rows: Sequence[Row], console: Console) -> None:
    """Print git's drawing of the commits, with one line for each experiment below its commit."""
    of_commit: dict[str, list[Row]] = {}
    for row in rows:
        of_commit.setdefault(str(row["commit"]), []).append(row)
    # The user's settings must not change the lines, which are parsed below.
    argv = ["log", "--graph", "--no-color", "--no-show-signature", "--no-notes", "--no-ext-diff"]
    argv += ["--no-patch", "--no-mailmap", "--format=tformat:%x01%H%x01%s"]
    drawn = ws.repo.git.run(*argv, *revisions.refs, "--end-of-options", *revisions.arguments, "--")
    for line in drawn.decode("utf-8", "replace").splitlines():
        before, mark, rest = line.partition(_MARK)
        if not mark:
            console.print(line)
            continue
        commit, _, subject = rest.partition(_MARK)
        console.print(f"{before}{console.paint('cyan', commit[:10])} {subject}")
        # Below a commit, its line in the drawing goes on.
        margin = before.replace("*", "|")
        for row in of_commit.get(commit, ()):
            print_oneline(row, console, f"{margin}  ")
