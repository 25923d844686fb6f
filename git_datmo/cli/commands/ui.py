"""The `git datmo ui` command."""

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.web.page_server import Announcement
    from git_datmo.web.page_state import PageState
    from git_datmo.web.static_site import ExportedSite

DESCRIPTION = """\
Show the experiments of this clone in a browser: tables, curves, comparisons, data, the story of the
history, and what is not shared or reproduced. The page is served to this machine alone, follows
runs in progress, and changes nothing. Content that is not here is fetched only by a button.

With --export, write the same page as a folder of files that needs no server, and no network. With
--publish, put it on a branch of a remote, such as one for GitHub or GitLab Pages. Curves, logs and
code that are missing are fetched first, data and models are not. What looks like a secret is
masked.

--only limits an export. It takes a range or revision, a tag, or a condition as of 'git datmo log
--where', and may be repeated: experiments that all of them choose are exported."""
EXAMPLES = """
git datmo ui
git datmo ui --no-browser --port 8800
git datmo ui --export page --only main~20..main --no-logs
git datmo ui --export page --only 'accuracy>0.9'
git datmo ui --publish origin
"""
_OF_SERVER = ("host", "port", "no_browser", "allow_host")
_OF_EXPORT = ("only", "no_logs", "no_code", "no_previews", "no_fetch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo ui` to its parser."""
    parser.add_argument("--export", default="", metavar="DIR", help="write the page to a folder")
    parser.add_argument(
        "--publish",
        nargs="?",
        const="",
        metavar="REMOTE",
        help="push the page to a branch of a remote (the one that 'git push' uses)",
    )
    parser.add_argument(
        "--branch", default="", metavar="NAME", help="branch of --publish (gh-pages)"
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="WORD",
        help="export experiments of a range, with a tag, or that meet a condition; may be repeated",
    )
    parser.add_argument("--no-logs", action="store_true", help="export no logs")
    parser.add_argument("--no-code", action="store_true", help="export no code")
    parser.add_argument(
        "--no-previews", action="store_true", help="export no images, tables and texts of data"
    )
    parser.add_argument(
        "--no-fetch", action="store_true", help="export what is here, and fetch nothing"
    )
    parser.add_argument(
        "--host",
        default="",
        metavar="ADDRESS",
        help="listen on this address (127.0.0.1): others on the network can try to connect",
    )
    parser.add_argument(
        "--port", type=int, default=0, metavar="N", help="listen on this port (a free one)"
    )
    parser.add_argument("--no-browser", action="store_true", help="open no browser")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer for this host too, that of a proxy; may be repeated",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Serve, export or publish the page, and return 0."""
    _check(options)
    if options.export or options.publish is not None:
        return _export(options, console)
    from git_datmo.web.page_server import ServerOptions, serve_page

    host = options.host or "127.0.0.1"
    if host not in ("127.0.0.1", "::1", "localhost"):
        console.warn(
            f"the page is served to the network on '{host}', without encryption: whoever sees the"
            " address with its token can read this repository's experiments"
        )

    def announce(found: "Announcement") -> None:
        _announce(found, options, console)

    asked = ServerOptions(host, options.port, tuple(options.allow_host))
    serve_page(console.environ, console.cwd, asked, announce)
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for options that do not go together."""
    from git_datmo.errors import UsageError

    is_export = bool(options.export) or options.publish is not None
    if options.export and options.publish is not None:
        raise UsageError("--export and --publish exclude each other", "leave out one")
    if options.branch and options.publish is None:
        raise UsageError("--branch needs --publish", f"--publish --branch {options.branch}")
    for name in _OF_SERVER if is_export else _OF_EXPORT:
        if getattr(options, name):
            word = f"--{name.replace('_', '-')}"
            needs = "a server" if is_export else "--export or --publish"
            raise UsageError(f"{word} is only for {needs}", f"leave out {word}")
    if not 0 <= options.port <= 65535:
        raise UsageError(f"'{options.port}' is no port", "give a number from 1 to 65535")


def _announce(found: "Announcement", options: argparse.Namespace, console: Console) -> None:
    """Print the addresses of a server, and open a browser."""
    if not found.is_first:
        console.tell("the page of this clone is served already")
    console.print(found.address)
    for address in found.proxied:
        console.print(address)
    console.tell(f"from another machine: {found.ssh}")
    if found.is_first:
        console.tell("Ctrl-C ends the server")
    console.out.flush()
    if not options.no_browser and _has_screen(console):
        import webbrowser

        webbrowser.open(found.address)


def _has_screen(console: Console) -> bool:
    """Return True if a browser with windows can open, and the person sits at this machine."""
    import sys

    # The browser would open on the remote machine.
    if console.environ.get("SSH_CONNECTION"):
        return False
    has_display = any(console.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return has_display or sys.platform == "darwin"


def _export(options: argparse.Namespace, console: Console) -> int:
    """Write the page to a folder, or push it to a branch."""
    from dataclasses import replace

    from git_datmo.history.unprepared_clone import refuse_unprepared
    from git_datmo.report.chosen_words import choose_by_words
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.web.fetched_parts import fetch_parts
    from git_datmo.web.page_files import STATIC, read_page
    from git_datmo.web.page_state import PageOptions, PageState
    from git_datmo.web.static_site import build_site, refuse_other_folder

    page = read_page(STATIC)
    target = console.cwd / options.export
    if options.export:
        # A folder with other files is refused before anything is fetched.
        refuse_other_folder(target, options.export)
    asked = PageOptions(
        has_logs=not options.no_logs,
        has_code=not options.no_code,
        has_previews=not options.no_previews,
    )
    with open_workspace(console.environ, console.cwd) as ws:
        refuse_unprepared(ws)
        state = PageState(ws, asked)
        if options.only:
            choice = choose_by_words(ws, state.history, options.only, state.choice)
            state = PageState(ws, replace(asked, choice=choice))
        missing = 0 if options.no_fetch else fetch_parts(state, console.progress())
        if missing:
            console.warn(f"{missing} objects of curves, logs and code are not here: left out")
        site = build_site(state, page, console.progress())
        try:
            _tell_size(state, site, console)
            if options.export:
                _write(site, options, console)
            else:
                _publish(state, site, options, console)
        finally:
            site.close()
        for warning in state.history.warnings:
            console.warn(warning)
    return 0


def _tell_size(state: "PageState", site: "ExportedSite", console: Console) -> None:
    """Say how large the page is, before it is written."""
    from git_datmo.sizes import show_count, show_size

    count = show_count(len(state.columns.claims), "snapshot")
    files = show_count(len(site.files), "file")
    console.tell(f"the page of {count} has {show_size(site.size)} in {files}")
    console.err.flush()


def _write(site: "ExportedSite", options: argparse.Namespace, console: Console) -> None:
    """Write the page to a folder."""
    from git_datmo.web.static_site import write_site

    written = write_site(site, console.cwd / options.export, options.export)
    console.print(
        f"{options.export}: {written.written} written, {written.unchanged} unchanged,"
        f" {written.removed} removed"
    )
    console.tell(f"open '{options.export}/index.html' in a browser")


def _publish(
    state: "PageState", site: "ExportedSite", options: argparse.Namespace, console: Console
) -> None:
    """Push the page to a branch."""
    from git_datmo.web.publish_site import BRANCH, publish_site

    branch = options.branch or BRANCH
    done = publish_site(state.ws, site, options.publish, branch, console.progress())
    said = "published" if done.is_new else "unchanged"
    console.print(f"{said} on branch '{done.branch}' of '{done.remote}' ({done.commit[:10]})")
