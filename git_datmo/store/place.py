"""Where the store is, and how it is made; opening it takes more."""

from __future__ import annotations

from pathlib import Path

from git_datmo.errors import DatmoError
from git_datmo.git.run import Git
from git_datmo.model import ObjectFormat

# Settings under which git leaves the store's packs as they are (git-config; `pack.window=0` stops the search for
# deltas, `pack.useSparse=false` lets a push leave out objects wherever they stood before).
SETTINGS = {
    "gc.auto": "0",
    "maintenance.auto": "false",
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
}


def store_path(common_dir: Path) -> Path:
    return common_dir / "datmo" / "store.git"


def create_store(git: Git, path: Path, form: ObjectFormat) -> None:
    """Make the store, or bring the settings of an existing one up to date."""
    if not (path / "HEAD").exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        bare = Git(git.environ)
        bare.run("init", "-q", "--bare", f"--object-format={form.name}", "--template=", "--", str(path))
    own = Git(git.environ, path)
    have = own.text("config", "--local", "--list", "-z").split("\0")
    for key, value in SETTINGS.items():
        if f"{key.lower()}\n{value}" not in have:
            own.run("config", key, value)


def check_store(path: Path) -> Path:
    """The same path; raises `DatmoError` where there is no store."""
    if not (path / "HEAD").exists():
        raise DatmoError("this repository has no datmo store yet", "make it with 'git datmo init'")
    return path
