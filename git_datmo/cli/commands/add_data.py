"""git datmo add-data."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Stores files and folders of any size as content-addressed chunks and tracks them; git's own index
never holds them. A path that a .gitignore lets git take in is refused. Symbolic links are stored
as links; those that lead nowhere in another clone are named. Adding again reads only what
changed."""
EXAMPLES = """
git datmo add-data data/faces
git datmo add-data --role model weights.pt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file or folder of the working tree"
    )
    parser.add_argument(
        "--role", choices=("data", "model", "output"), help="what it is to the experiments (data)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a payload")


def run(options: argparse.Namespace, console: Console) -> int:
    from git_datmo.model import Role

    return add(options, console, Role(options.role) if options.role else None)


def add(options: argparse.Namespace, console: Console, role: object) -> int:
    from git_datmo.model import Role
    from git_datmo.payloads import store_payloads
    from git_datmo.repository.hook_state import find_trouble
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_size

    assert role is None or isinstance(role, Role)
    with open_workspace(console.environ, console.cwd) as ws:
        paths = list(dict.fromkeys(ws.relative(path) for path in options.paths))
        added = store_payloads.add(ws, paths, role, progress=console.progress())
        trouble = find_trouble(ws)
    for warning in trouble:
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
        files = f", {content.files} files" if str(content.form) == "folder" else ""
        console.print(f"{payload.path}: {payload.role}, {show_size(content.size)}{files}")
    if added and not options.json:
        console.print(f"{show_size(added[0].new_bytes)} new in the store")
    return 0
