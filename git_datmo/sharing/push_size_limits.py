"""Finds out how much a host takes in one push: smaller pushes follow where one was refused, dropped
or frozen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from git_datmo.errors import GitFailed, Silent
from git_datmo.git.remote_commands import Rejected, Remote
from git_datmo.progress import Portion, Progress
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.object_slices import part_of_all
from git_datmo.remotes.refusals import is_drop, is_too_large
from git_datmo.remotes.remote_probe import PlanChanged
from git_datmo.repository.workspace import Workspace

# A host that refuses less than this for its size refuses something else.
FLOOR = 64 << 10
# A slice of this size passes wherever pushes of code do.
PASSING = 8 << 20
# After so many pushes that were cut off, smaller ones are tried.
DROPS = 2


def slice_size(ws: Workspace, remote: Remote, total: int) -> int:
    """Return the largest number of bytes of one push, of `total`.

    The user's setting comes before the limit of the host.
    """
    limit = hosts_of(ws).of(remote).limit
    configured = ws.repo.config.number(f"datmo.{remote.address}.slice", 0)
    size = configured if configured > 0 else part_of_all(total)
    return min(size, limit) if limit else size


@contextmanager
def watching_size(
    ws: Workspace, remote: Remote, size: int, progress: Progress, *, goes_on: bool
) -> Iterator[Portion]:
    """Give the portion of progress of a push of `size`, and let the next plan make smaller ones
    where it is too large.

    A connection that was cut off is tried again where a share `goes_on` from what it sent before.
    """
    portion = Portion(progress, size)
    try:
        yield portion
    except Silent:
        # What lies between may freeze what is larger than it takes: the next plan makes slices that
        # pass it.
        smaller = max(size // 16, PASSING)
        if smaller < min(size, hosts_of(ws).of(remote).limit or size):
            hosts_of(ws).learn(remote, limit=smaller)
        raise
    except (Rejected, GitFailed) as error:
        _shrink(ws, remote, size, error, progress, goes_on=goes_on)
        if goes_on:
            error.hint = error.hint or hint_to_resume(remote)
        raise
    # Only drops in a row count.
    if hosts_of(ws).of(remote).drops:
        hosts_of(ws).learn(remote, drops=0)
    portion.complete()


def hint_to_resume(remote: Remote) -> str:
    """Return the hint of a push that failed after something of it reached the remote."""
    return f"what was sent stays on '{remote.address}': run the command again to go on from there"


def _shrink(
    ws: Workspace,
    remote: Remote,
    size: int,
    error: Rejected | GitFailed,
    progress: Progress,
    *,
    goes_on: bool,
) -> None:
    """Raise `PlanChanged` where a push of `size` failed in a way in which another, or a smaller
    one, may not.

    A push that was dropped is tried once more as it was; after the second drop the pushes become
    smaller.
    """
    host, dropped = hosts_of(ws).of(remote), is_drop(error)
    drops = host.drops + 1 if dropped else 0
    if dropped:
        hosts_of(ws).learn(remote, drops=drops)
    limit = min(size, host.limit or size) // 2
    if limit >= FLOOR and (is_too_large(error) or drops >= DROPS):
        hosts_of(ws).learn(remote, limit=limit)
        why = "drops the connection in" if dropped else "refuses"
        progress.tell(
            f"'{remote.address}' {why} pushes of {size >> 10} KiB: continuing with {limit >> 10}"
            " KiB each"
        )
        raise PlanChanged(error.what, error.hint) from error
    if 0 < drops < DROPS and (goes_on or limit >= FLOOR):
        progress.tell(f"'{remote.address}' dropped the connection: continuing from what it has")
        raise PlanChanged(error.what, error.hint) from error
