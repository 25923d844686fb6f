"""Continue a push that met damage: report the losses, and share everything else."""

from __future__ import annotations

from git_datmo.errors import DatmoError
from git_datmo.model import Oid
from git_datmo.objects.damaged_files import ASIDE, find_flaws
from git_datmo.progress import Progress
from git_datmo.recovery.object_losses import Loss, find_losses, find_needs
from git_datmo.recovery.object_repair import get_back
from git_datmo.remotes.refusals import may_be_damage
from git_datmo.repository.healing import take_aside
from git_datmo.repository.workspace import Workspace


def mend(ws: Workspace, error: DatmoError, progress: Progress) -> frozenset[Oid] | None:
    """Move damaged files aside after a failed push, and restore what is available elsewhere.

    Returns the records whose objects stay lost, or None if nothing was damaged.
    """
    # The search reads the whole store, so it begins only after an error that damage can explain.
    flaws = tuple(find_flaws(ws.store.objects, progress)) if may_be_damage(error) else ()
    if not flaws:
        return None
    lost = take_aside(ws, [flaw.path for flaw in flaws], progress)
    needs = find_needs(ws)
    recovered = get_back(ws, needs, lost, progress)
    left = frozenset(oid for oid in lost if oid not in ws.store)
    progress.tell(
        f"warning: the store was damaged: {recovered} of {len(lost)} lost objects came back; "
        f"what was damaged is in '{ws.store.path / ASIDE}'"
    )
    losses = [
        loss for loss in find_losses(ws.store.objects, needs, left) if loss.damaged and loss.record
    ]
    for loss in losses:
        progress.tell(f"warning: {_describe(loss)}")
    return frozenset(Oid.parse(loss.record) for loss in losses)


def _describe(loss: Loss) -> str:
    """Return a line that names the payload, the snapshot and the number of lost objects."""
    count, first = len(loss.damaged), min(loss.damaged)
    objects = f"{count} object" + ("" if count == 1 else "s")
    return f"'{loss.path}' of snapshot {loss.record[:10]} lost {objects}, the first is {first}"
