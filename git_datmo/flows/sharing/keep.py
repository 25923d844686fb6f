"""Keep commits: what makes payload objects reachable on a remote, and lets a push leave out what it has.

The keep commit of a record is made from the record alone: anyone who has the record makes the same commit, so anyone
can name what a remote holds without having fetched it. A link, whose tree is empty, ties keep commits into the chain
that a remote's keep ref points at; fetching a link alone brings nothing else along.

What is too large for one push goes in parts: a part is a commit that keeps blobs. A link says that it ties one, so that
nobody takes it for a keep commit, and a later one that parts have served: keep commits then keep what they kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from git_datmo.errors import Incomplete
from git_datmo.git.objects import BLOB, TREE, Entry, encode_commit, encode_tree
from git_datmo.model import Content, ObjectFormat, Oid
from git_datmo.records.objects import list_objects, payload_name
from git_datmo.records.types import Record, Snapshot
from git_datmo.store.layout import Kind, Node, root_node
from git_datmo.store.store import Store

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000

LINK, PART, PART_LINK, DONE_LINK = "datmo: link", "datmo: part", "datmo: link part", "datmo: link parts done"
PARENTS_AT_ONCE = 100
# Writes an object of a kind and returns its id.
Write = Callable[[str, bytes], Oid]
# The names of a part's blobs are two digits a level.
PART_WIDTH = 256


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that a record keeps.

    `path` is the payload's, or a colon and the object's name: earlier versions have the same. `name` is the object's
    in the keep commit's tree.
    """

    path: str
    content: Content
    name: str

    @property
    def node(self) -> Node:
        return root_node(self.content)


def kept_objects(record: Record) -> Iterator[Kept]:
    """Yield every object that a record keeps, by its list of objects alone."""
    paths = _payload_paths(record)
    for kept in list_objects(record):
        yield Kept(paths.get(kept.name, f":{kept.name}"), kept.content, kept.name)


def _payload_paths(record: Record) -> dict[str, str]:
    """Map the names of a snapshot's payloads, in its list of objects, to their paths."""
    if not isinstance(record, Snapshot):
        return {}
    inputs = record.run.inputs if record.run is not None else ()
    used = (("payload", record.payloads), ("input", inputs))
    return {payload_name(use, payload.path): payload.path for use, payloads in used for payload in payloads}


def encode_keep(record: Record, form: ObjectFormat) -> tuple[bytes, bytes]:
    """The keep commit of a record and its tree, the tree first: it has each object under its name."""
    entries = []
    for kept in kept_objects(record):
        node = kept.node
        is_tree = node.kind is Kind.FOLDER or node.chunked
        entries.append(Entry(kept.name.encode(), TREE if is_tree else BLOB, node.oid))
    tree = encode_tree(entries)
    return tree, encode_commit(form.hash("tree", tree), (), IDENTITY, TIME, "datmo: keep")


def keep_id(record: Record, form: ObjectFormat) -> Oid:
    """The id of a record's keep commit."""
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
    """Encode a part: a commit that keeps the blobs of a tree that `write_part_tree` wrote."""
    return encode_commit(tree, (), IDENTITY, TIME, PART)


def write_part_tree(write: Write, blobs: Sequence[Oid]) -> Oid:
    """Write the trees of a part, which has up to the square of `PART_WIDTH` blobs, and return the first one's id."""
    leaves = (blobs[start : start + PART_WIDTH] for start in range(0, len(blobs), PART_WIDTH))
    return write("tree", _numbered(TREE, [write("tree", _numbered(BLOB, leaf)) for leaf in leaves]))


def _numbered(mode: int, oids: Iterable[Oid]) -> bytes:
    return encode_tree(Entry(b"%02x" % place, mode, oid) for place, oid in enumerate(oids))


def read_part_tree(store: Store, tree: Oid) -> list[Oid]:
    """Return the blobs that the part with this tree keeps; none where a tree of it is not here."""
    try:
        return [entry.oid for leaf in store.read_tree(tree) for entry in store.read_tree(leaf.oid)]
    except Incomplete:
        return []
