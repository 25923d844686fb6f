"""Say how to restore data from before a reverted commit. Git takes back only its code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from git_datmo.git.command import Git
from git_datmo.history.experiments import History
from git_datmo.model import Content, Oid
from git_datmo.payloads.picked_commits import last_move
from git_datmo.repository.workspace import Workspace
from git_datmo.terminal_text import quote_words

# Git's words in the message (git-revert). Of a merge they also name the parent.
_REVERTS = re.compile(
    r"This reverts commit"
    r" ([0-9a-f]{4,64})(?:,\s+reversing\s+changes\s+made\s+to\s+([0-9a-f]{4,64}))?"
)
# An amended or rebased commit was reported when it was made.
_MADE_NOW = re.compile(r"(revert|commit): ")


def revert_hints(ws: Workspace, history: History) -> Iterator[str]:
    """Yield a line for each commit that HEAD reverts and that changed payloads."""
    if not _MADE_NOW.match(last_move(ws.repo.git)):
        return
    message = ws.repo.git.text("log", "-1", "--no-show-signature", "--format=%B", "HEAD", "--")
    for reverted, parent in _REVERTS.findall(message):
        after, before = (
            _commit(ws.repo.git, reverted),
            # The first parent counts unless the message names another (git-revert, -m).
            _commit(ws.repo.git, parent or f"{reverted}^1"),
        )
        hint = _hint(history, before, after) if before is not None and after is not None else ""
        if hint:
            yield (
                f"the data that commit {str(after)[:10]} changed were kept: {hint}, then 'git"
                " datmo commit'"
            )


def _commit(git: Git, name: str) -> Oid | None:
    done = git.finish("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}")
    return Oid.parse(done.stdout.decode().strip()) if done.returncode == 0 else None


def _hint(history: History, before: Oid, after: Oid) -> str:
    """Return the commands that restore the payloads of `before`; '' if `after` has the same."""
    old, new = _contents(history, before), _contents(history, after)
    changed = [path for path, content in old.items() if new.get(path) != content]
    added = [path for path in new if path not in old]
    commands = []
    if changed:
        commands.append(
            f"'git datmo checkout {str(before)[:10]} -- {_words(changed)}' restores them"
        )
    if added:
        commands.append(f"'git datmo rm {_words(added)}' stops tracking what it added")
    return " and ".join(commands)


def _words(paths: list[str]) -> str:
    return quote_words(sorted(paths))


def _contents(history: History, commit: Oid) -> dict[str, Content]:
    """Return the payloads of a commit's data; where several snapshots disagree, those of the
    first."""
    contents: dict[str, Content] = {}
    # The heads are in order, so the version of the first stays.
    for found in history.read_heads(history.data(commit)):
        for payload in found.snapshot.payloads:
            contents.setdefault(payload.path, payload.content)
    return contents
