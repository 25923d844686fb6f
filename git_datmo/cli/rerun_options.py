"""Options of the verbs that rerun snapshots: engine, limits, and trust in commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.cli.engine_options import EngineNames, add_engine_options, open_engine, read_limits

if TYPE_CHECKING:
    from git_datmo.engines.engine_contract import Output
    from git_datmo.engines.resource_limits import ResourceLimits
    from git_datmo.history.experiments import Found
    from git_datmo.repository.workspace import Workspace
    from git_datmo.runs.rerun import RerunOptions


def add_means(parser: argparse.ArgumentParser) -> None:
    """Add the options for engine, trust and limits to a parser."""
    parser.add_argument(
        "--engine",
        choices=EngineNames(),
        help="a container, a virtual environment (isolates less), or the installed packages"
        " (datmo.engine or docker)",
    )
    parser.add_argument(
        "--trust",
        action="store_true",
        help="run the command of another person without asking (datmo.trust)",
    )
    add_engine_options(parser)


def receipt_tags(options: argparse.Namespace) -> tuple[str, ...]:
    """Return the tags of the receipts that the command line asks for."""
    from git_datmo.contract_checks.run_gate import TAG

    # Verbs that make no receipt do not have the option.
    return (TAG,) if "no_contract" in options and options.no_contract else ()


def limits_for(options: argparse.Namespace, engine: str, found: Found) -> ResourceLimits:
    """Return the limits of a rerun; raise `DatmoError` if the snapshot has no command."""
    from git_datmo.engines.resource_limits import recorded_limits
    from git_datmo.runs.rerun_parts import require_run

    return read_limits(options, engine, recorded_limits(require_run(found).resources))


def find_limits(
    options: argparse.Namespace, console: Console, ws: Workspace, snapshots: Sequence[Found]
) -> tuple[str, list[ResourceLimits]]:
    """Return the engine's name and the limits of each rerun.

    Raises `DatmoError` if the user does not trust the command of a snapshot.
    """
    from git_datmo.engines.engine_registry import DEFAULT, find_engine

    name = options.engine or ws.repo.config.get("datmo.engine") or DEFAULT
    isolated = find_engine(name).capabilities.isolated
    limits = [limits_for(options, name, found) for found in snapshots]
    for found in snapshots:
        require_trust(options, console, ws, found, isolated=isolated)
    return name, limits


@contextmanager
def open_means(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    snapshots: Sequence[Found],
    output: Output,
    *,
    folder: str | None = None,
) -> Iterator[RerunOptions]:
    """Yield the options for reruns of `snapshots`, with an open engine.

    The limits are those of the first snapshot. Raises `DatmoError` if the user does not trust a
    command. Missing resources of this machine are warnings. `folder` is the folder of the rerun, if
    it is not the usual folder.
    """
    from git_datmo.cli.streams import copy_to_errors, screens
    from git_datmo.engines.engine_registry import find_engine
    from git_datmo.runs.rerun import RerunOptions
    from git_datmo.runs.resource_needs import find_shortages

    name, (limits, *_) = find_limits(options, console, ws, snapshots)
    # The resources of another machine are not known.
    if not options.on:
        where = Path(folder) if folder else ws.shared_state
        isolated = find_engine(name).capabilities.isolated
        for line in find_shortages(snapshots, limits, ws.environ, folder=where, isolated=isolated):
            console.warn(line)
    shown = screens(errors_alone=True) if output is copy_to_errors else ()
    with open_engine(options, name, ws) as engine:
        yield RerunOptions(
            engine,
            output,
            limits,
            console.progress(),
            elsewhere=bool(options.on),
            screens=shown,
            tags=receipt_tags(options),
        )
    warn_of_weaker(options, console, name)


def warn_of_weaker(options: argparse.Namespace, console: Console, name: str) -> None:
    """Warn of the weak isolation of an engine, unless the output is JSON."""
    from git_datmo.engines.engine_registry import find_engine

    weakness = find_engine(name).capabilities.weakness
    if weakness and not options.json:
        console.warn(weakness)


def require_trust(
    options: argparse.Namespace,
    console: Console,
    ws: Workspace,
    found: Found,
    *,
    isolated: bool,
    shown: str = "",
) -> None:
    """Show the command of a snapshot from elsewhere, and ask once; raise `DatmoError` for no.

    `shown` says what runs if it is not the recorded command. The answer yes is stored for later
    reruns of the snapshot.
    Raise `DatmoError` too if the snapshot needs a signature and has none.
    """
    from git_datmo.errors import DatmoError
    from git_datmo.history.command_trust import is_trusted, trust
    from git_datmo.history.record_heads import read_all
    from git_datmo.history.record_signatures import require_signed
    from git_datmo.runs.rerun_parts import require_run
    from git_datmo.terminal_text import quote_words

    # `--trust` does not replace a signature that `datmo.requireSigned` asks for.
    require_signed(ws, read_all(ws), [str(found.id)])
    if options.trust or is_trusted(ws, found, isolated=isolated):
        return
    author, short = found.snapshot.author, str(found.id)[:10]
    where = "in a container" if isolated else "outside a container, with your permissions"
    console.tell(
        f"snapshot {short} was not made here, but by {author.name} <{author.email}>; it runs"
        f" {where}:"
    )
    console.tell(f"  {shown}" if shown else f"  $ {quote_words(require_run(found).command)}")
    if not console.ask("Run it now, and later without asking?"):
        raise DatmoError(
            f"not run: snapshot '{short}' was not made here",
            "look at it with 'git datmo show', then give --trust",
        )
    trust(ws, found.id)
