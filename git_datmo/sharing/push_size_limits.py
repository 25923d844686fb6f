"""Find the largest push that a host accepts.

If a push is refused, or its connection is dropped or stops, smaller pushes follow.
"""

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

# A refusal of a smaller push has another reason than its size.
FLOOR = 64 << 10
# Every host that accepts pushes of code accepts a slice of this size.
PASSING = 8 << 20
# The number of dropped connections after which pushes become smaller.
DROPS = 2


def slice_size(ws: Workspace, remote: Remote, total: int) -> int:
    """Return the number of bytes of one push of `total` bytes.

    This is the user's setting or a part of `total`, and at most the known limit of the host.
    """
    limit = hosts_of(ws).of(remote).limit
    configured = ws.repo.config.number(f"datmo.{remote.address}.slice", 0)
    size = configured if configured > 0 else part_of_all(total)
    return min(size, limit) if limit else size


@contextmanager
def watching_size(
    ws: Workspace, remote: Remote, size: int, progress: Progress, *, goes_on: bool
) -> Iterator[Portion]:
    """Yield the progress of a push of `size` bytes; if the push is too large, lower the limit.

    With `goes_on`, an earlier slice is on the remote already, and a dropped connection is retried.
    """
    portion = Portion(progress, size)
    try:
        yield portion
    except Silent:
        # A proxy may stop reading a push that is too large for it. The next plan makes slices that
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
    """Return the hint for a push that failed after a part of it reached the remote."""
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
    """Raise `PlanChanged` if another push, or a smaller one, may succeed after this error.

    After the first dropped connection, the same push is tried again. After the second one, the
    pushes become smaller.
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
