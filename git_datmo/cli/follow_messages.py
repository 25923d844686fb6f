"""Messages about payloads that followed a commit or were merged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from git_datmo.cli.console import Console
from git_datmo.terminal_text import quote_word

if TYPE_CHECKING:
    from git_datmo.payloads.after_commit import Concluded
    from git_datmo.payloads.follow_head import Followed


def tell_concluded(done: Concluded, console: Console) -> None:
    """Print the result after a commit, merge or pull."""
    tell_followed(done.followed, console)
    if done.snapshot:
        united = "merged " if done.followed.is_united else ""
        console.tell(f"git-datmo: snapshot {done.snapshot[:10]} of the {united}payloads")
    for warning in done.warnings:
        console.warn(warning)


def tell_followed(done: Followed, console: Console) -> None:
    """Print the payloads that follow HEAD, and those that could not."""
    if done.is_emptied:
        console.tell("git-datmo: no commit up to HEAD has data")
    for path in done.placed:
        console.tell(f"git-datmo: {'merged' if done.is_united else 'updated'} '{path}'")
    for path in done.removed:
        console.tell(f"git-datmo: removed '{path}'")
    for path in done.by_git:
        console.warn(f"'{path}' was not placed: git tracks files of it in this commit")
    for path in done.left:
        way = f"'git datmo checkout --force HEAD -- {quote_word(path)}' discards the changes"
        reason = "no snapshot has it" if done.is_emptied else way
        console.warn(f"'{path}' is modified and was left alone ({reason})")
    for path in done.kept:
        console.warn(
            f"'{path}' was changed on both sides and was kept as it is in the working tree"
        )
    if done.hint:
        console.tell(f"hint: {done.hint}")
    for warning in done.warnings:
        console.warn(warning)
