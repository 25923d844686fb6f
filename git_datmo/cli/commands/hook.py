"""The `git datmo hook` command, which the git hooks call if they may have work to do."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Do the work of a git hook. The git hooks call this command; you do not need to call it."""
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
# Exit code that tells the shell hook that the commit needs no snapshot.
UNCHANGED = 3
# Bytes of a share above which the server may time out while it waits for the code.
LONG_SHARE = 256 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `git datmo hook` to its parser."""
    parser.add_argument("hook", choices=HOOKS)
    parser.add_argument("words", nargs="*", help="the arguments that git passes to the hook")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run a hook and return its exit code.

    Only a failure of `pre-push` stops git. The shell hooks ignore the exit codes of all others,
    except for `UNCHANGED`.
    """
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
    """Share the data that the records name before git pushes the code.

    Raises `DatmoError` if the share fails. Git then pushes nothing.
    """
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.contract_checks.run_gate import refuse_push_of_misfits
    from git_datmo.errors import DatmoError, NewerRecords, UnusableRefs
    from git_datmo.payloads.unsaved_changes import push_warning
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.terminal_text import quote_word

    remote, url, way = (*options.words, "", "", "")[:3]
    # A line has the local ref, its id, the remote ref and its id (githooks(5), pre-push).
    updates = [line.split(" ")[1:] for line in console.read_lines() if line.count(" ") == 3]

    def announce(size: int) -> None:
        if size > LONG_SHARE:
            console.tell(
                f"git-datmo: sharing data before the code. If '{remote}' times out, run 'git"
                f" push' again, or use the helper: git datmo init --helper {quote_word(remote)}"
            )

    with open_workspace(console.environ, console.cwd) as ws:
        finish_killed_runs(ws, console)
        for warning in filter(None, (push_warning(ws), *refuse_push_of_misfits(ws))):
            console.warn(warning)
        is_mirror = way == "mirror" or ws.repo.config.flag(f"remote.{remote}.mirror")
        has_records = ws.has_store and ws.ledger.tips().records is not None
        # A mirror push deletes refs that this repository does not have, so it is checked without
        # records, too.
        if not has_records and not is_mirror:
            return 0
        from git_datmo.sharing.push import share
        from git_datmo.sharing.pushed_refs import read_pushed, refuse_losing_mirror

        try:
            if is_mirror:
                refuse_losing_mirror(ws, remote, url)
            if not has_records:
                return 0
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
    """Warn about changed payloads if nothing is staged, since git then makes no commit."""
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
    """Write the trailer of the commit's message.

    A failure is a warning and does not stop the commit. The exit code `UNCHANGED` says that no
    payload changed.
    """
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
    """Make the snapshot of a commit, and print the result."""
    from git_datmo.cli.follow_messages import tell_concluded
    from git_datmo.cli.killed_runs import finish_killed_runs
    from git_datmo.payloads.after_commit import conclude_commit
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        finish_killed_runs(ws, console)
        if not ws.tracking_path.exists():
            return 0
        tell_concluded(conclude_commit(ws, progress=console.progress()), console)
    return 0


def _post_checkout(options: argparse.Namespace, console: Console) -> int:
    """Bring the payloads to the data of the new HEAD.

    In a new clone, first remove the URL's password from the reflogs. Otherwise first restore files
    that git removed.
    """
    # The third argument is 1 for a checkout of a branch and 0 for a checkout of files (githooks).
    if options.words[2:3] == ["0"]:
        return 0
    from git_datmo.cli.follow_messages import tell_followed
    from git_datmo.git.reflogs import forget_clone_password
    from git_datmo.payloads.follow_head import follow
    from git_datmo.repository.workspace import open_workspace

    # After a clone, git passes zeros as the id of the previous HEAD (githooks(5)).
    is_clone = not "".join(options.words[:1]).strip("0")
    with open_workspace(console.environ, console.cwd) as ws:
        if is_clone:
            forget_clone_password(ws.repo)
        else:
            _bring_back(ws, console, *options.words[:2])
        tell_followed(follow(ws, progress=console.progress()), console)
    return 0


def _post_merge(_: argparse.Namespace, console: Console) -> int:
    """Fetch records after a pull, and bring the payloads to the data of HEAD."""
    from git_datmo.cli.follow_messages import tell_concluded
    from git_datmo.contract_checks.run_gate import find_misfits, name_misfits
    from git_datmo.payloads.after_commit import conclude_merge
    from git_datmo.payloads.fetch_after_pull import fetch_after_pull
    from git_datmo.repository.workspace import open_workspace

    with open_workspace(console.environ, console.cwd) as ws:
        # Git passes no ids to post-merge, so the reflog names the commit from before.
        _bring_back(ws, console, "HEAD@{1}", "HEAD")
        fetch_after_pull(ws, progress=console.progress())
        tell_concluded(conclude_merge(ws, progress=console.progress()), console)
        for line in name_misfits(find_misfits(ws)):
            console.warn(line)
    return 0


def _bring_back(ws: Workspace, console: Console, old: str, new: str) -> None:
    """Restore payload files that git tracked in the commit `old` and removed for `new`."""
    if not ws.tracking_path.exists():
        return
    from git_datmo.payloads.restore_paths import restore_removed_by_git

    paths = restore_removed_by_git(ws, old, new, progress=console.progress())
    if paths:
        names = ", ".join(paths[:3]) + (", …" if len(paths) > 3 else "")
        console.tell(f"git-datmo: restored files that git removed and no longer tracks: {names}")
