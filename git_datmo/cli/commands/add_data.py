"""The `git datmo add-data` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Store and track files and folders of any size. git-datmo cuts them into content-addressed chunks,
and git's index never contains them. It refuses a path that a .gitignore file includes in git.
Symbolic links are stored as links, and you get a warning about links that lead nowhere in
another clone. If you add a path again, git-datmo reads only the files that changed. It warns of
tables whose header, or whose statistics in Parquet, do not fit the contract that is bound to
them."""
EXAMPLES = """
git datmo add-data data/faces
git datmo add-data --role model weights.pt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo add-data` to its parser."""
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file or folder of the working tree"
    )
    parser.add_argument(
        "--role",
        choices=("data", "model", "output"),
        help="the role of the payload in experiments (data)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a payload")


def run(options: argparse.Namespace, console: Console) -> int:
    """Store and track payloads, and return 0."""
    from git_datmo.model import Role

    return add(options, console, Role(options.role) if options.role else None)


def add(options: argparse.Namespace, console: Console, role: object) -> int:
    """Store and track payloads in a role, print them, and return 0.

    With a `role` of None, a tracked path keeps its role, and a new payload is data.
    """
    from git_datmo.contract_checks.header_gate import name_misfits_of_headers
    from git_datmo.model import Role
    from git_datmo.payloads import store_payloads
    from git_datmo.repository.hook_state import find_trouble
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_count, show_size

    assert role is None or isinstance(role, Role)
    with open_workspace(console.environ, console.cwd) as ws:
        paths = list(dict.fromkeys(ws.relative(path) for path in options.paths))
        added = store_payloads.add(ws, paths, role, progress=console.progress())
        trouble = find_trouble(ws)
        misfits = name_misfits_of_headers(ws, paths)
    for warning in (*trouble, *misfits):
        console.warn(warning)
    for each in added:
        for warning in each.warnings:
            console.warn(warning)
        payload, content = each.payload, each.payload.content
        if options.json:
            console.print_json(
                {
                    "path": payload.path,
                    "role": str(payload.role),
                    "object": str(payload.object),
                    "form": str(content.form),
                    "size": content.size,
                    "files": content.files,
                }
            )
            continue
        is_folder = str(content.form) == "folder"
        files = f", {show_count(content.files, 'file')}" if is_folder else ""
        console.print(f"{payload.path}: {payload.role}, {show_size(content.size)}{files}")
    if added and not options.json:
        console.print(f"{show_size(added[0].new_bytes)} new in the store")
    return 0
