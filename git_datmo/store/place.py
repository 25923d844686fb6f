"""Where the store is, and how it is made; opening it takes more."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from git_datmo import fsio, locking, permissions
from git_datmo.errors import DatmoError
from git_datmo.git.config import read_config
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat
from git_datmo.permissions import parse_sharing

# Settings under which git leaves the store's packs as they are (git-config; `pack.window=0` stops the search for
# deltas, `pack.useSparse=false` lets a push leave out objects wherever they stood before, and without
# `core.multiPackIndex` no maintenance joins packs, which would forget which of them are promisor packs).
SETTINGS = {
    "gc.auto": "0",
    "maintenance.auto": "false",
    "core.multiPackIndex": "false",
    "pack.window": "0",
    "pack.useSparse": "false",
    "fetch.unpackLimit": "1",
    "transfer.unpackLimit": "1",
    "repack.writeBitmaps": "false",
    "core.looseCompression": "1",
    "fetch.writeCommitGraph": "false",
    "fetch.fsckObjects": "false",
    "push.followTags": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "fetch.recurseSubmodules": "no",
    "advice.pushUpdateRejected": "false",
    "uploadpack.allowFilter": "true",
    "uploadpack.allowAnySHA1InWant": "true",
}

# What makes git take missing objects that a promisor pack names for promised (gitformat-pack), and delete nothing,
# since nothing that is here hangs on a ref (git-config). No command of ours fetches from that remote.
PROMISES = {
    "remote.promised.promisor": "true",
    "remote.promised.skipFetchAll": "true",
    "extensions.preciousObjects": "true",
}

SHARED = "core.sharedrepository"
_FOLDERS = ("objects", "refs")


def store_path(common_dir: Path) -> Path:
    return common_dir / "datmo" / "store.git"


def create_store(git: Git, path: Path, form: ObjectFormat) -> None:
    """Make the store, or complete one of which a killed command left a part, and bring its settings up to date."""
    if not is_whole(path):
        permissions.make_folder(path.parent)
        with locking.locked(path.parent / "store.lock"):
            if not is_whole(path):
                _make_whole(git, path, form)
    own = Git(git.environ, path)
    _share(own, path, read_config(git).get(SHARED))
    have = own.text("config", "--local", "--list", "-z").split("\0")
    for key, value in {**SETTINGS, **PROMISES}.items():
        if f"{key.lower()}\n{value}" not in have:
            own.run("config", key, value)


def is_whole(path: Path) -> bool:
    """Tell whether git takes `path` for a repository, and settings are there (gitrepository-layout)."""
    return (path / "HEAD").exists() and (path / "config").exists() and all((path / d).is_dir() for d in _FOLDERS)


def _make_whole(git: Git, path: Path, form: ObjectFormat) -> None:
    """Make the store under another name and rename it, so that a killed command leaves all of it or nothing.

    A part with a folder of objects is completed in its place: git leaves what is there as it is.
    """
    bare = Git(git.environ)
    words = ("init", "-q", "--bare", f"--object-format={form.name}", "--template=", "--")
    if (path / "objects").is_dir():
        bare.run(*words, str(path))
        return
    fresh = path.with_name(path.name + ".new")
    for folder in (path, fresh):
        shutil.rmtree(folder, ignore_errors=True)
    bare.run(*words, str(fresh))
    os.rename(fresh, path)
    fsio.sync_folder(path.parent)


def _share(own: Git, path: Path, wanted: str) -> None:
    """Let the store have the `core.sharedRepository` of the code repository, and its files the modes."""
    local = [setting.value for setting in read_config(own).local() if setting.key == SHARED]
    if parse_sharing(local[-1] if local else "") != parse_sharing(wanted):
        # The setting last: without it, a command that was killed is made up for by the next.
        permissions.adjust_tree(path.parent)
        own.run("config", SHARED, wanted or "umask")


def check_store(path: Path) -> Path:
    """The same path; raises `DatmoError` where there is no store."""
    if not is_whole(path):
        raise DatmoError("this repository has no datmo store yet", "make it with 'git datmo init'")
    return path
