"""A remote in a folder on this machine, to which files can be handed over directly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from git_datmo.git.command import Git
from git_datmo.git.config import Config, Setting, read_config
from git_datmo.git.refs import RefChange, RefMoved, change_refs
from git_datmo.git.remote_commands import Rejected, Remote
from git_datmo.model import ObjectFormat, Oid

# Checks that a repository can have made of everything that it receives (githooks, git-config).
_HOOKS = (
    *(
        "pre-receive",
        "update",
        "proc-receive",
        "post-receive",
        "post-update",
        "reference-transaction",
    ),
    "push-to-checkout",
)
_WISHES = (
    *(
        "receive.fsckobjects",
        "transfer.fsckobjects",
        "receive.maxinputsize",
        "receive.hiderefs",
        "transfer.hiderefs",
    ),
    "uploadpack.hiderefs",
    *(
        "receive.procreceiverefs",
        "receive.certnonceseed",
        "core.hookspath",
        "core.sharedrepository",
    ),
)


@dataclass(frozen=True, slots=True)
class Folder:
    """A repository in a folder, with the same owner and object format as ours."""

    git: Git
    common_dir: Path

    @property
    def objects(self) -> Path:
        """Return the path of its objects."""
        return self.common_dir / "objects"

    def takes_files(self) -> bool:
        """Return True if files may be put there: no hook and no setting asks git to check what
        it receives."""
        if any((self.common_dir / "hooks" / name).exists() for name in _HOOKS):
            return False
        settings = read_config(self.git).settings
        return os.access(self.objects / "pack", os.W_OK) and not any(
            s.key in _WISHES for s in settings
        )

    def holds(self, tip: Oid) -> bool:
        """Return True if the folder has everything that `tip` leads to, as git-receive-pack
        checks it."""
        return (
            # Without output, since only the exit status counts: git fails at a missing object.
            self.git.finish(
                "rev-list", "--objects", "--quiet", str(tip), "--not", "--all"
            ).returncode
            == 0
        )

    def move(self, ref: str, old: Oid | None, new: Oid) -> None:
        """Move a ref; raise `Rejected` if it is no longer `old`."""
        try:
            change_refs(self.git, [RefChange(ref, old, new)], why="push")
        except RefMoved as error:
            raise Rejected(ref, "stale info", moved=True) from error


def _steers(setting: Setting) -> bool:
    """Return True if a setting may redirect or forbid a path."""
    if setting.key in ("protocol.allow", "protocol.file.allow"):
        return setting.value != "always"
    return setting.key.startswith("url.")


def find_folder(git: Git, config: Config, remote: Remote, form: ObjectFormat) -> Folder | None:
    """Return the folder that `remote` is; None if git's settings change how it is reached."""
    # With `insteadOf` or another program, git might reach something else than this folder.
    if not os.path.isabs(remote.url) or any(_steers(setting) for setting in config.settings):
        return None
    if any(config.get(f"remote.{remote.name}.{part}") for part in ("uploadpack", "receivepack")):
        return None
    asked = ("rev-parse", "--show-object-format", "--path-format=absolute", "--git-common-dir")
    there = Path(remote.url)
    try:
        mine = os.stat(there).st_uid == os.getuid()
    except OSError:
        return None
    # A folder of another user is not asked, since git refuses to read it (`safe.directory`).
    done = Git(git.environ).finish("-C", str(there), *asked) if mine else None
    if done is None or done.returncode:
        return None
    found, _, common_dir = os.fsdecode(done.stdout).rstrip("\n").partition("\n")
    # The repository itself, not one in a folder above.
    itself = os.path.realpath(common_dir) in (
        os.path.realpath(there),
        os.path.realpath(there / ".git"),
    )
    if not itself or found != form.name:
        return None
    return Folder(Git(git.environ, Path(common_dir)), Path(common_dir))
