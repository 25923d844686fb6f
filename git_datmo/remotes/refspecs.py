"""Set refspecs so that a plain `git fetch` brings records and notes, but no payload."""

from __future__ import annotations

from collections.abc import Iterable

from git_datmo.git.command import Git
from git_datmo.git.config import Config, read_config
from git_datmo.git.refs import RefChange, change_refs, read_refs
from git_datmo.records.namespaces import BRANCHES, NAMESPACES, REMOTE_REFS, Namespace
from git_datmo.repository.workspace import Workspace

HEADS = "refs/heads/"


def set_refspecs(
    ws: Workspace, remote: str, namespaces: Iterable[Namespace] = NAMESPACES[:1]
) -> None:
    """Add a remote's refspecs for the namespaces that it uses. A mirror's refspecs bring
    everything already."""
    if ws.repo.config.flag(f"remote.{remote}.mirror"):
        return
    wanted = [refspec for ns in namespaces for refspec in _refspecs(remote, ns)]
    have = ws.repo.config.all(f"remote.{remote}.fetch")
    is_complete = all(refspec in have for refspec in wanted)
    if is_complete and not any(_is_of_another(refspec, remote) for refspec in have):
        return
    # Another command may have set them meanwhile.
    have = read_config(ws.repo.git).all(f"remote.{remote}.fetch")
    key = f"remote.{remote}.fetch"
    for refspec in dict.fromkeys(have):
        if _is_of_another(refspec, remote):
            # A failure is no error: another command may have removed the refspec.
            ws.repo.git.finish("config", "--unset-all", "--fixed-value", key, refspec)
    # A remote without refspecs, as after `git clone --revision`, is fetched from by git's default.
    for refspec in wanted if have else ["HEAD", *wanted]:
        if refspec not in have:
            ws.repo.git.run("config", "--add", key, refspec)
    _remove_keep_branches(ws.repo.git, remote, namespaces)


def _remove_keep_branches(git: Git, remote: str, namespaces: Iterable[Namespace]) -> None:
    """Remove the remote-tracking branches that a plain fetch made of keep refs below `refs/heads`.

    They would hold every object that the remote keeps.
    """
    spaces = [ns for ns in {*namespaces, BRANCHES} if ns.name.startswith(HEADS)]
    brought = read_refs(git, *(_branch_of(remote, ns.keep) for ns in spaces))
    if brought:
        changes = [RefChange(ref, tip, None) for ref, tip in brought.items()]
        change_refs(git, changes, why="no branches")


def has_refspecs(config: Config, remote: str) -> bool:
    """Return True if a plain fetch from a remote brings records."""
    if config.flag(f"remote.{remote}.mirror"):
        return True
    return any(f":{REMOTE_REFS}" in refspec for refspec in config.all(f"remote.{remote}.fetch"))


def remove_refspecs(ws: Workspace, remote: str) -> None:
    """Remove the refspecs that `set_refspecs` added, for any namespace."""
    have = ws.repo.config.all(f"remote.{remote}.fetch")
    for refspec in {
        each
        for each in have
        if f":{REMOTE_REFS}{remote}/" in each or each.endswith("git-datmo/keep/*")
    }:
        ws.repo.git.finish(
            "config", "--local", "--fixed-value", "--unset-all", f"remote.{remote}.fetch", refspec
        )


def _is_of_another(refspec: str, remote: str) -> bool:
    """Return True for a refspec that stores records under another remote's name, after a rename."""
    target = refspec.partition(":")[2]
    return target.startswith(REMOTE_REFS) and not target.startswith(f"{REMOTE_REFS}{remote}/")


def _refspecs(remote: str, ns: Namespace) -> Iterable[str]:
    """Yield the refspecs of a namespace. They are globs, since a missing exact name is fatal."""
    records, notes = ns.remembered(remote)
    yield f"+{ns.records}*:{records}*"
    yield f"+{ns.notes}*:{notes}*"
    if ns.name.startswith(HEADS):
        yield f"^{ns.keep}*"


def _branch_of(remote: str, head: str) -> str:
    return f"refs/remotes/{remote}/{head.removeprefix(HEADS)}"
