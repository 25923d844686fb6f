"""Passwords in `datmo::` URLs: git takes them out of plain URLs alone, wherever it shows or stores
one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.git.refs import read_refs
from git_datmo.redact import hide_passwords, holds_password
from git_remote_datmo.urls import PREFIX
from git_remote_datmo.wire import write_message

if TYPE_CHECKING:
    from git_remote_datmo.session import Session


def guard_password(session: Session) -> None:
    """Raise `DatmoError` where git would show or store a password of the URL that it was given.

    A remote of a repository that has refs is set up first, after which git knows its plain URL. A
    clone goes on, since it says nothing of its URL; what it writes to reflogs is taken out when it
    checks out (post-checkout).
    """
    if not holds_password(session.url):
        return
    if session.is_rewritten:
        _forget(session)
        return
    _heed_policy(session)
    shown = hide_passwords(session.url)
    if not session.is_named:
        raise DatmoError(
            f"git would show the password in '{PREFIX}{shown}'",
            "leave it out of the URL: git asks for it, or a credential helper has it (see 'git"
            " help credentials')",
        )
    if session.environ.get("GIT_DIR") and read_refs(session.git, "refs/"):
        session.set_up()
        raise DatmoError(
            f"git would show the password of '{session.remote}' at '{PREFIX}{shown}'",
            f"run the command again: '{session.remote}' is set up now, and has its plain URL",
        )


def _forget(session: Session) -> None:
    """Make up for a clone that checked nothing out."""
    if "GIT_DIR" in session.environ:
        from git_datmo.git.reflogs import forget_clone_password
        from git_datmo.repository.workspace import open_workspace

        with open_workspace(session.environ, session.cwd) as workspace:
            forget_clone_password(workspace.repo)


def _heed_policy(session: Session) -> None:
    """Do what `transfer.credentialsInUrl` says, which git does for plain URLs (git-config)."""
    policy = session.config.get("transfer.credentialsinurl")
    what = f"URL '{hide_passwords(session.url)}' uses plaintext credentials"
    if policy == "die":
        raise DatmoError(what)
    if policy == "warn":
        write_message(f"warning: {what}\n")
