"""List the documents and files that an export has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.model import Content, Form, Oid
from git_datmo.objects.tree_nodes import Node, root_node
from git_datmo.report.curve_parts import open_series
from git_datmo.report.file_kinds import (
    AUDIO,
    IMAGE,
    JSON,
    TABLE,
    TEXT,
    ListedFile,
    list_content,
    suffix_of,
)
from git_datmo.web.documents_list import BLOCK
from git_datmo.web.page_state import KEY, PageState

SPARKLINES = 12
"""Metrics whose small curves are exported."""
PREVIEWS = 100
"""Files of a folder that are exported, and the largest of them in bytes."""
LARGEST = {TEXT: 1 << 20, JSON: 1 << 20, TABLE: 64 << 20, IMAGE: 8 << 20, AUDIO: 8 << 20}


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A stored file that an export has as it is."""

    oid: str
    suffix: str


@dataclass
class ExportedNames:
    """The documents and files of an export. Each is listed once."""

    state: PageState
    _seen: set[str] = field(default_factory=set)

    def all(self) -> Iterator[str | ExportedFile]:
        """Yield the names of documents, and files."""
        columns = self.state.columns
        yield "experiments"
        yield from (f"block/{number}" for number in range(-(-len(columns.columns) // BLOCK)))
        yield from (f"sparklines/{n}" for n in range(min(len(columns.curves), SPARKLINES)))
        yield from ("data", "story", "health")
        # Contracts are files of the code.
        if self.state.options.has_code:
            yield "contracts"
        for claim in columns.claims:
            yield from self._experiment(claim.row.record[:KEY])

    def _experiment(self, key: str) -> Iterator[str | ExportedFile]:
        """Yield the documents of an experiment."""
        found = self.state.found(key)
        snapshot, options = found.snapshot, self.state.options
        yield f"experiment/{key}"
        yield from self._curves(key, found)
        if self.state.has_feedback(str(found.id)):
            yield f"feedback/{key}"
        run = snapshot.run
        if options.has_logs and run is not None and run.log is not None:
            yield f"log/{key}"
        if options.has_code and snapshot.code is not None:
            if not snapshot.clean:
                yield f"patch/{key}"
            yield from self._content(snapshot.code, "")
        for use in self.state.lineage.experiments[str(found.id)].all():
            yield from self._content(
                Content(Oid.parse(use.oid), Form(use.form), use.size, use.files), use.path
            )
        if run is not None and run.artifacts is not None and options.has_previews:
            yield from self._files(root_node(run.artifacts), "")

    def _curves(self, key: str, found: Found) -> Iterator[str]:
        """Yield the documents of the curves of an experiment."""
        snapshot = found.snapshot
        for index, name in enumerate(sorted({*snapshot.metrics, *snapshot.curves})):
            if name in snapshot.curves:
                yield f"curve/{key}/{index}"
                for number, series in enumerate(
                    open_series(self.state.ws, self.state.history, found, name)
                ):
                    for level, (_, _, parts) in enumerate(series.levels):
                        yield from (
                            f"curve/{key}/{index}/{number}/{level}/{part}" for part in range(parts)
                        )

    def _content(self, content: Content, path: str) -> Iterator[str | ExportedFile]:
        """Yield the listing of a content, and the previews of its files."""
        name = f"files/{content.object}"
        if name not in self._seen and self.state.is_local(str(content.object)):
            self._seen.add(name)
            yield name
            # Code is listed without a path, and is shown even where previews of data are left out.
            is_code = not path
            if self.state.options.has_previews or is_code:
                yield from self._files(root_node(content), path.rpartition("/")[2])

    def _files(self, node: Node, name: str) -> Iterator[str | ExportedFile]:
        """Yield the previews of the files below a node."""
        try:
            listing = list_content(self.state.ws, node, name)
        except DatmoError:
            return
        for file in listing.files[:PREVIEWS]:
            if file.size is not None and file.size <= LARGEST.get(file.kind, -1):
                for each in _previews(file):
                    key = each if isinstance(each, str) else f"file/{each.oid}{each.suffix}"
                    if key not in self._seen:
                        self._seen.add(key)
                        yield each


def _previews(file: ListedFile) -> Iterator[str | ExportedFile]:
    """Yield the documents and files that show a file."""
    if file.kind in (TEXT, JSON) or (file.kind == TABLE and (file.size or 0) <= LARGEST[TEXT]):
        yield f"text/{file.oid}"
    if file.kind in (TABLE, JSON):
        yield f"table/{file.oid}"
    if file.kind in (IMAGE, AUDIO):
        yield ExportedFile(str(file.oid), suffix_of(file.path))
