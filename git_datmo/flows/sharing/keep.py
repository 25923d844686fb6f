"""Keep commits: what makes payload objects reachable on a remote, and lets a push leave out what it has.

The keep commit of a record is made from the record alone: anyone who has the record makes the same commit, so anyone
can name what a remote holds without having fetched it. A link, whose tree is empty, ties keep commits into the chain
that a remote's keep ref points at; fetching a link alone brings nothing else along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass

from git_datmo.git.objects import BLOB, TREE, Entry, commit_parents, commit_tree, encode_commit, encode_tree
from git_datmo.git.odb import write_loose
from git_datmo.model import Content, ObjectFormat, Oid, Payload
from git_datmo.records.types import Snapshot
from git_datmo.store.layout import Kind, Node, root_node
from git_datmo.store.store import Store

IDENTITY = "git-datmo <git-datmo@localhost>"
TIME = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An object that a record names; `path` is where its earlier versions were, in terms of the record.

    `name` is the object's in the keep commit's tree. It stays the same from version to version: a server leaves out
    of a fetch what the client has at the same path, and looks at no other (git-config, `pack.useSparse`).
    """

    path: str
    content: Content
    name: str

    @property
    def node(self) -> Node:
        return root_node(self.content)


def kept_objects(snapshot: Snapshot) -> Iterator[Kept]:
    """Every object that a snapshot names."""
    for payload in snapshot.payloads:
        yield _kept("payload", payload)
    for payload in snapshot.run.inputs if snapshot.run else ():
        yield _kept("input", payload)
    if snapshot.code is not None:
        yield Kept(":code", snapshot.code, "code")
    if snapshot.environment is not None:
        yield Kept(":environment", snapshot.environment, "environment")
    if snapshot.run is not None and snapshot.run.log is not None:
        yield Kept(":log", snapshot.run.log, "log")


def _kept(use: str, payload: Payload) -> Kept:
    return Kept(payload.path, payload.content, f"{use}-{hashlib.sha256(payload.path.encode()).hexdigest()[:40]}")


def encode_keep(snapshot: Snapshot, form: ObjectFormat) -> tuple[bytes, bytes]:
    """The keep commit of a snapshot and its tree, the tree first: it has each object under its name."""
    entries = []
    for kept in kept_objects(snapshot):
        node = kept.node
        is_tree = node.kind is Kind.FOLDER or node.chunked
        entries.append(Entry(kept.name.encode(), TREE if is_tree else BLOB, node.oid))
    tree = encode_tree(entries)
    return tree, encode_commit(form.hash("tree", tree), (), IDENTITY, TIME, "datmo: keep")


def keep_id(snapshot: Snapshot, form: ObjectFormat) -> Oid:
    """The id of a snapshot's keep commit."""
    return form.hash("commit", encode_keep(snapshot, form)[1])


def write_keep(store: Store, snapshot: Snapshot) -> Oid:
    """The keep commit of a snapshot, put into the store."""
    tree, commit = encode_keep(snapshot, store.format)
    write_loose(store.objects.folder, store.format, "tree", tree)
    return write_loose(store.objects.folder, store.format, "commit", commit)


def write_link(store: Store, parents: Iterable[Oid]) -> Oid:
    """A link: a commit with an empty tree and these parents."""
    objects = store.objects.folder
    tree = write_loose(objects, store.format, "tree", b"")
    return write_loose(objects, store.format, "commit", encode_commit(tree, parents, IDENTITY, TIME, "datmo: link"))


@dataclass(frozen=True, slots=True)
class Chain:
    """What some links tie, as far as it is told here: `absent` are commits that may be links or keep commits."""

    keeps: frozenset[Oid]
    absent: frozenset[Oid]


def read_chain(store: Store, tips: Iterable[Oid], known: Container[Oid]) -> Chain:
    """Follow links from `tips`; `known` are keep commits, which need not be here."""
    keeps, absent, seen = set[Oid](), set[Oid](), set[Oid]()
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
            stack += commit_parents(found[1])
        else:
            keeps.add(oid)
    return Chain(frozenset(keeps), frozenset(absent))
