"""Remember the links of remotes' keep refs.

Links are lines of a file, not objects: git calls a repository damaged if a commit's parents are
missing. A line holds everything that makes the link, so its id is computed and never trusted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_datmo import fsio
from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import commit_parents, commit_tree
from git_datmo.model import ObjectFormat, Oid
from git_datmo.remotes.keep_commits import DONE_LINK, LINK, PART_LINK, encode_link, encode_part
from git_datmo.repository.workspace import Workspace

# The first word of a line, by the link's message.
_WORDS = {LINK: "link", PART_LINK: "link-part", DONE_LINK: "link-parts-done"}
_MESSAGES = {word: message for message, word in _WORDS.items()}
_PART = "part"


@dataclass(frozen=True, slots=True)
class Link:
    """A link; `parents` are the previous link, if any, and the commits that it ties."""

    parents: tuple[Oid, ...]
    message: str = LINK

    def encode(self, form: ObjectFormat) -> bytes:
        """Encode the link as a commit."""
        return encode_link(form, self.parents, self.message)


class Links:
    """All known links, and the parts that this repository made."""

    def __init__(self, path: Path, form: ObjectFormat) -> None:
        self._path, self._form = path, form
        self._links: dict[Oid, Link] = {}
        self._parts: dict[Oid, Oid] = {}
        self._read()

    def get(self, oid: Oid) -> Link | None:
        """Return a known link; None for any other commit."""
        return self._links.get(oid)

    def add(self, *links: Link) -> list[Oid]:
        """Remember links, and return their ids."""
        oids = [self._form.hash("commit", link.encode(self._form)) for link in links]
        fresh = {oid: link for oid, link in zip(oids, links, strict=True) if oid not in self._links}
        self._links.update(fresh)
        self._append(
            [" ".join((_WORDS[link.message], *map(str, link.parents))) for link in fresh.values()]
        )
        return oids

    def add_part(self, tree: Oid) -> Oid:
        """Remember a part by its tree, and return the part's id."""
        part = self._form.hash("commit", encode_part(tree))
        if part not in self._parts:
            self._parts[part] = tree
            self._append([f"{_PART} {tree}"])
        return part

    def parts_under_way(self) -> dict[Oid, Oid]:
        """Return the parts that no link says to have served, with their trees."""
        done = {
            part
            for link in self._links.values()
            if link.message == DONE_LINK
            for part in link.parents[1:]
        }
        return {part: tree for part, tree in self._parts.items() if part not in done}

    def _append(self, lines: Sequence[str]) -> None:
        # The file only saves requests: lost links are fetched again.
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
        """Parse a line; ignore one that was cut off."""
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
    # A link is exactly what this version would write: comparing bytes leaves no room for others.
    parents = commit_parents(content)
    links = (Link(parents, message) for message in _WORDS)
    return next((link for link in links if link.encode(form) == content), None)


@dataclass(frozen=True, slots=True)
class Chain:
    """The commits that some links tie. `absent` are links that are not known.

    `parts` have not served yet: their push is running or was abandoned.
    """

    keeps: frozenset[Oid]
    absent: frozenset[Oid]
    parts: frozenset[Oid]


def read_chain(links: Links, tips: Iterable[Oid], others: Container[Oid] = ()) -> Chain:
    """Follow links from `tips`. `others` are known to be keep commits."""
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
            # The first parent is the previous link; the others are what this link ties.
            stack += link.parents[:1]
            # Which set a link's commits join depends on its message alone (FORMAT.md, section 10).
            tied = {PART_LINK: parts, DONE_LINK: done}.get(link.message, keeps)
            tied.update(link.parents[1:])
    return Chain(frozenset(keeps), frozenset(absent), frozenset(parts - done))


def walk_links(links: Links, tips: Iterable[Oid]) -> Iterator[tuple[Oid, Link]]:
    """Yield the known links from `tips` on, each after those above it."""
    seen, queue = set[Oid](), deque(tips)
    while queue:
        oid = queue.popleft()
        link = links.get(oid)
        if oid not in seen and link is not None:
            seen.add(oid)
            yield oid, link
            queue += link.parents[:1]


def links_between(links: Links, tips: Sequence[Oid], needed: Iterable[Oid]) -> list[Link]:
    """Return the links of `tips` and the known links on the way to `needed` keep commits."""
    left, found = set(needed), list[Link]()
    for oid, link in walk_links(links, tips):
        if left or oid in tips:
            found.append(link)
            left.difference_update(link.parents)
    return found


def links_of(ws: Workspace) -> Links:
    """Return the links that this repository knows."""
    return ws.keep(Links, lambda: Links(ws.shared_state / "links", ws.repo.format))


def write_links(ws: Workspace, *links: Link) -> list[Oid]:
    """Remember links, write them to the scratch repository, and return their ids."""
    links_of(ws).add(*links)
    ws.scratch.write("tree", b"")
    return [ws.scratch.write("commit", link.encode(ws.store.format)) for link in links]


def write_boundary(ws: Workspace, *links: Link) -> None:
    """Write links that a remote has, after the keep commits that they lead to.

    Git then knows what the remote has. It needs no earlier commits.
    """
    write_links(ws, *links)
    ws.scratch.replace({parent for link in links for parent in link.parents}, write_first(ws))


def write_first(ws: Workspace) -> Oid:
    """Write the empty link with which each chain begins, and return its id."""
    (first,) = write_links(ws, Link(()))
    return first


def tie(ws: Workspace, tip: Oid | None, *tied: Oid, message: str = LINK) -> Oid:
    """Write a link on top of `tip`, or at the beginning of a chain, and return its id."""
    before = tip if tip is not None else write_first(ws)
    (link,) = write_links(ws, Link(tuple(dict.fromkeys((before, *tied))), message))
    return link
