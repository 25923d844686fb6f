"""The links of remotes' keep refs that this repository has seen, and what they tie.

Links are remembered in a file of lines, not as objects: a commit whose parents are not there is what git calls a
damaged repository. Each line has all that a link is made of, so its id is computed and not believed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.flows.sharing.keep import DONE_LINK, LINK, PART_LINK, encode_link, encode_part
from git_datmo.flows.workspace import Workspace
from git_datmo.git.objects import commit_parents, commit_tree
from git_datmo.model import ObjectFormat, Oid

# The first word of a line, by the commit's message.
_WORDS = {LINK: "link", PART_LINK: "link-part", DONE_LINK: "link-parts-done"}
_MESSAGES = {word: message for message, word in _WORDS.items()}
_PART = "part"


@dataclass(frozen=True, slots=True)
class Link:
    """A link: `parents` are the link before, where there is one, and what it ties."""

    parents: tuple[Oid, ...]
    message: str = LINK

    def encode(self, form: ObjectFormat) -> bytes:
        """Encode the commit that it is."""
        return encode_link(form, self.parents, self.message)


class Links:
    """All links that were seen, and the parts that this repository made."""

    def __init__(self, path: Path, form: ObjectFormat) -> None:
        self._path, self._form = path, form
        self._links: dict[Oid, Link] = {}
        self._parts: dict[Oid, Oid] = {}
        self._read()

    def get(self, oid: Oid) -> Link | None:
        """Return a link that was seen."""
        return self._links.get(oid)

    def add(self, *links: Link) -> list[Oid]:
        """Remember links, and return their ids."""
        oids = [self._form.hash("commit", link.encode(self._form)) for link in links]
        fresh = {oid: link for oid, link in zip(oids, links, strict=True) if oid not in self._links}
        self._links.update(fresh)
        self._append([" ".join((_WORDS[link.message], *map(str, link.parents))) for link in fresh.values()])
        return oids

    def add_part(self, tree: Oid) -> Oid:
        """Remember a part by its tree, and return the part's id."""
        part = self._form.hash("commit", encode_part(tree))
        if part not in self._parts:
            self._parts[part] = tree
            self._append([f"{_PART} {tree}"])
        return part

    def parts_under_way(self) -> dict[Oid, Oid]:
        """Return those parts that no link says to have served, with their trees."""
        done = {part for link in self._links.values() if link.message == DONE_LINK for part in link.parents[1:]}
        return {part: tree for part, tree in self._parts.items() if part not in done}

    def _append(self, lines: Sequence[str]) -> None:
        # The file spares requests: without it, links are fetched again.
        with suppress(OSError):
            fsio.append(self._path, "".join(f"{line}\n" for line in lines).encode())

    def _read(self) -> None:
        try:
            lines = self._path.read_text("ascii", "replace").splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            self._take(line.split(" "))

    def _take(self, words: Sequence[str]) -> None:
        """Take in a line; one that was cut off stands for nothing that anybody asks for."""
        try:
            oids = tuple(map(Oid.parse, words[1:]))
        except Damaged:
            return
        if words[0] == _PART and len(oids) == 1:
            self._parts[self._form.hash("commit", encode_part(oids[0]))] = oids[0]
        elif words[0] in _MESSAGES:
            link = Link(oids, _MESSAGES[words[0]])
            self._links[self._form.hash("commit", link.encode(self._form))] = link


def read_link(content: bytes, form: ObjectFormat) -> Link | None:
    """Decode a commit that is a link; None for any other."""
    if commit_tree(content) != form.hash("tree", b""):
        return None
    parents = commit_parents(content)
    links = (Link(parents, message) for message in _WORDS)
    return next((link for link in links if link.encode(form) == content), None)


@dataclass(frozen=True, slots=True)
class Chain:
    """What some links tie, as far as it is known: `absent` are links that were not seen yet.

    `parts` are those that did not serve yet: their share is under way, or was given up.
    """

    keeps: frozenset[Oid]
    absent: frozenset[Oid]
    parts: frozenset[Oid]


def read_chain(links: Links, tips: Iterable[Oid], others: Container[Oid] = ()) -> Chain:
    """Follow links from `tips`; `others` were looked at, and are keep commits."""
    keeps, absent, seen = set[Oid](), set[Oid](), set[Oid]()
    parts, done = set[Oid](), set[Oid]()
    stack = list(tips)
    while stack:
        oid = stack.pop()
        if oid in seen:
            continue
        seen.add(oid)
        link = links.get(oid)
        if oid in others:
            keeps.add(oid)
        elif link is None:
            absent.add(oid)
        else:
            stack += link.parents[:1]
            tied = {PART_LINK: parts, DONE_LINK: done}.get(link.message, keeps)
            tied.update(link.parents[1:])
    return Chain(frozenset(keeps), frozenset(absent), frozenset(parts - done))


def walk_links(links: Links, tips: Iterable[Oid]) -> Iterator[tuple[Oid, Link]]:
    """Yield the links from `tips` on that are known, each behind those on top of it."""
    seen, queue = set[Oid](), deque(tips)
    while queue:
        oid = queue.popleft()
        link = links.get(oid)
        if oid not in seen and link is not None:
            seen.add(oid)
            yield oid, link
            queue += link.parents[:1]


def links_between(links: Links, tips: Sequence[Oid], needed: Iterable[Oid]) -> list[Link]:
    """Return the links of `tips`, and those from there on that lead to `needed` keep commits, as far as known."""
    left, found = set(needed), list[Link]()
    for oid, link in walk_links(links, tips):
        if left or oid in tips:
            found.append(link)
            left.difference_update(link.parents)
    return found


def write_links(ws: Workspace, *links: Link) -> list[Oid]:
    """Remember links, write them to the scratch repository, and return their ids."""
    ws.links.add(*links)
    ws.scratch.write("tree", b"")
    return [ws.scratch.write("commit", link.encode(ws.store.format)) for link in links]


def write_boundary(ws: Workspace, *links: Link) -> None:
    """Write links that a remote has, for git to see what they lead to, once the keep commits that matter are written.

    Of other commits before them git needs nothing.
    """
    write_links(ws, *links)
    ws.scratch.replace({parent for link in links for parent in link.parents}, write_first(ws))


def write_first(ws: Workspace) -> Oid:
    """Write the link that ties nothing, with which each chain begins, and return its id."""
    (first,) = write_links(ws, Link(()))
    return first


def tie(ws: Workspace, tip: Oid | None, *tied: Oid, message: str = LINK) -> Oid:
    """Write a link on top of `tip`, or at the beginning of a chain, and return its id."""
    before = tip if tip is not None else write_first(ws)
    (link,) = write_links(ws, Link(tuple(dict.fromkeys((before, *tied))), message))
    return link
