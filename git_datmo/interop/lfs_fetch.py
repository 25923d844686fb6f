"""Let Git LFS fetch files from its server into this clone."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace

# Commits in one call, so that the command line does not become too long.
TOGETHER = 500


def fetch_or_hint(ws: Workspace, commits: Sequence[str], progress: Progress) -> str:
    """Fetch the files of commits from the LFS server of the default remote.

    Return '' if Git LFS succeeds, else what to do. Git LFS knows the address, the credentials and
    the way of transfer from git's settings and `.lfsconfig`. It fetches only files that are
    missing from `.git/lfs`.
    """
    remote = ws.repo.default_remote()
    if remote is None:
        return "set a remote with an LFS server, then import again"
    progress.begin("Fetching from the LFS server", len(commits))
    try:
        for start in range(0, len(commits), TOGETHER):
            chosen = commits[start : start + TOGETHER]
            # Empty patterns replace `lfs.fetchinclude` and `lfs.fetchexclude`.
            done = ws.repo.git.finish("lfs", "fetch", "-I", "", "-X", "", remote, *chosen)
            if done.returncode:
                return _failure_hint(done.stderr, remote)
            progress.advance(len(chosen))
    finally:
        progress.finish()
    return ""


def _failure_hint(err: bytes, remote: str) -> str:
    """Return what to do about the error of Git LFS."""
    if b"'lfs' is not a git command" in err:
        return "install Git LFS, then import again"
    lines = err.decode("utf-8", "replace").split("\n")
    said = [line.strip() for line in lines if line.strip()]
    reason = f" ({said[-1][:200]})" if said else ""
    return f"Git LFS cannot fetch from '{remote}'{reason}: make it work, then import again"
