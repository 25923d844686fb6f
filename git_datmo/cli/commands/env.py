"""The `git datmo env` command."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

    from git_datmo.repository.workspace import Workspace
    from git_datmo.runs.environment_commands import Inside, StoredEnvironment

DESCRIPTION = """\
Look at the environments of snapshots, and work in them.

show [REV] prints an environment. diff A [B] compares two environments, package by package. build
[REV] builds the image, unless it exists. shell [REV] opens a shell in the environment, or runs
the command after '--', in your own working tree. init writes a Dockerfile of your current
environment, which you can then edit. REV is HEAD by default.

freeze [REV] stores the image, so that it outlives the base images and packages that it is built
from. Your next push shares it, and images share their common content. If an image can no longer
be built, 'reproduce', 'run' and 'shell' use the frozen image and print a line about it. With
--rebuild, they never use it. The files in an image are shared as they are. 'git datmo drop ID'
takes a frozen image out of use."""
EXAMPLES = """
git datmo env show HEAD~2
git datmo env diff HEAD~2 HEAD
git datmo env build --rebuild
git datmo env freeze v1.0
git datmo env shell
git datmo env shell 3f9c2a --jupyter
git datmo env shell -- python -m pytest
git datmo env init
"""

BEHIND = "command"
INTERMIXED = True
NAMES = {
    "show": (0, 1),
    "diff": (1, 2),
    "build": (0, 1),
    "freeze": (0, 1),
    "shell": (0, 1),
    "init": (0, 0),
}
# An image need not have bash.
SHELL = ("sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo env` to its parser."""
    parser.add_argument(
        "action", nargs="?", choices=tuple(NAMES), default="show", help="an action (show)"
    )
    parser.add_argument("names", nargs="*", metavar="REV|ID", help="a commit or snapshot")
    parser.add_argument(
        "--engine",
        choices=("docker", "venv"),
        help="the engine that builds the environment (datmo.engine, else docker)",
    )
    parser.add_argument(
        "--on",
        default="",
        metavar="WHERE",
        help="build with the engine of another machine (as with 'run')",
    )
    parser.add_argument(
        "--rebuild", action="store_true", help="build the environment again even if it exists"
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="build the environment of another person without asking",
    )
    parser.add_argument("--network", action="store_true", help="shell: allow network access")
    parser.add_argument(
        "--jupyter", action="store_true", help="shell: start Jupyter on a free port, with network"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.usage = parser.format_usage().removeprefix("usage: ").rstrip() + " [-- CMD...]"


def run(options: argparse.Namespace, console: Console) -> int:
    """Run an action of `git datmo env` and return its exit code.

    Raises `UsageError` for a wrong number of names, or for options of `shell` with another action.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    least, most = NAMES[options.action]
    if not least <= len(options.names) <= most:
        raise UsageError(
            f"'{options.action}' takes {least if least == most else f'{least} or {most}'} REV or ID"
        )
    if (options.jupyter or options.network or options.command) and options.action != "shell":
        raise UsageError(
            "--jupyter, --network and a command belong to 'shell'", "see 'git datmo env -h'"
        )
    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        actions = {
            "show": _show,
            "diff": _diff,
            "build": _build,
            "freeze": _freeze,
            "shell": _shell,
            "init": _init,
        }
        return actions[options.action](options, console, ws)


def _stored(ws: Workspace, console: Console, names: list[str], place: int = 0) -> StoredEnvironment:
    """Return the stored environment of the name at index `place`, by default of HEAD."""
    from git_datmo.runs.environment_commands import stored_environment

    name = names[place] if len(names) > place else "HEAD"
    return stored_environment(ws, name, progress=console.progress())


def _show(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print the interpreter, images, indexes, variables and packages of an environment."""
    import json

    from git_datmo.environments.manifest import MANIFEST
    from git_datmo.runs.environment_commands import frozen_images

    stored = _stored(ws, console, options.names)
    if options.json:
        document = json.loads(stored.environment.files[MANIFEST])
        sizes = {name: len(content) for name, content in sorted(stored.environment.files.items())}
        images = [
            {
                "id": str(oid),
                "platform": image.platform,
                "image": image.digest,
                "size": image.content.size,
            }
            for oid, image in frozen_images(ws, stored)
        ]
        ids = {"id": stored.environment.id, "snapshot": str(stored.found.id)}
        console.print_json({**ids, "files": sizes, "frozen": images, **document})
        return 0
    with console.paged():
        for line in _lines(ws, stored, console):
            console.print(line)
    return 0


def _lines(ws: Workspace, stored: StoredEnvironment, console: Console) -> Iterator[str]:
    """Yield the lines that describe a stored environment."""
    from git_datmo.cli.render import figures
    from git_datmo.environments.environment_diff import describe_packages
    from git_datmo.runs.environment_commands import frozen_images
    from git_datmo.sizes import show_size

    manifest = stored.manifest
    head = console.paint("yellow", f"environment {stored.environment.id[:20]}")
    yield f"{head}  (snapshot {str(stored.found.id)[:10]})"
    yield f"interpreter: {manifest.implementation} {manifest.python}"
    yield f"image:       {manifest.base_image or 'by the Dockerfile of the repository'}"
    for oid, image in frozen_images(ws, stored):
        image_text = (
            f"image {str(oid)[:10]}, {show_size(image.content.size)}, by {image.author.name}"
        )
        yield f"frozen:      {image.platform} on {image.created[:10]} ({image_text})"
    for title, words in (("indexes", manifest.indexes), ("system", manifest.system)):
        if words:
            yield f"{title + ':':<12} {' '.join(words)}"
    if manifest.variables:
        yield f"variables:   {figures(manifest.variables)}"
    lists = {"packages": list(describe_packages(manifest))}
    if manifest.conda:
        lists["conda"] = [(package.name, package.describe()) for package in manifest.conda]
    for title, packages in lists.items():
        width = max((len(name) for name, _ in packages), default=0)
        yield f"{title + ':':<12} {len(packages)}"
        yield from (f"    {name:<{width}}  {text}" for name, text in packages)


def _diff(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print the changes between two environments. The second is by default that of HEAD."""
    from git_datmo.cli.diff_sections import package_line
    from git_datmo.environments.environment_diff import compare

    one, other = _stored(ws, console, options.names), _stored(ws, console, options.names, 1)
    changes = compare(one.environment, other.environment, one.manifest, other.manifest)
    if options.json:
        ids = {"before": one.environment.id, "after": other.environment.id}
        rows = [
            {"kind": c.kind, "name": c.name, "before": c.before, "after": c.after} for c in changes
        ]
        console.print_json({**ids, "changes": rows})
        return 0
    for change in changes:
        colour, line = package_line(change)
        console.print(console.paint(colour, line))
    if not changes:
        console.tell("the environments are the same")
    return 0


def _build(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Build the image of an environment unless it exists."""
    from git_datmo.cli.engine_options import open_engine
    from git_datmo.cli.render import figures
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.runs.environment_commands import build

    stored = _stored(ws, console, options.names)
    _require_trust(options, console, ws, stored)
    with open_engine(options, _engine_name(options, ws), ws) as engine:
        facts = build(ws, stored, engine, output=copy_to_errors, progress=console.progress())
    if options.json:
        console.print_json({"id": stored.environment.id, **facts})
    else:
        console.print(figures(facts.items()))
    return 0


def _freeze(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Store the image of an environment; report an image that was stored before."""
    from git_datmo.cli.engine_options import open_engine
    from git_datmo.cli.streams import copy_to_errors
    from git_datmo.runs.environment_commands import freeze
    from git_datmo.sizes import show_size

    stored = _stored(ws, console, options.names)
    _require_trust(options, console, ws, stored)
    with open_engine(options, _engine_name(options, ws), ws) as engine:
        frozen = freeze(ws, stored, engine, output=copy_to_errors, progress=console.progress())
    image, size = frozen.image, frozen.image.content.size
    if options.json:
        document = {
            "id": str(frozen.id),
            "snapshot": str(image.snapshot),
            "platform": image.platform,
        }
        console.print_json({**document, "image": image.digest, "size": size, "added": frozen.added})
    elif frozen.is_new:
        console.print(
            f"frozen: {frozen.id} ({show_size(size)}, of which {show_size(frozen.added)} are new"
            " in the store)"
        )
    else:
        console.print(f"frozen before: {frozen.id}")
    return 0


def _engine_name(options: argparse.Namespace, ws: Workspace) -> str:
    """Return the engine that the options or `datmo.engine` name, else the default."""
    from git_datmo.engines.engine_registry import DEFAULT

    return options.engine or ws.repo.config.get("datmo.engine") or DEFAULT


def _shell(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Open a shell, a command or Jupyter in an environment, and return its exit code.

    Raises `UsageError` without a command and a terminal, or for a command with `--jupyter`.
    """
    from git_datmo.cli.engine_options import open_engine
    from git_datmo.cli.streams import copy_through, copy_to_errors
    from git_datmo.errors import UsageError
    from git_datmo.runs import environment_commands as flow

    terminal = console.has_terminal() and not options.jupyter
    if not (terminal or options.command or options.jupyter):
        raise UsageError(
            "there is no terminal for a shell", "give a command: git datmo env shell -- CMD"
        )
    if options.command and options.jupyter:
        raise UsageError("--jupyter and a command exclude each other", "leave out one of them")
    stored = _stored(ws, console, options.names)
    name = _engine_name(options, ws)
    _require_trust(options, console, ws, stored)
    with open_engine(options, name, ws) as engine:
        flow.build(ws, stored, engine, output=copy_to_errors, progress=console.progress())
        if options.jupyter:
            inside, command = _jupyter(console, stored, name)
        else:
            variables = {"TERM": console.environ.get("TERM", "dumb")} if terminal else {}
            size = console.size if terminal else None
            inside, command = (
                flow.Inside(variables, size, 0, options.network),
                options.command or SHELL,
            )
        return flow.work_inside(ws, stored, engine, command, inside=inside, output=copy_through)


def _jupyter(
    console: Console, stored: StoredEnvironment, engine: str
) -> tuple[Inside, tuple[str, ...]]:
    """Return the settings and the command that start Jupyter on a free port.

    The address that it prints contains a random token. In a container, Jupyter listens on all
    addresses, and the engine forwards the port.
    """
    import secrets
    import socket

    from git_datmo.engines.engine_registry import find_engine
    from git_datmo.runs.environment_commands import Inside, jupyter_command

    # The system chooses a free port. If another program takes it meanwhile, Jupyter says so.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    contained = find_engine(engine).capabilities.isolated
    command = jupyter_command(stored.manifest, port, everywhere=contained)
    token = secrets.token_urlsafe(24)
    console.tell(f"Jupyter will answer at http://127.0.0.1:{port}/?token={token} until ^C")
    return Inside({"JUPYTER_TOKEN": token}, None, port if contained else 0, contained), command


def _require_trust(
    options: argparse.Namespace, console: Console, ws: Workspace, stored: StoredEnvironment
) -> None:
    """Raise `DatmoError` unless the user trusts the author of an environment.

    The user is asked for environments of other authors, since a build runs code and the shell sees
    the working tree.
    """
    from git_datmo.errors import DatmoError

    author = stored.found.snapshot.author
    if options.trust or author == ws.person or ws.repo.config.flag("datmo.trust"):
        return
    console.tell(
        f"{author.name} <{author.email}> made this environment. Code in it runs with your"
        " permissions."
    )
    if not console.ask("Build it?"):
        raise DatmoError(
            "not built: the snapshot was made by another person",
            "see 'git datmo env show', then give --trust",
        )


def _init(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Write a Dockerfile of the current environment."""
    from git_datmo.runs.environment_commands import write_dockerfile

    path, warnings = write_dockerfile(ws)
    for warning in warnings:
        console.warn(warning)
    if options.json:
        console.print_json({"path": path.name})
    else:
        console.print(
            f"wrote '{path.name}': later runs record it, and runs in a container are built from it"
        )
    return 0
