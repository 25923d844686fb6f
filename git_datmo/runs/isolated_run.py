"""Run in a separate working tree.

So runs of the same commit disturb neither each other nor the user.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo.engines.engine_contract import Engine, Output
from git_datmo.engines.resource_limits import NO_LIMITS, ResourceLimits
from git_datmo.errors import DatmoError
from git_datmo.git.command import LOCATING
from git_datmo.payloads.apply_snapshot import switch
from git_datmo.payloads.attach_snapshot import SnapshotOptions, is_clean, require_commit
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.follow_head import catch_up
from git_datmo.payloads.make_snapshot import attach_snapshot
from git_datmo.payloads.merging.merge_state import refuse_unresolved
from git_datmo.payloads.store_payloads import refresh
from git_datmo.payloads.tracked_payloads import changing, save
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.config_edit import NO_EDITS, Edits, write_edits
from git_datmo.runs.rerun_folder import TREE, scratch_folder
from git_datmo.runs.run_command import Ran, run

MESSAGE = "the payloads that a sweep begins with"


@dataclass(frozen=True, slots=True)
class Beginning:
    """The starting point of isolated runs.

    `snapshot` is the id of the snapshot that has the payloads, '' for none. `folder` is the current
    folder, relative to the repository.
    """

    commit: str
    snapshot: str
    folder: str


def find_beginning(ws: Workspace, *, progress: Progress = QUIET) -> Beginning:
    """Return HEAD with the current payloads; make a snapshot if no snapshot has them.

    Raises `DatmoError` for uncommitted changes, since the runs would not include them.
    """
    commit = require_commit(ws)
    if not is_clean(ws):
        raise DatmoError(
            "there are changes that are not committed", "commit them: each run starts from a commit"
        )
    with changing(ws) as old:
        refuse_during_checkout(ws)
        tracking, _ = refresh(ws, catch_up(ws, old, progress=progress), progress=progress)
        refuse_unresolved(ws, tracking)
        now = {tracked.payload.path: tracked.payload.content for tracked in tracking.payloads}
        # A sweep begins with one snapshot. Several standing snapshots are united in a new one.
        if now == tracking.base_contents and len(tracking.snapshots) < 2:
            save(ws, tracking)
            snapshot = next(iter(tracking.snapshots), "")
        else:
            snapshot = str(attach_snapshot(ws, tracking, SnapshotOptions(MESSAGE), (), progress).id)
    return Beginning(str(commit), snapshot, ws.repo.prefix)


def run_apart(
    ws: Workspace,
    beginning: Beginning,
    command: Sequence[str],
    asked: SnapshotOptions,
    *,
    outputs: Sequence[str] = (),
    engine: Engine,
    limits: ResourceLimits = NO_LIMITS,
    output: Output,
    progress: Progress = QUIET,
    elsewhere: bool = False,
    edits: Edits = NO_EDITS,
) -> Ran:
    """Run `command` in a new working tree of the commit, and attach a side snapshot.

    `edits` are set in the configuration files of that tree.
    """
    # Variables like GIT_DIR would lead to the user's working tree instead of the new one.
    environ = {name: value for name, value in ws.environ.items() if name not in LOCATING}
    with (
        scratch_folder(ws, None) as scratch,
        _working_tree(ws, scratch / TREE, beginning.commit) as tree,
        open_workspace(environ, tree / beginning.folder) as there,
    ):
        if beginning.snapshot:
            switch(there, beginning.snapshot, progress=progress)
        write_edits(there, edits)
        return run(
            there,
            command,
            replace(asked, side=True),
            outputs=outputs,
            engine=engine,
            limits=limits,
            output=output,
            progress=progress,
            elsewhere=elsewhere,
        )


@contextmanager
def _working_tree(ws: Workspace, folder: Path, commit: str) -> Iterator[Path]:
    """Yield a working tree of `commit`, which is removed when the block ends.

    Git runs no hooks for it.
    """
    git = ws.repo.git.with_config(
        [("core.hooksPath", "/dev/null"), ("advice.detachedHead", "false")]
    )
    git.run("worktree", "add", "-q", "--detach", str(folder), commit)
    try:
        yield folder
    finally:
        # The second `--force` removes a locked working tree too (git-worktree(1)).
        git.finish("worktree", "remove", "--force", "--force", str(folder))
