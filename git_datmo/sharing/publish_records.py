"""Move a remote's refs for records and notes. Notes are a view for people and never block
records."""

from __future__ import annotations

from dataclasses import dataclass

from git_datmo.errors import DatmoError, GitFailed
from git_datmo.git.remote_commands import Rejected, Remote, direct, program_option, push_refs
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.ledger import Tips
from git_datmo.remotes.host_profiles import hosts_of
from git_datmo.remotes.refusals import is_rate_limit
from git_datmo.remotes.remote_probe import probe_remote
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.send_objects import SharePlan


def publish_records(ws: Workspace, plan: SharePlan, tips: Tips, progress: Progress) -> Tips:
    """Push records and notes to the plan's namespace; return what the remote has afterwards.

    A history without some of our tombstones is replaced, if no other client moved it meanwhile.
    """
    there, host = plan.tips, hosts_of(ws).of(plan.remote)
    records = _moves(ws, tips.records, there.records, plan.namespace.records)
    notes = _moves(ws, tips.notes, there.notes, plan.namespace.notes)
    # A host that refuses notes is not asked again for notes alone.
    if notes and not host.notes and not records:
        return there
    may_be_together = records and notes and host.notes and host.atomic
    if may_be_together and _push_together(ws, plan.remote, records + notes):
        return tips
    # Records first: a note without its record would name something that readers cannot find.
    for move in records:
        _push_records(ws, plan.remote, move)
    for move in notes:
        if not _push_notes(ws, plan, move, progress):
            return Tips(tips.records or there.records, there.notes)
    return Tips(tips.records or there.records, tips.notes or there.notes)


@dataclass(frozen=True, slots=True)
class RefMove:
    """The move of a remote's ref to the commit `new`.

    `replaced` is the commit that the ref must be at, if that is no ancestor of `new`.
    """

    ref: str
    new: Oid
    replaced: Oid | None

    @property
    def options(self) -> tuple[str, ...]:
        """Return the options with which git pushes it."""
        return (f"--force-with-lease={self.ref}:{self.replaced}",) if self.replaced else ()


def _moves(ws: Workspace, new: Oid | None, old: Oid | None, ref: str) -> list[RefMove]:
    """Return how a ref that is at `old` comes to be at `new`; nothing if it is there."""
    if new is None or new == old:
        return []
    return [RefMove(ref, new, old if ws.ledger.commits.replaces(new, old) else None)]


def _push_together(ws: Workspace, remote: Remote, moves: list[RefMove]) -> bool:
    """Move several refs or none; return True if the remote did."""
    try:
        _push(ws, remote, *moves, atomic=True)
    except Rejected as refusal:
        if refusal.moved or is_rate_limit(refusal):
            for move in moves:
                _refuse_kept_text(remote, move, refusal)
            raise
        return False
    except GitFailed as error:
        # Git stops before it sends anything if the server does not support `--atomic`.
        if "--atomic" not in error.stderr:
            raise
        hosts_of(ws).learn(remote, atomic=False)
        return False
    return True


def _push_records(ws: Workspace, remote: Remote, move: RefMove) -> None:
    """Push records; raise `DatmoError` if the remote keeps the text of redacted records."""
    try:
        _push(ws, remote, move)
    except Rejected as refusal:
        _refuse_kept_text(remote, move, refusal)
        raise


def _refuse_kept_text(remote: Remote, move: RefMove, refusal: Rejected) -> None:
    """Raise `DatmoError` if a remote does not let a history be replaced."""
    if move.replaced is None or is_rate_limit(refusal):
        return
    # Another client was first, so a new attempt may succeed.
    if refusal.moved and "non-fast-forward" not in refusal.reason:
        return
    raise DatmoError(
        f"'{remote.address}' refuses to replace '{move.ref}', whose history has the text of"
        f" redacted records: {refusal.reason}",
        f"ask those who run '{remote.address}' to allow forced pushes to '{move.ref}', then run"
        " the command again; 'git push --no-verify' pushes the code alone",
    ) from refusal


def _push_notes(ws: Workspace, plan: SharePlan, move: RefMove, progress: Progress) -> bool:
    """Push notes; return True if the remote accepted them.

    Records are complete without notes, so a refusal is only reported.
    """
    try:
        _push(ws, plan.remote, move)
    except Rejected as refusal:
        _refuse_kept_text(plan.remote, move, refusal)
        if is_rate_limit(refusal):
            raise
        # A refusal in the words of a lost race is one only if the ref has moved.
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


def _push(ws: Workspace, remote: Remote, *moves: RefMove, atomic: bool = False) -> None:
    config = ws.repo.config
    options = [option for move in moves for option in move.options]
    options += ["--atomic"] if atomic else []
    options += program_option(config, remote, "receive-pack")
    refspecs = [f"{move.new}:{move.ref}" for move in moves]
    push_refs(
        direct(ws.repo.git, config, remote), Remote("", remote.url), refspecs, QUIET, *options
    )
