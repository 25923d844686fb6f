"""Set up a repository: store, hooks, refspecs, and git's settings for notes."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.config import read_config
from git_datmo.git.remote_urls import HELPER_PREFIX, plain_url
from git_datmo.objects.compaction import sweep
from git_datmo.objects.store_location import create_store, store_path
from git_datmo.records.namespaces import NOTES_REF
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.remotes.refspecs import set_refspecs
from git_datmo.repository.hook_state import (
    HOOKS,
    SETTING,
    hooks_folder,
    hooks_setting,
    is_own_folder,
    own_folder,
)
from git_datmo.repository.workspace import Workspace
from git_datmo.setup.hook_files import find_program, hook_text, install_beside, write_hook

# All hooks that git runs in a clone (githooks). If `core.hooksPath` points elsewhere, all are
# passed on.
ALL_HOOKS = (
    *(
        "applypatch-msg",
        "pre-applypatch",
        "post-applypatch",
        "pre-commit",
        "pre-merge-commit",
        "prepare-commit-msg",
    ),
    *(
        "commit-msg",
        "post-commit",
        "pre-rebase",
        "post-checkout",
        "post-merge",
        "pre-push",
        "post-rewrite",
    ),
    *(
        "pre-auto-gc",
        "sendemail-validate",
        "fsmonitor-watchman",
        "post-index-change",
        "reference-transaction",
    ),
)
# A glob: for an exact name that does not exist yet, git warns at every `log`.
NOTES_GLOB = f"{NOTES_REF}*"
NOTES_SETTINGS = ("notes.displayref", "notes.rewriteref")
REWRITE_MODE = "cat_sort_uniq"
PROTOCOL = "protocol.datmo.allow"
# Says that `init` wrote the setting above, so that its removal leaves a user's own value alone.
OWN_PROTOCOL = "datmo.protocolallow"
# The setting that remembers the earlier `core.hooksPath`, whose hooks git-datmo's run.
EARLIER = "datmo.hookspath"
# The hooks folder is relative to the top of the working tree, so that a repository can be moved.
# Linked working trees match this condition and get an absolute path.
LINKED = "includeIf.gitdir:**/worktrees/*.path"
LINKED_CONFIG = "datmo/worktrees.config"


@dataclass(frozen=True, slots=True)
class SetUp:
    """The result of `init`. `several` names hooks of which more than one existed; all are run."""

    store: Path
    remote: str
    helper: bool
    several: tuple[str, ...] = ()
    hookless: str = ""


def initialise(ws: Workspace, remote: str = "", *, helper: bool = False) -> SetUp:
    """Set up a repository, or complete its set-up. Repeating it changes nothing."""
    name = remote or ws.repo.default_remote() or ""
    if remote and not ws.repo.config.get(f"remote.{remote}.url"):
        raise DatmoError(
            f"'{remote}' is not a remote of this repository", "'git remote -v' lists them"
        )
    path = store_path(ws.repo.common_dir)
    create_store(ws.repo.git, path, ws.repo.format)
    sweep(path / "objects")
    several = install_hooks(ws)
    _set_notes(ws)
    for each in ws.repo.remotes():
        set_refspecs(ws, each)
    if name and (helper or ws.repo.config.get(f"remote.{name}.url").startswith(HELPER_PREFIX)):
        route_through_helper(ws, name)
    vcs = ws.repo.git.finish("config", "--get", f"remote.{name}.vcs").stdout.strip() == b"datmo"
    return SetUp(path, name, vcs, several, find_hookless_client(ws))


def find_hookless_client(ws: Workspace) -> str:
    """Return the name of a client that runs no hooks and has been used; '' for none."""
    return "Jujutsu" if ws.repo.top is not None and (ws.repo.top / ".jj").is_dir() else ""


def _set_notes(ws: Workspace) -> None:
    """Show notes in `git log`, and let them follow amend and rebase (git-notes, CONFIGURATION)."""
    git, config = ws.repo.git, ws.repo.config
    for key in NOTES_SETTINGS:
        if not {NOTES_REF, NOTES_GLOB} & set(config.all(key)):
            git.run("config", "--add", key, NOTES_GLOB)
    if not config.get("notes.rewritemode"):
        git.run("config", "notes.rewriteMode", REWRITE_MODE)


def route_through_helper(ws: Workspace, remote: str) -> None:
    """Let git reach `remote` through `git-remote-datmo`; its URL stays the plain one."""
    git = ws.repo.git
    git.run("config", f"remote.{remote}.vcs", "datmo")
    program = find_program("git-remote-datmo")
    if program:
        # Graphical programs often have a bare PATH. Git then finds the helper as an alias.
        quoted = "'" + program.replace("'", "'\\''") + "'"
        git.run("config", "alias.remote-datmo", f"!{quoted}")
    if not ws.repo.config.get(PROTOCOL):
        # In submodules git allows a helper only if the user's settings do. The helper's own
        # transports are checked as usual.
        git.run("config", OWN_PROTOCOL, "true")
        git.run("config", PROTOCOL, "always")
    # Written last: without it the set-up counts as incomplete, and the helper completes it.
    for key in (f"remote.{remote}.pushurl", f"remote.{remote}.url"):
        for value in ws.repo.config.all(key):
            if value.startswith(HELPER_PREFIX):
                _replace_value(ws.repo.git, key, value, plain_url(value))


def _replace_value(git: Git, key: str, old: str, new: str) -> None:
    """Replace one of the values of a setting, and leave its others."""
    if old != new:
        git.run("config", "--fixed-value", "--replace-all", key, new, old)


def install_hooks(ws: Workspace) -> tuple[str, ...]:
    """Install git-datmo's hooks before existing ones, each of which still runs.

    Returns the names of hooks of which several existed.
    """
    value = hooks_setting(ws.repo.config)
    if value:
        _install_in_own_folder(ws, value)
        return ()
    # The user has removed the folder whose hooks these passed on.
    ws.repo.git.finish("config", "--unset-all", EARLIER)
    folder = ws.repo.common_dir / "hooks"
    return tuple(name for name in HOOKS if len(install_beside(folder, name)) > 1)


def _install_in_own_folder(ws: Workspace, value: str) -> None:
    """Point `core.hooksPath` at a folder of git-datmo's, whose hooks run those of the earlier
    value.

    The user's folder is not changed: it may be shared or under version control.
    """
    own = own_folder(ws.repo.common_dir)
    for name in ALL_HOOKS:
        write_hook(own / name, hook_text(name))
    git = ws.repo.git
    if not is_own_folder(ws.repo, hooks_folder(ws.repo)):
        git.run("config", EARLIER, value)
    scopes = [setting.scope for setting in ws.repo.config.settings if setting.key == SETTING]
    # A relative path is right only if `.git` lies at the top of the working tree.
    if (
        ws.repo.common_dir.name == ".git"
        and not ws.repo.config.get("core.worktree")
        and "worktree" not in scopes
    ):
        linked = ws.repo.common_dir / LINKED_CONFIG
        git.run("config", "-f", str(linked), "core.hooksPath", str(own))
        git.run("config", LINKED, LINKED_CONFIG)
        git.run("config", "core.hooksPath", os.path.join(".git", "datmo", "hooks"))
        return
    place = "--worktree" if "worktree" in scopes else "--local"
    git.run("config", place, "core.hooksPath", str(own))


def set_up_clone(ws: Workspace, remote: str, url: str, cwd: Path) -> None:
    """Set up a clone of `datmo::url`, whose remote then shows the plain URL.

    A bare clone is not changed: in a mirror, the requested refs are all refs.
    """
    key = f"remote.{remote}.url"
    values = ws.repo.config.all(key)
    if not values:
        ws.repo.git.run("config", key, HELPER_PREFIX + url)
    for value in values:
        # Git may have come by another URL, as a push URL: only the one that it came by is written
        # anew.
        if value.startswith(HELPER_PREFIX) and os.path.normpath(cwd / plain_url(value)) == url:
            _replace_value(ws.repo.git, key, value, HELPER_PREFIX + url)
    # The cached configuration does not have the settings that were written above.
    fresh = Workspace(replace(ws.repo, config=read_config(ws.repo.git)), ws.environ, ws.clock)
    if fresh.repo.config.flag("core.bare"):
        route_through_helper(fresh, remote)
        return
    initialise(fresh, remote, helper=True)
    fetch(fresh, remote)
