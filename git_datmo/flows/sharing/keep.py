"""Keep commits: what makes payload objects reachable on a remote, and lets a push leave out what it has.

The keep commit of a record is made from the record alone: anyone who has the record makes the same commit, so anyone
can name what a remote holds without having fetched it. A link, whose tree is empty, ties keep commits into the chain
that a remote's keep ref points at; fetching a link alone brings nothing else along.

What is too large for one push goes in parts: a part is a commit that keeps blobs. A link says that it ties one, so that
nobody takes it for a keep commit, and a later one that parts have served: keep commits then keep what they kept.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass

from git_datmo.git.namespaces import epoch_of, namespace_of
from git_datmo.git.objects import BLOB, TREE, Entry, commit_parents, commit_tree, encode_commit, encode_tree
from git_datmo.git.odb import write_loose
from git_datmo.git.remote import Remote
from git_datmo.model import Content, ObjectFormat, Oid
from git_datmo.records.objects import list_objects, payload_name
from git_datmo.records.types import Record, Snapshot
from git_datmo.store.layout import Kind, Node, root_node
from git_datmo.store.store import Store

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000

LINK, PART, PART_LINK, DONE_LINK = "datmo: link", "datmo: part", "datmo: link part", "datmo: link parts done"
KEPT_REFS = "refs/datmo/kept/"
PARENTS_AT_ONCE = 100
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


def write_keep(store: Store, record: Record) -> Oid:
    """The keep commit of a record, put into the store."""
    tree, commit = encode_keep(record, store.format)
    write_loose(store.objects.folder, store.format, "tree", tree)
    return write_loose(store.objects.folder, store.format, "commit", commit)


def write_link(store: Store, parents: Iterable[Oid], *, message: str = LINK) -> Oid:
    """A link: a commit with an empty tree and these parents."""
    objects = store.objects.folder
    tree = write_loose(objects, store.format, "tree", b"")
    return write_loose(objects, store.format, "commit", encode_commit(tree, parents, IDENTITY, TIME, message))


def write_part(store: Store, blobs: Sequence[Oid]) -> Oid:
    """A part: a commit that keeps up to the square of `PART_WIDTH` blobs."""
    objects, leaves = store.objects.folder, []
    for start in range(0, len(blobs), PART_WIDTH):
        leaf = _numbered(BLOB, blobs[start : start + PART_WIDTH])
        leaves.append(write_loose(objects, store.format, "tree", leaf))
    tree = write_loose(objects, store.format, "tree", _numbered(TREE, leaves))
    return write_loose(objects, store.format, "commit", encode_commit(tree, (), IDENTITY, TIME, PART))


def _numbered(mode: int, oids: Iterable[Oid]) -> bytes:
    return encode_tree(Entry(b"%02x" % place, mode, oid) for place, oid in enumerate(oids))


def write_part_link(store: Store, tip: Oid | None, part: Oid) -> Oid:
    """A link that ties a part to what was at `tip`."""
    return write_link(store, [*([tip] if tip is not None else []), part], message=PART_LINK)


def write_done_link(store: Store, tip: Oid, parts: Iterable[Oid]) -> Oid:
    """A link which says that parts have served."""
    return write_link(store, [tip, *parts], message=DONE_LINK)


def read_part(store: Store, part: Oid) -> list[Oid]:
    """The blobs that a part keeps; none where it is not here."""
    found = store.objects.find(part)
    if found is None or found[0] != "commit":
        return []
    leaves = store.read_tree(commit_tree(found[1]))
    return [entry.oid for leaf in leaves for entry in store.read_tree(leaf.oid)]


def kept_ref(remote: Remote, keep_ref: str) -> str:
    """The store's own ref for what a remote's keep ref was when it was last seen."""
    ns = namespace_of(keep_ref)
    assert ns is not None
    return f"{KEPT_REFS}{ns.of(remote.name or 'url')}/{epoch_of(keep_ref)}"


@dataclass(frozen=True, slots=True)
class Chain:
    """What some links tie, as far as it is told here: `absent` are commits that may be links or keep commits.

    `parts` are those that did not serve yet: their share is under way, or was given up.
    """

    keeps: frozenset[Oid]
    absent: frozenset[Oid]
    parts: frozenset[Oid]


def read_chain(store: Store, tips: Iterable[Oid], known: Container[Oid]) -> Chain:
    """Follow links from `tips`; `known` are keep commits, which need not be here."""
    keeps, absent, seen = set[Oid](), set[Oid](), set[Oid]()
    parts, done = set[Oid](), set[Oid]()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        found = None if oid in known else store.objects.find(oid)
        if oid not in known and found is None:
            absent.add(oid)
        elif found is not None and found[0] == "commit" and commit_tree(found[1]) == store.empty_tree:
            parents = commit_parents(found[1])
            if _says(found[1], PART_LINK):
                parts.update(parents[-1:])
                parents = parents[:-1]
            elif _says(found[1], DONE_LINK):
                done.update(parents[1:])
                parents = parents[:1]
            stack += parents
        else:
            keeps.add(oid)
    return Chain(frozenset(keeps), frozenset(absent), frozenset(parts - done))


def _says(commit: bytes, message: str) -> bool:
    return commit.endswith(f"\n\n{message}\n".encode())
