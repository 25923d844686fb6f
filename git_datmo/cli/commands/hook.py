"""git datmo hook: what the shell hooks call when there may be something to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """What the git hooks call; not meant to be called by hand."""
EXAMPLES = """
git datmo hook post-commit
"""

HOOKS = (
    "pre-push",
    "pre-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "post-checkout",
    "post-merge",
)
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
        "pre-commit": _pre_commit,
        "prepare-commit-msg": _message,
        "commit-msg": _message,
        "post-commit": _post_commit,
        "post-checkout": _post_checkout,
        "post-merge": _post_merge,
    }[options.hook](options, console)


def _pre_push(options: argparse.Namespace, console: Console) -> int:
    """Share what the records name before the code goes; on failure the code stays here too."""
    from git_datmo.errors import DatmoError, NewerRecords, UnusableRefs
    from git_datmo.payloads.unsaved_changes import push_warning
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.terminal_text import quote_word

    remote, url, way = (*options.words, "", "", "")[:3]
    updates = [line.split(" ")[1:] for line in console.read_lines() if line.count(" ") == 3]

    def announce(size: int) -> None:
        if size > LONG_SHARE:
            console.tell(
                f"git-datmo: sharing data before the code. If '{remote}' hangs up meanwhile, run"
                " 'git push' again, "
                f"or let the helper do it: git datmo init --helper {quote_word(remote)}"
            )

    with open_workspace(console.environ, console.cwd) as ws:
        warning = push_warning(ws)
        if warning:
            console.warn(warning)
        if not ws.has_store or ws.ledger.tips().records is None:
            return 0
        from git_datmo.sharing.push import share
        from git_datmo.sharing.pushed_refs import read_pushed, refuse_losing_mirror

        try:
            if way == "mirror" or ws.repo.config.flag(f"remote.{remote}.mirror"):
                refuse_losing_mirror(ws, remote, url)
            pushed = read_pushed(ws, remote, updates)
            share(ws, remote, url, pushed=pushed, announce=announce, progress=console.progress())
        except NewerRecords as error:
            hint = f"{error.hint}; until then 'git push --no-verify' pushes the code alone"
            raise DatmoError(error.what, hint) from error
        except UnusableRefs as error:
            # Whatever a stranger put there, code can be pushed.
            console.warn(f"{error.what}; the code is pushed without its experiments")
        except DatmoError as error:
            raise DatmoError(
                error.what,
                error.hint or "nothing was pushed; 'git push --no-verify' pushes the code alone",
            ) from error
    return 0


def _pre_commit(_: argparse.Namespace, console: Console) -> int:
    """Name the payloads that changed; git may give the commit up, since it sees no change."""
    from git_datmo.payloads.commit_trailer import read_words
    from git_datmo.payloads.unsaved_changes import commit_warning, is_made_anyway
    from git_datmo.repository.workspace import open_workspace

    if is_made_anyway(read_words(console.environ.get("GIT_DATMO_PARENT", ""))):
        return 0
    with open_workspace(console.environ, console.cwd) as ws:
        warning = commit_warning(ws)
    if warning:
        console.warn(warning)
    return 0


def _message(options: argparse.Namespace, console: Console) -> int:
    """Write the trailer of the commit; a failure is told and lets the commit go."""
    from git_datmo.errors import DatmoError
    from git_datmo.payloads.commit_trailer import MessageHook, is_edited, read_words, update_message
    from git_datmo.repository.workspace import open_workspace

    path, source, named = (*options.words, "", "", "")[:3]
    words = read_words(console.environ.get("GIT_DATMO_PARENT", ""))
    action = console.environ.get("GIT_REFLOG_ACTION", "")
    hook = MessageHook(console.cwd / path, source, named, is_edited(console.environ), words, action)
    try:
        with open_workspace(console.environ, console.cwd) as ws:
            unchanged = update_message(ws, hook, progress=console.progress())
    except (DatmoError, OSError) as error:
        what = error.what if isinstance(error, DatmoError) else str(error)
        console.warn(f"the commit gets no trailer for its data: {what}")
        return 0
    return UNCHANGED if unchanged else 0


def _post_commit(_: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.following import tell_concluded
    from git_datmo.payloads.after_commit import conclude_commit
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        if not ws.tracking_path.exists():
            return 0
        tell_concluded(conclude_commit(ws, progress=console.progress()), console)
    return 0


def _post_checkout(options: argparse.Namespace, console: Console) -> int:
    # The third word says whether a branch was checked out (1) or files (0).
    if options.words[2:3] == ["0"]:
        return 0
    from git_datmo.cli.following import tell_followed
    from git_datmo.git.reflogs import forget_clone_password
    from git_datmo.payloads.follow_head import follow
    from git_datmo.repository.workspace import open_workspace

    is_clone = not "".join(options.words[:1]).strip("0")
    with open_workspace(console.environ, console.cwd) as ws:
        if is_clone:
            forget_clone_password(ws.repo)
        else:
            _bring_back(ws, console, *options.words[:2])
        tell_followed(follow(ws, progress=console.progress()), console)
    return 0


def _post_merge(_: argparse.Namespace, console: Console) -> int:
    from git_datmo.cli.following import tell_concluded
    from git_datmo.payloads.after_commit import conclude_merge
    from git_datmo.payloads.pulled_records import fetch_after_pull
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        _bring_back(ws, console, "HEAD@{1}", "HEAD")
        fetch_after_pull(ws, progress=console.progress())
        tell_concluded(conclude_merge(ws, progress=console.progress()), console)
    return 0


def _bring_back(ws: Workspace, console: Console, old: str, new: str) -> None:
    """Undo that git removed files of payloads which it tracked in the commit that it came from."""
    if not ws.tracking_path.exists():
        return
    from git_datmo.payloads.restore_paths import restore_removed_by_git

    paths = restore_removed_by_git(ws, old, new, progress=console.progress())
    if paths:
        names = ", ".join(paths[:3]) + (", …" if len(paths) > 3 else "")
        console.tell(f"git-datmo: files that git removed, and tracks no more, are back: {names}")
