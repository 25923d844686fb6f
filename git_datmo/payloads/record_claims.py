"""Compare stored content with its record before anything is written.

Trees can claim to be small and be huge, so nothing walks the content of a record file by file
before this check.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from git_datmo.errors import Damaged, DatmoError
from git_datmo.model import Content, Payload
from git_datmo.objects.content_counts import Extent, ExtentCounter
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count, show_size
from git_datmo.worktree.tracking import Tracking

BYTES = 1 << 40
FOLDERS = 1_000_000
# Small files and folders take at least this on most disks. It counts only for very many of them.
BLOCK = 4096


@dataclass(frozen=True, slots=True)
class ClaimedContent:
    """A node with the numbers of files and bytes that its record says.

    Content in `old` exists already at the path, and does not count.
    """

    path: str
    node: Node
    files: int
    size: int
    old: Node | None = None


def claim_of(path: str, content: Content, old: Content | None = None) -> ClaimedContent:
    """Return the claim of the content at a path that may have `old` content."""
    before = root_node(old) if old is not None else None
    return ClaimedContent(path, root_node(content), content.files, content.size, before)


def claims_of(coming: Iterable[Payload], tracking: Tracking) -> Iterator[ClaimedContent]:
    """Yield the claims of payloads that are to be placed over the `tracking` ones."""
    for payload in coming:
        tracked = tracking.get(payload.path)
        is_placed = tracked is not None and tracked.placed
        old = tracked.payload.content if tracked is not None and is_placed else None
        yield claim_of(payload.path, payload.content, old)


def refuse_false_claims(
    ws: Workspace, claims: Iterable[ClaimedContent], snapshots: Iterable[str] = ()
) -> None:
    """Raise `DatmoError` for content that is more than its record says.

    So it is for all content together above `datmo.checkoutLimit` or `datmo.folderLimit`. The trees
    must be here; missing blobs count as empty. The hint names `snapshots`.
    """

    counter = ExtentCounter(ws.store.read_tree, ws.store.objects.size)
    hint = _hint(snapshots)
    total = Extent()
    for claim in claims:
        # The counter reads each tree once, however often the content repeats it.
        try:
            extent = counter.count(claim.node, claim.old)
        except Damaged as error:
            raise DatmoError(f"'{claim.path}' is refused: {error.what}", hint) from error
        if extent.files > claim.files or extent.bytes > claim.size:
            raise DatmoError(
                f"'{claim.path}' is refused: it has at least {_show(extent.files, extent.bytes)},"
                f" and its record says {_show(claim.files, claim.size)}",
                hint,
            )
        total += extent
    _refuse_large(ws, total)


def _hint(snapshots: Iterable[str]) -> str:
    ids = " ".join(snapshot[:10] for snapshot in snapshots)
    return f"ask the author of the record; 'git datmo drop {ids or 'ID'}' hides it"


def _show(files: int, size: int) -> str:
    return f"{show_count(files, 'file')} with {show_size(size)}"


def _refuse_large(ws: Workspace, total: Extent) -> None:
    config = ws.repo.config
    size = total.bytes
    if BLOCK * (total.files + total.folders) > BYTES:
        size = max(size, BLOCK * (total.files + total.folders))
    for count, key, default, shown in (
        (total.folders, "datmo.folderLimit", FOLDERS, show_count(total.folders, "folder")),
        (size, "datmo.checkoutLimit", BYTES, show_size(size)),
    ):
        if count > config.number(key.lower(), default):
            raise DatmoError(
                f"{shown} would be written, which is more than {key} allows",
                f"to allow it, run 'git config {key} {count}'",
            )
