"""Read and unite the records of this repository and of its remotes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from git_datmo.errors import Damaged
from git_datmo.git.refs import read_refs
from git_datmo.model import Oid
from git_datmo.records.catalog import Catalog
from git_datmo.records.ledger import Tips
from git_datmo.records.namespaces import NOTES_REF, RECORDS_REF, REMOTE_REFS
from git_datmo.repository.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Heads:
    """The records and notes of this repository, and of each remote when it was last asked."""

    here: Tips
    remotes: dict[str, Tips]

    def known_of(self, remote: str) -> list[Tips]:
        """Return the records of a remote, one entry for each namespace in which it has some."""
        return [
            tips
            for name, tips in self.remotes.items()
            if name == remote or name.startswith(f"{remote}/in")
        ]


def read_heads(ws: Workspace) -> Heads:
    """Read the refs of records and notes, local ones and those that a fetch brought."""
    refs = read_refs(ws.repo.git, RECORDS_REF, NOTES_REF, REMOTE_REFS)
    return Heads(Tips(refs.pop(RECORDS_REF, None), refs.pop(NOTES_REF, None)), _by_remote(refs))


def _by_remote(refs: dict[str, Oid]) -> dict[str, Tips]:
    names = {ref[len(REMOTE_REFS) :].rpartition("/")[0] for ref in refs}
    return {
        name: Tips(refs.get(f"{REMOTE_REFS}{name}/records"), refs.get(f"{REMOTE_REFS}{name}/notes"))
        for name in names
    }


def read_all(ws: Workspace, heads: Heads | None = None) -> Catalog:
    """Unite local and fetched records in memory; no ref moves."""
    known = heads or read_heads(ws)
    return read_catalog(ws, known.here, *known.remotes.values())


def read_catalog(ws: Workspace, *tips: Tips) -> Catalog:
    """Return the table of the records and notes at `tips`, with the drops that this clone obeys."""
    catalog = ws.catalog(*tips)
    # Most repositories have no drops, and then no code for signatures is loaded.
    if not catalog.dropped:
        return catalog
    from git_datmo.history.record_signatures import obey_signed_drops

    return obey_signed_drops(ws, catalog)


def unite_remotes(ws: Workspace) -> Heads:
    """Unite fetched records with the local ones. Moves refs, so only writing commands call it."""
    heads = read_heads(ws)
    # Equal tips have nothing to unite.
    changed = [_unite(ws, tips) for tips in heads.remotes.values() if tips != heads.here]
    return replace(heads, here=ws.ledger.tips()) if any(changed) else heads


def _unite(ws: Workspace, tips: Tips) -> bool:
    """Unite a remote's records with ours; a fetch by git-datmo says which cannot be read, and
    others pass them over."""
    try:
        return unite(ws, tips)
    except Damaged:
        return False


def unite(ws: Workspace, tips: Tips) -> bool:
    """Unite records and notes with ours; return True if that changed ours.

    Raises `Damaged` if they cannot be read, or for redactions without a required signature.
    """
    from git_datmo.history.record_signatures import refuse_unsigned_redactions

    refuse_unsigned_redactions(ws, tips)
    return ws.ledger.unite(tips)
