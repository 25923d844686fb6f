"""Fetch what an export shows of experiments besides their payloads."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.errors import DatmoError
from git_datmo.model import Content
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.progress import QUIET, Progress
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.remotes.missing_objects import find_missing
from git_datmo.web.page_state import PageOptions, PageState


def fetch_parts(state: PageState, progress: Progress = QUIET) -> int:
    """Fetch curves, environments, and the logs, code and artifacts that the page has.

    Payloads are never fetched. Returns how many objects are still missing.
    """
    if not state.ws.has_store:
        return 0
    nodes: list[Node] = []
    for found in state.history.read_each(state.columns.claims):
        nodes += (root_node(content) for content in _parts(found.snapshot, state.options))
    missing = find_missing(state.ws.store, nodes)
    if not missing:
        return 0
    from git_datmo.remotes.fetch_objects import fetch_objects

    try:
        return len(fetch_objects(state.ws, nodes, progress=progress).all)
    # A remote that does not answer must not prevent the export.
    except DatmoError as error:
        progress.tell(f"warning: {error.what}")
        return len(missing.all)


def _parts(snapshot: Snapshot, options: PageOptions) -> Iterator[Content]:
    """Yield the contents of a snapshot that the page shows, without its payloads."""
    if snapshot.environment is not None:
        yield snapshot.environment
    if snapshot.code is not None and options.has_code:
        yield snapshot.code
    run = snapshot.run
    if run is None:
        return
    if run.series is not None:
        yield run.series
    if run.log is not None and options.has_logs:
        yield run.log
    if run.artifacts is not None and options.has_previews:
        yield run.artifacts
