"""Move a remote's refs for records and notes. Notes are a view for people and never block
records."""

from __future__ import annotations

from git_datmo.errors import GitFailed
from git_datmo.git.remote_commands import Rejected, Remote, direct, program_option, push_refs
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.refusals import is_rate_limit
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.send_objects import SharePlan


def publish_records(ws: Workspace, plan: SharePlan, tips: Tips, progress: Progress) -> Tips:
    """Push records and notes to the plan's namespace; return what the remote has afterwards."""
    there, host = plan.tips, hosts_of(ws).of(plan.remote)
    records, notes = [], []
    if tips.records not in (None, there.records):
        records.append(f"{tips.records}:{plan.namespace.records}")
    if tips.notes not in (None, there.notes):
        notes.append(f"{tips.notes}:{plan.namespace.notes}")
    if notes and not host.notes and not records:
        return there
    may_be_together = records and notes and host.notes and host.atomic
    if may_be_together and _push_together(ws, plan.remote, records + notes):
        return tips
    # Records first: a note without its record would name something that readers cannot find.
    for move in records:
        _push(ws, plan.remote, move)
    for move in notes:
        if not _push_notes(ws, plan, move, progress):
            return Tips(tips.records or there.records, there.notes)
    return Tips(tips.records or there.records, tips.notes or there.notes)


def _push_together(ws: Workspace, remote: Remote, moves: list[str]) -> bool:
    """Move several refs or none; return True if the remote did."""
    try:
        _push(ws, remote, *moves, options=("--atomic",))
    except Rejected as refusal:
        if refusal.moved or is_rate_limit(refusal):
            raise
        return False
    except GitFailed as error:
        if "--atomic" not in error.stderr:
            raise
        hosts_of(ws).learn(remote, atomic=False)
        return False
    return True


def _push_notes(ws: Workspace, plan: SharePlan, move: str, progress: Progress) -> bool:
    """Push notes; return True if the remote accepted them.

    Records are complete without notes, so a refusal is only reported.
    """
    try:
        _push(ws, plan.remote, move)
    except Rejected as refusal:
        if is_rate_limit(refusal):
            raise
        if (
            refusal.moved
            and probe_remote(ws, plan.remote).refs.get(plan.namespace.notes) != plan.tips.notes
        ):
            raise
        if hosts_of(ws).learn(plan.remote, notes=False):
            progress.tell(
                f"'{plan.remote.address}' refuses '{plan.namespace.notes}', by which 'git log'"
                " shows experiments: "
                "they are shared without it"
            )
        return False
    hosts_of(ws).learn(plan.remote, notes=True)
    return True


def _push(ws: Workspace, remote: Remote, *moves: str, options: tuple[str, ...] = ()) -> None:
    config = ws.repo.config
    options += program_option(config, remote, "receive-pack")
    push_refs(direct(ws.repo.git, config, remote), Remote("", remote.url), moves, QUIET, *options)
