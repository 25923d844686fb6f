"""Fetch the branch of a remote that a server follows."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.errors import UsageError
from git_datmo.git.remote_commands import beside, fetch_refs, find_remote
from git_datmo.progress import QUIET
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class FollowedRef:
    """A branch of a remote, and so the remote-tracking branch `REMOTE/BRANCH` of this clone."""

    remote: str
    branch: str

    @property
    def name(self) -> str:
        """Return the name by which git shows the remote-tracking branch."""
        return f"{self.remote}/{self.branch}"

    def fetch(self, ws: Workspace) -> str:
        """Fetch the branch, and return the id of its commit.

        A forced push is followed, too. Raises `DatmoError` if the remote cannot be reached, or has
        no such branch.
        """
        remote = find_remote(ws.repo.config, self.remote)
        git = beside(ws.repo.git, ws.repo.config, remote)
        tracking = f"refs/remotes/{self.name}"
        fetch_refs(git, remote, [f"+refs/heads/{self.branch}:{tracking}"], QUIET)
        return str(ws.repo.resolve(tracking))


def parse_followed(ws: Workspace, text: str) -> FollowedRef:
    """Return the branch that a person names; raise `UsageError` if it is of no remote."""
    name = text.removeprefix("refs/remotes/")
    # The name of a remote may have slashes, so the longest counts.
    for remote in sorted(ws.repo.remotes(), key=len, reverse=True):
        branch = name.removeprefix(f"{remote}/")
        if branch not in (name, ""):
            git = ws.repo.git
            if git.finish("check-ref-format", f"refs/heads/{branch}").returncode == 0:
                return FollowedRef(remote, branch)
    raise UsageError(
        f"--follow takes the branch of a remote, not '{text}'",
        "'git remote -v' lists the remotes",
    )
