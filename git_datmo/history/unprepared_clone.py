"""Detect clones in which `git datmo init` was not run although there are experiments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

from git_datmo import timeouts
from git_datmo.errors import DatmoError
from git_datmo.git.refs import read_refs
from git_datmo.git.remote_commands import Remote, beside, find_remote
from git_datmo.records.data_id import KEY
from git_datmo.records.namespaces import BRANCHES, NOTES_REF, PATTERNS, RECORDS_REF, REMOTE_REFS
from git_datmo.repository.workspace import Workspace

# The answer is only a hint, so a remote gets this many seconds for it.
PATIENCE = 5.0
HINT = "run 'git datmo init', which fetches them"


def unprepared_warning(ws: Workspace) -> str:
    """Return a warning for a clone without set-up but with experiments; '' otherwise. Asks no
    remote."""
    evidence = "" if ws.has_store else _local_evidence(ws)
    return f"this clone is not set up for git-datmo, and {evidence}: {HINT}" if evidence else ""


def refuse_unprepared(ws: Workspace) -> None:
    """Raise `DatmoError` in a clone without set-up but with experiments. Asks the remotes too."""
    if ws.has_store:
        return
    # A remote is asked only if the local repository does not answer the question.
    evidence = _local_evidence(ws) or next(_remote_evidence(ws), "")
    if evidence:
        raise DatmoError(f"this clone is not set up for git-datmo, and {evidence}", HINT)


def _local_evidence(ws: Workspace) -> str:
    """Return the sign of experiments in this repository; '' for none."""
    git = ws.repo.git
    branches = [
        f"refs/remotes/{remote}/{BRANCHES.records.removeprefix('refs/heads/')}"
        for remote in ws.repo.remotes()
    ]
    if read_refs(git, RECORDS_REF, NOTES_REF, REMOTE_REFS, *branches):
        return "it has records of experiments"
    if ws.head() is None:
        return ""
    found = git.finish("rev-list", "-1", "-i", f"--grep=^[ \t]*{KEY}:", "HEAD", "--").stdout
    return "its commits name data that were recorded" if found.strip() else ""


def _remote_evidence(ws: Workspace) -> Iterator[str]:
    """Yield the remotes that have experiments. A remote that does not answer soon is skipped."""
    before = timeouts.limit() or 0
    timeouts.set_limit(PATIENCE, ws.environ)
    try:
        for name in ws.repo.remotes():
            if _has_experiments(ws, find_remote(ws.repo.config, name)):
                yield f"'{name}' has experiments"
    finally:
        timeouts.set_limit(before, ws.environ, askpass=ws.repo.config.get("core.askpass"))


def _has_experiments(ws: Workspace, remote: Remote) -> bool:
    git = beside(ws.repo.git, ws.repo.config, remote)
    # No password prompt for the sake of a hint.
    quiet = replace(git, environ={**git.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "true"})
    with suppress(DatmoError):
        return (
            quiet.finish(
                "ls-remote", "-q", "--exit-code", "--", remote.address, *PATTERNS
            ).returncode
            == 0
        )
    return False
