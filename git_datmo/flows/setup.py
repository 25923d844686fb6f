"""Make a repository ready: the store, the hooks beside any that are there, refspecs and notes in git's config."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.flows.hook_files import find_program, hook_text, install_beside, write_hook
from git_datmo.flows.hooks import HOOKS, SETTING, hooks_folder, hooks_setting, is_own_folder, own_folder
from git_datmo.flows.sharing.obtain import fetch
from git_datmo.flows.sharing.refspecs import set_refspecs
from git_datmo.flows.workspace import Workspace
from git_datmo.git.config import read_config
from git_datmo.git.namespaces import NOTES_REF
from git_datmo.git.urls import HELPER_PREFIX, plain_url
from git_datmo.store.compact import sweep
from git_datmo.store.place import create_store, store_path

# Every hook that git runs in a clone (githooks): where `core.hooksPath` points elsewhere, all of them are passed on.
ALL_HOOKS = (
    *("applypatch-msg", "pre-applypatch", "post-applypatch", "pre-commit", "pre-merge-commit", "prepare-commit-msg"),
    *("commit-msg", "post-commit", "pre-rebase", "post-checkout", "post-merge", "pre-push", "post-rewrite"),
    *("pre-auto-gc", "sendemail-validate", "fsmonitor-watchman", "post-index-change", "reference-transaction"),
)
# A glob, since git warns at every `log` of an exact name that is not there, as before the first experiment.
NOTES_GLOB = f"{NOTES_REF}*"
NOTES_SETTINGS = ("notes.displayref", "notes.rewriteref")
REWRITE_MODE = "cat_sort_uniq"
# The setting of the folder of hooks that was in force before, whose hooks git-datmo's pass on to.
EARLIER = "datmo.hookspath"
# Git is told the folder of hooks relative to the top of the working tree, so that a repository can be moved or copied.
# That leads nowhere from a linked working tree, whose git folder this condition matches.
LINKED = "includeIf.gitdir:**/worktrees/*.path"
LINKED_CONFIG = "datmo/worktrees.config"


@dataclass(frozen=True, slots=True)
class SetUp:
    """What `init` found or made; `several` are hooks of which more than one was there before, and all are run."""

    store: Path
    remote: str
    helper: bool
    several: tuple[str, ...] = ()
    hookless: str = ""


def initialise(ws: Workspace, remote: str = "", *, helper: bool = False) -> SetUp:
    """Make or complete the set-up; doing it again changes nothing."""
    name = remote or ws.repo.default_remote() or ""
    if remote and not ws.repo.config.get(f"remote.{remote}.url"):
        raise DatmoError(f"'{remote}' is not a remote of this repository", "'git remote -v' lists them")
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
    """Return the name of a client that runs no hooks, of which this repository has traces; '' for none."""
    return "Jujutsu" if ws.repo.top is not None and (ws.repo.top / ".jj").is_dir() else ""


def _set_notes(ws: Workspace) -> None:
    """Let notes show in `git log`, and follow amend and rebase (git-notes, CONFIGURATION)."""
    git, config = ws.repo.git, ws.repo.config
    for key in NOTES_SETTINGS:
        if not {NOTES_REF, NOTES_GLOB} & set(config.all(key)):
            git.run("config", "--add", key, NOTES_GLOB)
    if not config.get("notes.rewritemode"):
        git.run("config", "notes.rewriteMode", REWRITE_MODE)


def route_through_helper(ws: Workspace, remote: str) -> None:
    """Let git reach `remote` through `git-remote-datmo`, its URL staying the plain one."""
    git = ws.repo.git
    git.run("config", f"remote.{remote}.vcs", "datmo")
    program = find_program("git-remote-datmo")
    if program:
        # Where PATH is bare, as in many graphical programs, git finds the helper as an alias.
        quoted = "'" + program.replace("'", "'\\''") + "'"
        git.run("config", "alias.remote-datmo", f"!{quoted}")
    if not ws.repo.config.get("protocol.datmo.allow"):
        # In submodules git takes a helper from the user alone; what the helper itself uses is asked about as ever.
        git.run("config", "protocol.datmo.allow", "always")
    # Last, so that a set-up that was cut off is still seen to be one: the helper completes it at the next fetch.
    for key in (f"remote.{remote}.pushurl", f"remote.{remote}.url"):
        for value in ws.repo.config.all(key):
            if value.startswith(HELPER_PREFIX):
                _replace_value(ws, key, value, plain_url(value))


def _replace_value(ws: Workspace, key: str, old: str, new: str) -> None:
    """Replace one of the values of a setting, and leave its others."""
    if old != new:
        ws.repo.git.run("config", "--fixed-value", "--replace-all", key, new, old)


def install_hooks(ws: Workspace) -> tuple[str, ...]:
    """Put git-datmo's hooks before those that are there, each of which goes on being run.

    Returns the names of hooks of which several were there before.
    """
    value = hooks_setting(ws.repo.config)
    if value:
        _install_in_own_folder(ws, value)
        return ()
    # The user gave up the folder of hooks that these passed on to.
    ws.repo.git.finish("config", "--unset-all", EARLIER)
    folder = ws.repo.common_dir / "hooks"
    return tuple(name for name in HOOKS if len(install_beside(folder, name)) > 1)


def _install_in_own_folder(ws: Workspace, value: str) -> None:
    """Let `core.hooksPath` name a folder of git-datmo's own, whose hooks pass on to those where it pointed before.

    A folder that the user chose is shared, or under version control: it stays as it is.
    """
    own = own_folder(ws.repo.common_dir)
    for name in ALL_HOOKS:
        write_hook(own / name, hook_text(name))
    git = ws.repo.git
    if not is_own_folder(ws.repo, hooks_folder(ws.repo)):
        git.run("config", EARLIER, value)
    scopes = [setting.scope for setting in ws.repo.config.settings if setting.key == SETTING]
    if ws.repo.common_dir.name == ".git" and not ws.repo.config.get("core.worktree") and "worktree" not in scopes:
        linked = ws.repo.common_dir / LINKED_CONFIG
        git.run("config", "-f", str(linked), "core.hooksPath", str(own))
        git.run("config", LINKED, LINKED_CONFIG)
        git.run("config", "core.hooksPath", os.path.join(".git", "datmo", "hooks"))
        return
    place = "--worktree" if "worktree" in scopes else "--local"
    git.run("config", place, "core.hooksPath", str(own))


def set_up_clone(ws: Workspace, remote: str, url: str, cwd: Path) -> None:
    """Make a clone of `datmo::url` ready, whose remote then shows the plain URL.

    A relative path among its URLs, which git writes as it was given in `cwd`, becomes absolute. A bare clone is left
    with the refs that git was asked for, which in a mirror are all.
    """
    key = f"remote.{remote}.url"
    values = ws.repo.config.all(key)
    if not values:
        ws.repo.git.run("config", key, HELPER_PREFIX + url)
    for value in values:
        # Git may have come by another URL, as a push URL: only the one that it came by is written anew.
        if value.startswith(HELPER_PREFIX) and os.path.normpath(cwd / plain_url(value)) == url:
            _replace_value(ws, key, value, HELPER_PREFIX + url)
    fresh = Workspace(replace(ws.repo, config=read_config(ws.repo.git)), ws.environ, ws.clock)
    if fresh.repo.config.flag("core.bare"):
        route_through_helper(fresh, remote)
        return
    initialise(fresh, remote, helper=True)
    fetch(fresh, remote)
