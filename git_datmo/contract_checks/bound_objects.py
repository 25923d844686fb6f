"""Find the stored objects that a contract is bound to, from payloads and without their files."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import translate

from git_datmo.contracts.contract_types import Contract
from git_datmo.git.object_encoding import TreeEntry
from git_datmo.model import ObjectFormat, Oid, Payload
from git_datmo.objects.stored_folders import find_path, read_folder
from git_datmo.objects.tree_nodes import Node, NodeKind, root_node

_MAGIC = re.compile(r"[*?[]")
ReadTree = Callable[[Oid], Iterator[TreeEntry]]


@dataclass(frozen=True, slots=True)
class BoundObjects:
    """Paths with their objects, sorted by path, and the id of the listing of them."""

    nodes: tuple[tuple[str, Node], ...]
    subject: Oid

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths alone."""
        return tuple(path for path, _ in self.nodes)


def find_bound_objects(
    contract: Contract, payloads: Sequence[Payload], read: ReadTree, form: ObjectFormat
) -> BoundObjects:
    """Return what a contract is bound to. Trees of folders are read only for parts of them."""
    found: dict[str, Node] = {}
    for pattern in contract.paths:
        for payload in payloads:
            found.update(_find_in_payload(pattern, payload, read))
    nodes = tuple(sorted(found.items()))
    lines = (f"{node.oid} {path}\n" for path, node in nodes)
    listing = "".join(lines).encode("utf-8", "surrogateescape")
    return BoundObjects(nodes, form.hash("blob", listing))


def _find_in_payload(pattern: str, payload: Payload, read: ReadTree) -> Iterable[tuple[str, Node]]:
    """Return the paths of a payload that a pattern names."""
    root = root_node(payload.content)
    if pattern == payload.path:
        return [(pattern, root)]
    if _MAGIC.search(pattern) is None:
        if not pattern.startswith(f"{payload.path}/"):
            return []
        steps = [os.fsencode(step) for step in pattern[len(payload.path) + 1 :].split("/")]
        node = find_path(root, steps, read)
        # A link may lead out of the payload.
        return [] if node is None or node.kind is NodeKind.LINK else [(pattern, node)]
    fixed = _fixed_part(pattern)
    # Trees of payloads that cannot match are not read.
    if not (f"{payload.path}/".startswith(fixed) or fixed.startswith(f"{payload.path}/")):
        return []
    matches = compile_pattern(pattern).fullmatch
    walked = [(payload.path, root), *_walk(payload.path, root, read)]
    return [(path, node) for path, node in walked if matches(path)]


def _fixed_part(pattern: str) -> str:
    """Return the folders in front of the first special character, with a slash at the end."""
    found = _MAGIC.search(pattern)
    fixed = pattern if found is None else pattern[: found.start()]
    return fixed[: fixed.rfind("/") + 1]


def _walk(path: str, node: Node, read: ReadTree) -> Iterator[tuple[str, Node]]:
    """Yield all paths below a folder, without links."""
    if node.kind is not NodeKind.FOLDER:
        return
    for name, child in read_folder(node.oid, read):
        if child.kind is not NodeKind.LINK:
            below = f"{path}/{os.fsdecode(name)}"
            yield below, child
            yield from _walk(below, child, read)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return a pattern of a path as a regular expression, as `glob` understands it.

    `*` stays within a folder, `**` is any number of folders, and neither matches a leading dot.
    """
    steps = pattern.split("/")
    parts = []
    for index, step in enumerate(steps):
        is_last = index == len(steps) - 1
        if step == "**":
            parts.append(r"(?:(?!\.)[^/]+/)*" + (r"(?:(?!\.)[^/]+)?" if is_last else ""))
        else:
            parts.append(_translate_step(step) + ("" if is_last else "/"))
    return re.compile("".join(parts), re.DOTALL)


def _translate_step(step: str) -> str:
    """Return a component of a pattern as a regular expression that stays within a folder."""
    if _MAGIC.search(step) is None:
        return re.escape(step)
    # The translation is wrapped in `(?s:...)\Z`, and its `.` would match a slash.
    # Later versions of Python write the end as `\z`.
    inner = translate(step).removeprefix("(?s:").removesuffix(")\\Z").removesuffix(")\\z")
    inner = inner.replace(".*", "[^/]*")
    inner = re.sub(r"(?<!\\)\.(?![*?])", "[^/]", inner)
    return rf"(?!\.){inner}"
