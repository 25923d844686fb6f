"""The `git datmo checkout` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Place the payloads of a commit or snapshot in the working tree, and fetch missing data. Without
--force, git-datmo never overwrites a file whose content is not stored. With paths and without a
commit, it restores their missing files as you added them last.

After a merge of payloads, you can take the files of either side for the paths that you name. If
the merge was interrupted, 'git datmo checkout' finishes it. If a checkout failed, repeat it to
finish it, or abandon it with --force and another snapshot."""
EXAMPLES = """
git datmo checkout
git datmo checkout main~3
git datmo checkout -- data/faces/alice.png
"""

BEHIND = "paths"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo checkout` to its parser."""
    parser.add_argument(
        "--force", action="store_true", help="discard local changes, or abandon a failed checkout"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "name", nargs="?", default="", metavar="REV|ID", help="a commit or snapshot (HEAD)"
    )
    # argparse does not know about words behind '--'.
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " [-- PATH...]"


def run(options: argparse.Namespace, console: Console) -> int:
    """Place payloads in the working tree, print their paths, and return 0.

    Without arguments, finish an interrupted merge first.
    """
    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.payloads.apply_snapshot import switch
    from git_datmo.payloads.merging.merge_state import is_interrupted
    from git_datmo.repository.healing import healed
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.terminal_text import quote_word

    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        if not (options.name or options.paths or options.force) and is_interrupted(ws):
            from git_datmo.cli.follow_messages import tell_concluded
            from git_datmo.payloads.after_commit import conclude_merge

            tell_concluded(conclude_merge(ws, progress=console.progress()), console)
            return 0
        only = [ws.relative(path) for path in options.paths]
        progress = console.progress()
        # A damaged object is fetched again, and the step is repeated.
        done = healed(
            ws,
            lambda: switch(ws, options.name, only=only, force=options.force, progress=progress),
            progress,
        )
    if options.json:
        document = {"snapshots": done.snapshots, "placed": done.placed, "removed": done.removed}
        console.print_json({key: list(values) for key, values in document.items()})
        return 0
    for path in done.placed:
        console.print(f"checked out: {path}")
    for path in done.removed:
        console.print(f"removed: {path}")
    for path in done.left:
        way = f"git datmo checkout --force HEAD -- {quote_word(path)}"
        console.warn(f"'{path}' is modified and was left alone ('{way}' discards the changes)")
    return 0
