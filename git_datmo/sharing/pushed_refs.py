"""Read what git pushes, as git tells the hook or the helper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.refs import read_refs
from git_datmo.git.remote_commands import find_remote
from git_datmo.model import Oid
from git_datmo.records.namespaces import epoch_of, namespace_of
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pushed:
    """The commits of a push; the remote has those that `before` leads to.

    `carries` are refs of ours that git itself moves, as a mirror push does.
    """

    commits: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    carries: Mapping[str, Oid] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Return True if git itself carries everything, as from a mirror."""
        return any(map(epoch_of, self.carries))


def read_pushed(ws: Workspace, remote: str, updates: Iterable[Sequence[str]]) -> Pushed:
    """Return the push that ref updates describe: new id, remote ref, old id."""
    carries: dict[str, Oid] = {}
    new: list[str] = []
    old: list[str] = []
    for oid, ref, before in updates:
        if namespace_of(ref) is not None:
            # An id of zeros alone stands for a ref that is deleted (githooks, `pre-push`).
            carries |= {ref: Oid.parse(oid)} if oid.strip("0") else {}
        else:
            new.append(oid)
            old.append(before)
    return Pushed(
        _commits(ws.repo.git, new),
        (*_commits(ws.repo.git, old), *_seen(ws.repo.git, remote)),
        carries,
    )


def head_pushed(ws: Workspace, remote: str) -> Pushed:
    """Return the push of the branch that is checked out."""
    head = ws.head()
    return Pushed((str(head),) if head is not None else (), tuple(_seen(ws.repo.git, remote)))


def _seen(git: Git, remote: str) -> Iterable[str]:
    """Return the commits of the remote's branches, as git last saw them."""
    return map(str, read_refs(git, f"refs/remotes/{remote}/").values()) if remote else ()


def _commits(git: Git, oids: Iterable[str]) -> tuple[str, ...]:
    """Return the commits that ids name, by way of tags too. Missing ones are skipped."""
    names = [oid for oid in oids if oid.strip("0")]
    argv = ("rev-list", "--no-walk", "--ignore-missing", "--stdin")
    listed = git.finish(*argv, stdin="".join(f"{name}\n" for name in names).encode())
    return tuple(listed.stdout.decode().split()) if names else ()


def refuse_losing_mirror(ws: Workspace, name: str, url: str) -> None:
    """Raise `DatmoError` if a mirror push, which replaces all refs of a remote, would lose data."""
    remote = find_remote(ws.repo.config, name, url, push=True)
    there = probe_remote(ws, remote).refs
    here = read_refs(ws.repo.git, *there) if there else {}
    if not all(_holds(ws.repo.git, here.get(ref), tip) for ref, tip in there.items()):
        raise DatmoError(
            f"this push would delete what git-datmo shares on '{remote.address}'",
            "'git push --all' leaves it there; 'git push --no-verify' deletes it",
        )


def _holds(git: Git, tip: Oid | None, older: Oid) -> bool:
    """Return True if a local commit leads to an older one."""
    if tip is None or tip == older:
        return tip is not None
    return git.finish("merge-base", "--is-ancestor", str(older), str(tip)).returncode == 0
