"""Remove everything that `git datmo init` set up, except for store and records."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from git_datmo.git.command import Git
from git_datmo.git.config import Config, Setting, read_config
from git_datmo.payloads.exclude_file import remove_excludes
from git_datmo.records.namespaces import NOTES_REF
from git_datmo.remotes.refspecs import remove_refspecs
from git_datmo.repository.hook_state import (
    HOOKS,
    SETTING,
    hooks_setting,
    is_own_folder,
    own_folder,
    resolve_folder,
)
from git_datmo.repository.workspace import Workspace
from git_datmo.setup.hook_files import remove_from
from git_datmo.setup.init_repository import (
    EARLIER,
    LINKED,
    LINKED_CONFIG,
    NOTES_GLOB,
    NOTES_SETTINGS,
    OWN_PROTOCOL,
    PROTOCOL,
    REWRITE_MODE,
)


@dataclass(frozen=True, slots=True)
class TornDown:
    """The leftovers of `init --remove`: the store's folder, and hooks that have no place."""

    folder: Path
    beside: tuple[Path, ...]


def tear_down(ws: Workspace) -> TornDown:
    """Remove hooks, settings, refspecs and exclude lines, and restore earlier values."""
    # First, so that git never looks for hooks in a folder that is gone.
    _restore_hooks_setting(ws)
    folder = ws.repo.common_dir / "hooks"
    beside = tuple(path for name in HOOKS for path in remove_from(folder, name))
    own = own_folder(ws.repo.common_dir)
    shutil.rmtree(own, ignore_errors=True)
    (ws.repo.common_dir / LINKED_CONFIG).unlink(missing_ok=True)
    for remote in ws.repo.remotes():
        remove_refspecs(ws, remote)
    _unset_helper(ws)
    _unset_notes(ws.repo.git)
    remove_excludes(ws.repo.common_dir / "info" / "exclude")
    return TornDown(ws.shared_state, beside)


def _restore_hooks_setting(ws: Workspace) -> None:
    """Restore the `core.hooksPath` from before `init`."""
    config = ws.repo.config
    earlier = config.get(EARLIER)
    own = [
        setting for setting in config.local() if setting.key == SETTING and _names_own(ws, setting)
    ]
    for scope in {setting.scope for setting in own}:
        ws.repo.git.finish("config", f"--{scope}", "--unset-all", "core.hooksPath")
    ws.repo.git.finish("config", "--local", "--unset-all", LINKED)
    left = hooks_setting(read_config(ws.repo.git))
    # The earlier value is restored before its copy is removed, so that a killed removal can be
    # repeated.
    if earlier and left != earlier and (own or not left):
        scope = own[-1].scope if own else "local"
        ws.repo.git.run("config", f"--{scope}", "core.hooksPath", earlier)
    _unset(ws.repo.git, EARLIER)


def _names_own(ws: Workspace, setting: Setting) -> bool:
    return is_own_folder(ws.repo, resolve_folder(ws.repo, setting.value))


def _unset_helper(ws: Workspace) -> None:
    for setting in ws.repo.config.local():
        if (
            setting.key.startswith("remote.")
            and setting.key.endswith(".vcs")
            and setting.value == "datmo"
        ):
            _unset(ws.repo.git, setting.key)
    if "git-remote-datmo" in ws.repo.config.get("alias.remote-datmo"):
        _unset(ws.repo.git, "alias.remote-datmo")
    if ws.repo.config.get(OWN_PROTOCOL):
        _unset(ws.repo.git, PROTOCOL, "always")
        _unset(ws.repo.git, OWN_PROTOCOL)


def _unset_notes(git: Git) -> None:
    for key in NOTES_SETTINGS:
        for value in (NOTES_REF, NOTES_GLOB):
            _unset(git, key, value)
    fresh: Config = read_config(git)
    if not fresh.all("notes.rewriteref"):
        _unset(git, "notes.rewritemode", REWRITE_MODE)


def _unset(git: Git, key: str, *value: str) -> None:
    """Unset a key of the repository's own settings, or those of its values that match.

    The key may be unset already.
    """
    fixed = ["--fixed-value"] if value else []
    git.finish("config", "--local", *fixed, "--unset-all", key, *value)
