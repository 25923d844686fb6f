"""git datmo hook: what the shell hooks call when there may be something to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.flows.merging.union import United
    from git_datmo.flows.switch import Switched
    from git_datmo.flows.workspace import Workspace

DESCRIPTION = """What the git hooks call; not meant to be called by hand."""
EXAMPLES = """
git datmo hook post-commit
"""

HOOKS = ("pre-push", "prepare-commit-msg", "commit-msg", "post-commit", "post-checkout", "post-merge")
# By this exit code the shell learns that the commit needs no snapshot.
UNCHANGED = 3
# Above this many bytes a share may outlast the patience of the host that waits for the code.
LONG_SHARE = 256 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("hook", choices=HOOKS)
    parser.add_argument("words", nargs="*", help="what git gave the hook")


def run(options: argparse.Namespace, console: Console) -> int:
    return {
        "pre-push": _pre_push,
        "prepare-commit-msg": _message,
        "commit-msg": _message,
        "post-commit": _post_commit,
        "post-checkout": _post_checkout,
        "post-merge": _post_merge,
    }[options.hook](options, console)


def _pre_push(options: argparse.Namespace, console: Console) -> int:
    """Fails closed: what the records name must be on the remote before the code is."""
    from git_datmo.errors import DatmoError
    from git_datmo.flows.sharing.unshared import has_unshared, size_of_unshared
    from git_datmo.flows.workspace import open_workspace

    remote, url = (*options.words, "", "")[:2]
    with open_workspace(console.environ, console.cwd) as ws:
        if not has_unshared(ws, remote):
            return 0
        from git_datmo.flows.sharing.share import share

        if size_of_unshared(ws, remote) > LONG_SHARE:
            console.tell(
                f"git-datmo: sharing data before the code; should '{remote}' hang up meanwhile, run 'git push' again, "
                f"or let the helper do it: git datmo init --helper {remote}"
            )
        try:
            share(ws, remote, url, progress=console.progress())
        except DatmoError as error:
            raise DatmoError(
                error.what, error.hint or "nothing was pushed; 'git push --no-verify' pushes the code alone"
            ) from error
    return 0


def _message(options: argparse.Namespace, console: Console) -> int:
    """Write the trailer of the commit; a failure is told and lets the commit go."""
    from git_datmo.errors import DatmoError
    from git_datmo.flows.trailer import MessageHook, is_edited, read_words, update_message
    from git_datmo.flows.workspace import open_workspace

    path, source, named = (*options.words, "", "", "")[:3]
    words = read_words(console.environ.get("GIT_DATMO_PARENT", ""))
    hook = MessageHook(console.cwd / path, source, named, is_edited(console.environ), words)
    try:
        with open_workspace(console.environ, console.cwd) as ws:
            unchanged = update_message(ws, hook, progress=console.progress())
    except (DatmoError, OSError) as error:
        what = error.what if isinstance(error, DatmoError) else str(error)
        console.warn(f"the commit gets no trailer for its data: {what}")
        return 0
    return UNCHANGED if unchanged else 0


def _post_commit(_: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.merging.merge import unite
    from git_datmo.flows.snapshot import snapshot_if_changed
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        if not ws.tracking_path.exists():
            return 0
        # A merge that stopped at conflicts ends here, not in post-merge.
        united = unite(ws, progress=console.progress())
        if united is not None:
            tell_united(united, console)
            return 0
        made = snapshot_if_changed(ws, progress=console.progress())
    if made is not None:
        console.tell(f"git-datmo: snapshot {str(made.id)[:10]} of the payloads")
        for warning in made.warnings:
            console.warn(warning)
    return 0


def _post_checkout(options: argparse.Namespace, console: Console) -> int:
    # The third word says whether a branch was checked out (1) or files (0).
    if options.words[2:3] == ["0"]:
        return 0
    is_clone = not "".join(options.words[:1]).strip("0")
    return _follow(console, is_clone=is_clone)


def _post_merge(_: argparse.Namespace, console: Console) -> int:
    from git_datmo.flows.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        unite_or_follow(ws, console)
    return 0


def unite_or_follow(ws: Workspace, console: Console) -> None:
    """Bring the payloads to what HEAD has: of a merge that nobody made a snapshot of, to what its sides have."""
    from git_datmo.flows.follow import follow
    from git_datmo.flows.merging.merge import unite

    united = unite(ws, progress=console.progress())
    if united is not None:
        tell_united(united, console)
    else:
        tell_followed(follow(ws, progress=console.progress()), console)


def tell_united(united: United, console: Console) -> None:
    """Say what merging payloads did, and which paths wait for a decision."""
    from git_datmo.cli.plain import plain

    for path in united.placed:
        console.tell(f"git-datmo: {plain(path)} merged")
    for path in united.kept:
        console.warn(f"'{plain(path)}' was changed on both sides and was kept as it is here")
    if united.hint:
        console.tell(f"hint: {united.hint}")
    if united.snapshot:
        console.tell(f"git-datmo: snapshot {united.snapshot[:10]} of the merged payloads")
    for warning in united.warnings:
        console.warn(warning)


def _follow(console: Console, *, is_clone: bool) -> int:
    from git_datmo.flows.follow import follow
    from git_datmo.flows.workspace import open_workspace
    from git_datmo.git.reflogs import forget_clone_password

    with open_workspace(console.environ, console.cwd) as ws:
        if is_clone:
            forget_clone_password(ws.repo)
        tell_followed(follow(ws, progress=console.progress()), console)
    return 0


def tell_followed(done: Switched | None, console: Console) -> None:
    """Say what following a commit did, and which payloads could not."""
    if done is None:
        return
    for path in done.placed:
        console.tell(f"git-datmo: {path} follows")
    for path in done.removed:
        console.tell(f"git-datmo: {path} removed")
    for path in done.left:
        way = f"git datmo checkout --force HEAD -- {path}"
        console.warn(f"'{path}' is modified and was left alone ('{way}' gives that up)")
