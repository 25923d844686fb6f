"""Encode keep commits, links and parts, which make payload objects reachable on a remote.

The bytes of a keep commit follow from its record. So any client can name what a remote holds
without having fetched it. A link has an empty tree and ties keep commits into the chain of a keep
ref. Fetching a link fetches nothing else.

Content too large for one push goes in parts. A part is a commit that keeps blobs. The message of a
link tells whether it ties a part, or says that parts have served because keep commits now keep
their blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import Incomplete
from git_datmo.git.object_encoding import BLOB, TREE, TreeEntry, encode_commit, encode_tree
from git_datmo.model import Content, ObjectFormat, Oid
from git_datmo.objects.store import Store
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node
from git_datmo.records.contents import list_objects
from git_datmo.records.record_registry import Record
from git_datmo.records.snapshot_record import Snapshot, payload_name

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000

LINK, PART, PART_LINK, DONE_LINK = (
    "datmo: link",
    "datmo: part",
    "datmo: link part",
    "datmo: link parts done",
)
PARENTS_AT_ONCE = 100
# Writes an object of a kind and returns its id.
Write = Callable[[str, bytes], Oid]
# Blobs of a part are named by two digits a level.
PART_WIDTH = 256


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """An object that a record keeps.

    `path` is the payload's path, or a colon and the object's name; earlier versions have the same.
    `name` is the entry's name in the keep commit's tree.
    """

    path: str
    content: Content
    name: str

    @property
    def node(self) -> Node:
        return root_node(self.content)


def keep_entries(record: Record) -> Iterator[KeptEntry]:
    """Yield every object that a record keeps, from its list of objects alone."""
    paths = _payload_paths(record)
    for kept in list_objects(record):
        yield KeptEntry(paths.get(kept.name, f":{kept.name}"), kept.content, kept.name)


def _payload_paths(record: Record) -> dict[str, str]:
    """Map the names of a snapshot's payloads in its list of objects to their paths."""
    if not isinstance(record, Snapshot):
        return {}
    inputs = record.run.inputs if record.run is not None else ()
    used = (("payload", record.payloads), ("input", inputs))
    return {
        payload_name(use, payload.path): payload.path
        for use, payloads in used
        for payload in payloads
    }


def encode_keep(record: Record, form: ObjectFormat) -> tuple[bytes, bytes]:
    """Encode the tree and the keep commit of a record. The tree has each object under its name."""
    entries = []
    for kept in keep_entries(record):
        node = kept.node
        is_tree = node.kind is NodeKind.FOLDER or node.chunked
        entries.append(TreeEntry(kept.name.encode(), TREE if is_tree else BLOB, node.oid))
    tree = encode_tree(entries)
    return tree, encode_commit(form.hash("tree", tree), (), IDENTITY, TIME, "datmo: keep")


def keep_id(record: Record, form: ObjectFormat) -> Oid:
    """Return the id of a record's keep commit."""
    return form.hash("commit", encode_keep(record, form)[1])


def write_keep(write: Write, record: Record, form: ObjectFormat) -> Oid:
    """Write the keep commit of a record and its tree, and return the commit's id."""
    tree, commit = encode_keep(record, form)
    write("tree", tree)
    return write("commit", commit)


def encode_link(form: ObjectFormat, parents: Iterable[Oid], message: str = LINK) -> bytes:
    """Encode a link: a commit with an empty tree and these parents."""
    return encode_commit(form.hash("tree", b""), parents, IDENTITY, TIME, message)


def encode_part(tree: Oid) -> bytes:
    """Encode a part: a commit that keeps the blobs of a part tree."""
    return encode_commit(tree, (), IDENTITY, TIME, PART)


def write_part_tree(write: Write, blobs: Sequence[Oid]) -> Oid:
    """Write the trees of a part, and return the top one's id.

    A part holds at most the square of `PART_WIDTH` blobs.
    """
    leaves = (blobs[start : start + PART_WIDTH] for start in range(0, len(blobs), PART_WIDTH))
    return write("tree", _numbered(TREE, [write("tree", _numbered(BLOB, leaf)) for leaf in leaves]))


def _numbered(mode: int, oids: Iterable[Oid]) -> bytes:
    return encode_tree(TreeEntry(b"%02x" % index, mode, oid) for index, oid in enumerate(oids))


def read_part_tree(store: Store, tree: Oid) -> list[Oid]:
    """Return the blobs of a part tree; none if one of its trees is missing."""
    try:
        return [entry.oid for leaf in store.read_tree(tree) for entry in store.read_tree(leaf.oid)]
    except Incomplete:
        return []
