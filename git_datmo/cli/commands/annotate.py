"""The `git datmo annotate` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Add a text to an experiment: a hypothesis, a result, a decision or a comment. Without a text, your
editor opens. The id of an annotation instead of an experiment makes the text an answer to it.
'git datmo log' and 'show' print annotations, and 'git push' shares them. The annotations of
several people are united."""
EXAMPLES = """
git datmo annotate --hypothesis 'a smaller rate trains longer, and better'
git datmo annotate 3f9c2a --result 'better by 2 points' --tag candidate
git datmo annotate 81d7e0 --comment 'the same with another seed'
git datmo annotate HEAD
"""
KINDS = ("hypothesis", "result", "decision", "comment")
TEMPLATE = """

# Write the {kind} of {what}. Lines that begin with '#' are left out,
# and an empty text adds nothing.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo annotate` to its parser."""
    parser.add_argument(
        "name",
        nargs="?",
        default="HEAD",
        metavar="REV|ID",
        help="a commit, snapshot or annotation (HEAD)",
    )
    kinds = parser.add_mutually_exclusive_group()
    for kind in KINDS:
        kinds.add_argument(f"--{kind}", nargs="?", const="", metavar="TEXT", help=f"add a {kind}")
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="TAG",
        help="add a tag; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace, console: Console) -> int:
    """Add an annotation and return 0; return 1 for an empty text of the editor."""
    from git_datmo.operations.annotate import annotate
    from git_datmo.repository.workspace import open_workspace

    given = [kind for kind in KINDS if getattr(options, kind) is not None]
    kind = given[0] if given else ""
    text = getattr(options, kind) if kind else ""
    with open_workspace(console.environ, console.cwd) as ws:
        # Tags alone need no text, so no editor opens for them.
        if not text and (kind or not options.tag):
            template = TEMPLATE.format(kind=kind or "comment", what=f"'{options.name}'")
            text = console.edit(template, ws.state / "ANNOTATION_EDITMSG")
        if not text.strip() and not options.tag:
            console.tell("nothing added: the text is empty")
            return 1
        done = annotate(ws, options.name, message=text, kind=kind or "comment", tags=options.tag)
    if options.json:
        console.print_json({"id": done.id or None, "about": done.about, "tags": list(done.tags)})
    elif done.id:
        console.print(f"annotation {done.id[:10]} of '{done.about[:10]}'")
    elif options.tag:
        console.print(f"'{done.about[:10]}' has these tags already")
    return 0
