"""Protect passwords in `datmo::` URLs.

Git shows and stores plain URLs without their passwords, but not `datmo::` URLs.
"""

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
    """Raise `DatmoError` if git would show or store a password of the URL.

    A named remote in a repository with refs is initialised first, so that git then knows its plain
    URL. A clone continues, since git does not show its URL. The post-checkout hook removes the
    password from the clone's reflogs.
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
    """Remove the password from the reflogs of a clone that checked nothing out."""
    if "GIT_DIR" in session.environ:
        from git_datmo.git.reflogs import forget_clone_password
        from git_datmo.repository.workspace import open_workspace

        with open_workspace(session.environ, session.cwd) as workspace:
            forget_clone_password(workspace.repo)


def _heed_policy(session: Session) -> None:
    """Apply `transfer.credentialsInUrl`, which git applies to plain URLs only (git-config).

    Raises `DatmoError` for `die`, and warns for `warn`.
    """
    policy = session.config.get("transfer.credentialsinurl")
    what = f"URL '{hide_passwords(session.url)}' uses plaintext credentials"
    if policy == "die":
        raise DatmoError(what)
    if policy == "warn":
        write_message(f"warning: {what}\n")
