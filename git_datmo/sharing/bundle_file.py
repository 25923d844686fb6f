"""Make a file that can be cloned without a network: commits, experiments and their data.

The file is a git bundle (git-bundle) with the refs of a remote, so `git clone` accepts it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.git.command import Git
from git_datmo.git.scratch_repository import Scratch
from git_datmo.history.record_heads import read_catalog, unite_remotes
from git_datmo.model import Oid
from git_datmo.progress import QUIET, Progress
from git_datmo.records.format_marker import check_marker
from git_datmo.records.ledger import Tips
from git_datmo.records.listing import list_records
from git_datmo.records.namespaces import NAMESPACES
from git_datmo.records.record_registry import Record
from git_datmo.remotes.fetch_objects import fetch_objects
from git_datmo.remotes.keep_commits import PARENTS_AT_ONCE, keep_entries, write_keep
from git_datmo.remotes.keep_links import Link
from git_datmo.remotes.record_intake import NOTHING
from git_datmo.repository.workspace import Workspace
from git_datmo.sharing.pushed_records import records_of
from git_datmo.sharing.record_commits import build_tips

HEADS, TAGS, TRACKING = "refs/heads/", "refs/tags/", "refs/remotes/"


@dataclass(frozen=True, slots=True)
class Bundled:
    """The number of experiments in a bundle, and its size in bytes."""

    experiments: int
    size: int


def bundle(
    ws: Workspace, path: Path, names: Sequence[str] = (), *, progress: Progress = QUIET
) -> Bundled:
    """Write a bundle of revisions with their history; of HEAD if none is named.

    Raises `Incomplete` if the data of an experiment are unavailable.
    """
    _refuse_shallow(ws.repo.git)
    refs = _code_refs(ws, names or ("HEAD",))
    for name, theirs in unite_remotes(ws).remotes.items():
        # Its records were not united with those here: they would be missing from the bundle.
        check_marker(ws.ledger.marker(theirs.records), f"the records of '{name}'")
    mine = ws.ledger.tips()
    here = list_records(ws.odb, mine.records) if mine.records else set()
    catalog = read_catalog(ws, mine)
    chosen = here & records_of(ws, catalog, tuple(map(str, refs.values())), ())
    kept = [row.record for row in catalog.rows if row.keeps and Oid.parse(row.record) in chosen]
    keepers = {name: ws.ledger.record(Oid.parse(name), checked=True) for name in kept}
    _require_data(ws, keepers, progress)
    tips = build_tips(ws, mine, NOTHING, chosen, here - chosen) if chosen else NOTHING
    progress.begin("Bundling")
    with ws.new_scratch() as scratch:
        # The scratch repository sees the store's objects, not the code's.
        with (scratch.path / "objects/info/alternates").open("a") as file:
            file.write("../../../objects\n")
        _write_refs(scratch, {**refs, **_shared_refs(ws, scratch, tips, list(keepers.values()))})
        # `--all` leaves HEAD out, and without it a clone would check out nothing (git-bundle).
        scratch.git.run("-c", "pack.window=0", "bundle", "create", "-q", str(path), "--all", "HEAD")
    progress.finish()
    return Bundled(
        sum(row.kind == "snapshot" and row.record in keepers for row in catalog.rows),
        os.stat(path).st_size,
    )


def _refuse_shallow(git: Git) -> None:
    if git.text("rev-parse", "--is-shallow-repository") == "true":
        raise DatmoError(
            "this clone is shallow: history that a bundle needs is missing",
            "fetch it: 'git fetch --unshallow'",
        )


def _code_refs(ws: Workspace, names: Sequence[str]) -> dict[str, Oid]:
    """Return the branches and tags of a bundle. A clone checks out the first branch."""
    refs = {}
    for name in names:
        commit = ws.repo.resolve(name)
        done = ws.repo.git.finish("rev-parse", "--symbolic-full-name", "--end-of-options", name)
        full = done.stdout.decode("utf-8", "surrogateescape").strip().rpartition("\n")[2]
        if full.startswith(TRACKING):
            full = HEADS + full.removeprefix(TRACKING).partition("/")[2]
        refs[full if full.startswith((HEADS, TAGS)) else f"{HEADS}{str(commit)[:10]}"] = commit
    if not any(ref.startswith(HEADS) for ref in refs):
        refs[f"{HEADS}{str(next(iter(refs.values())))[:10]}"] = next(iter(refs.values()))
    return refs


def _require_data(ws: Workspace, keepers: dict[str, Record], progress: Progress) -> None:
    """Fetch missing objects of records; raise `Incomplete` if any is unavailable."""
    for name, keeper in keepers.items():
        nodes = [kept.node for kept in keep_entries(keeper)]
        missing = fetch_objects(
            ws,
            nodes,
            size=sum(kept.content.size for kept in keep_entries(keeper)),
            progress=progress,
        )
        if missing:
            raise Incomplete(
                f"the data of experiment '{name[:10]}' are neither in this clone nor on any remote",
                f"ask {keeper.author.name} to run 'git push', or give it up with 'git datmo drop"
                f" {name[:10]}'",
                missing=sorted(map(str, missing.all)),
            )


def _shared_refs(
    ws: Workspace, scratch: Scratch, tips: Tips, keepers: Sequence[Record]
) -> dict[str, Oid]:
    """Return the refs for records, notes and objects, after writing their links to a scratch
    repository."""
    ns, form = NAMESPACES[0], ws.store.format
    found = {ns.records: tips.records, ns.notes: tips.notes, ns.keep_ref(1): None}
    keeps = [write_keep(scratch.write, keeper, form) for keeper in keepers]
    scratch.write("tree", b"")
    tip = scratch.write("commit", Link(()).encode(form))
    for start in range(0, len(keeps), PARENTS_AT_ONCE):
        link = Link((tip, *dict.fromkeys(keeps[start : start + PARENTS_AT_ONCE])))
        tip = found[ns.keep_ref(1)] = scratch.write("commit", link.encode(form))
    return {ref: oid for ref, oid in found.items() if oid is not None}


def _write_refs(scratch: Scratch, refs: dict[str, Oid]) -> None:
    git: Git = scratch.git
    lines = "".join(f"create {ref} {oid}\n" for ref, oid in refs.items())
    git.run("update-ref", "--stdin", stdin=lines.encode("utf-8", "surrogateescape"))
    first = next(ref for ref in refs if ref.startswith(HEADS))
    git.run("symbolic-ref", "HEAD", first)
