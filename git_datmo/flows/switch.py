"""From a snapshot to the working tree: payloads are fetched where they are missing, and placed where they differ."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, replace

from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.capture import changing, find_differences, really_differs, save
from git_datmo.flows.history import Found, History
from git_datmo.flows.obtain import obtain_trees, require
from git_datmo.flows.underway import end_underway, interrupted, read_underway, refuse_during_checkout, write_underway
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid, Payload
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Snapshot
from git_datmo.store.capture import walk
from git_datmo.store.checkout import Checkout, Conflict, Placement, sweep
from git_datmo.store.layout import Kind, Node, find_name, read_folder, root_node
from git_datmo.store.statcache import CacheEdit, Differences
from git_datmo.store.tracking import Tracked, Tracking

NOTHING = Differences((), (), (), ())


@dataclass(frozen=True, slots=True)
class Switched:
    """What a checkout did: the paths that changed, those taken away, those left alone since they are modified."""

    snapshot: str
    placed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def switch(
    ws: Workspace, name: str = "", *, only: Sequence[str] = (), force: bool = False, progress: Progress = QUIET
) -> Switched:
    """Put the payloads of a commit or snapshot into the working tree, or only what lies at the paths `only`.

    Raises `DatmoError` before anything is written when a file would be lost, unless `force`.
    """
    with changing(ws) as tracking:
        # Under the lock: an older snapshot than the working tree is at by then would take away what that one has more.
        found = find_target(ws, name)
        halfway = _halfway(ws, found)
        if not only:
            stay = _staying(ws, tracking, halfway) if halfway and not force else set()
            return _bring(ws, tracking, found, stay, force=force, progress=progress)
        whole, parts = _split(found.snapshot.payloads, only)
        if halfway - {payload.path for payload in whole}:
            refuse_during_checkout(ws)
        refuse_tracked_by_git(ws, [*whole, *(payload for payload, _ in parts)])
        if not force:
            _refuse_unsnapshotted(ws, tracking, whole)
        edit = ws.cache.edit()
        _place_parts(ws, tracking, parts, edit, force=force, progress=progress)
        placed = _place(ws, tracking, found, whole, (), edit, force=force, progress=progress)
        _finish(ws, tracking, tracking.having(_as_placed(ws, whole)), edit)
        return Switched(str(found.id), (*placed, *(path for _, path in parts)))


def _halfway(ws: Workspace, found: Found) -> frozenset[str]:
    """The payloads in which a checkout to `found` was cut off; raises `DatmoError` where it was one to another.

    What such a checkout had placed already is known to it alone; to any other it is nobody's.
    """
    underway = read_underway(ws)
    if underway is None:
        return frozenset()
    if underway.snapshot != str(found.id):
        raise interrupted(underway)
    return underway.payloads


def find_target(ws: Workspace, name: str) -> Found:
    """The snapshot that says which payloads belong to `name`, an id or a revision ('' is HEAD)."""
    history = History(ws)
    if name:
        with suppress(DatmoError):
            return history.resolve(name)
    found = history.nearest(ws.repo.resolve(name or "HEAD"))
    if found is None:
        raise DatmoError(
            f"no commit up to '{name or 'HEAD'}' has a snapshot", "'git datmo fetch' gets what others shared"
        )
    return found


def _split(
    payloads: Sequence[Payload], only: Sequence[str]
) -> tuple[tuple[Payload, ...], tuple[tuple[Payload, str], ...]]:
    """The payloads that the paths `only` name whole, and the paths within others."""
    whole: list[Payload] = []
    parts: list[tuple[Payload, str]] = []
    for path in only:
        inside = [p for p in payloads if not path or (p.path + "/").startswith(path + "/")]
        holder = next((p for p in payloads if path.startswith(p.path + "/")), None)
        if not inside and holder is None:
            raise DatmoError(f"the snapshot has no payload at '{path}'", "'git datmo show' lists its payloads")
        whole += inside
        if holder is not None:
            parts.append((holder, path))
    return tuple(dict.fromkeys(whole)), tuple(parts)


def refuse_tracked_by_git(ws: Workspace, payloads: Iterable[Payload]) -> None:
    paths = [payload.path for payload in payloads]
    listed = ws.repo.git.run("ls-files", "-z", "--", *paths).split(b"\0")[:-1] if paths else []
    if listed:
        shown = os.fsdecode(listed[0])
        raise DatmoError(
            f"the payload path '{shown}' is tracked by git here",
            f"take it out of git's index first: git rm --cached -- '{shown}'",
        )


def _base(ws: Workspace, tracking: Tracking) -> dict[str, Content]:
    """The payloads of the snapshot that the working tree was last brought to, by path."""
    record = ws.ledger.record(Oid.parse(tracking.snapshot)) if tracking.snapshot else None
    return {p.path: p.content for p in record.payloads} if isinstance(record, Snapshot) else {}


def _refuse_unsnapshotted(ws: Workspace, tracking: Tracking, coming: Iterable[Payload]) -> None:
    base = _base(ws, tracking)
    for payload in coming:
        tracked = tracking.get(payload.path)
        if tracked is None or not tracked.placed:
            continue
        if tracked.payload.content not in (payload.content, base.get(payload.path)):
            raise DatmoError(
                f"'{payload.path}' was added in a version that no snapshot has",
                "keep it with 'git datmo snapshot', or give it up with 'git datmo checkout --force'",
            )


def _bring(
    ws: Workspace, tracking: Tracking, found: Found, stay: AbstractSet[str], *, force: bool, progress: Progress
) -> Switched:
    """Bring the tracking state to a snapshot, but for the payloads `stay`; what the last one brought and this one
    lacks goes."""
    wanted = {payload.path: payload for payload in found.snapshot.payloads}
    coming = [payload for payload in wanted.values() if payload.path not in stay]
    refuse_tracked_by_git(ws, coming)
    if not force:
        _refuse_unsnapshotted(ws, tracking, coming)
    base = _base(ws, tracking)
    others = [t for t in tracking.payloads if t.payload.path in stay or t.payload.path not in wanted]
    going = [t for t in others if t.payload.path not in stay and base.get(t.payload.path) == t.payload.content]
    edit = ws.cache.edit()
    placed = _place(ws, tracking, found, coming, going, edit, force=force, progress=progress)
    staying = [t for t in others if t not in going]
    kept = (t if t.placed else replace(t, payload=wanted.get(t.payload.path, t.payload)) for t in staying)
    _finish(ws, tracking, Tracking((), str(found.id)).having([*kept, *_as_placed(ws, coming)]), edit)
    left = [
        t.payload.path
        for t in staying
        if t.placed and wanted.get(t.payload.path, t.payload).content != t.payload.content
    ]
    return Switched(str(found.id), placed, tuple(t.payload.path for t in going if t.placed), tuple(left))


def _as_placed(ws: Workspace, payloads: Iterable[Payload]) -> list[Tracked]:
    return [Tracked(p, True, frozenset(empty_folders(ws, p))) for p in payloads]


def _place(
    ws: Workspace,
    tracking: Tracking,
    found: Found,
    coming: Sequence[Payload],
    going: Sequence[Tracked],
    edit: CacheEdit,
    *,
    force: bool,
    progress: Progress,
) -> tuple[str, ...]:
    """Write some payloads and take others away; returns the paths where something was written."""
    require(ws, {payload.path: root_node(payload.content) for payload in coming}, progress=progress)
    checkout = Checkout(ws.store, ws.root, edit, progress)
    try:
        plans = _plan(ws, tracking, checkout, coming, going, force=force)
    except Conflict as conflict:
        if _halfway(ws, found):
            hint = "move them away and run this again, or give them up with 'git datmo checkout --force'"
            raise DatmoError(conflict.what, hint) from None
        raise
    progress.begin("Checking out", sum(payload.content.size for payload in coming))
    touched = {path for path, plan in plans.items() if plan.write or plan.remove or plan.rmdir}
    if touched:
        write_underway(ws, str(found.id), touched | _halfway(ws, found))
    _carry_out(ws, checkout, plans.values())
    progress.finish()
    return tuple(payload.path for payload in coming if plans[payload.path].write or plans[payload.path].remove)


def _plan(
    ws: Workspace,
    tracking: Tracking,
    checkout: Checkout,
    coming: Sequence[Payload],
    going: Sequence[Tracked],
    *,
    force: bool,
) -> dict[str, Placement]:
    differences = find_differences(ws, tracking)
    plans: dict[str, Placement] = {}
    for payload in coming:
        tracked = tracking.get(payload.path)
        old = root_node(tracked.payload.content) if tracked is not None and tracked.placed else None
        around = differences.get(payload.path, NOTHING) if old is not None else _unknown(ws, payload.path)
        plans[payload.path] = checkout.plan(payload.path, old, root_node(payload.content), around, force=force)
    for tracked in going:
        if tracked.placed:
            path, content = tracked.payload.path, tracked.payload.content
            plans[path] = checkout.plan(path, root_node(content), None, differences[path], force=force)
    return plans


def _unknown(ws: Workspace, path: str) -> Differences:
    """What is at a path that the stat cache knows nothing of."""
    full = ws.root / path
    if not os.path.lexists(full):
        return NOTHING
    if full.is_dir() and not full.is_symlink():
        return replace(NOTHING, added=tuple(walk(ws.root, os.fsencode(path), deque())))
    return replace(NOTHING, added=(os.fsencode(path),))


def _carry_out(ws: Workspace, checkout: Checkout, plans: Iterable[Placement]) -> None:
    for plan in plans:
        sweep(ws.root, iter({path.rpartition(b"/")[0] for path, _ in plan.write}))
        checkout.apply(plan)


def _finish(ws: Workspace, before: Tracking, after: Tracking, edit: CacheEdit) -> None:
    """Make what was placed the working tree's state: first the state, then the stat cache, as after storing."""
    save(ws, after)
    known = {tracked.payload.path for tracked in before.payloads if tracked.placed}
    for tracked in after.payloads:
        if tracked.payload.path not in known:
            edit.renew(os.fsencode(tracked.payload.path))
    ws.cache.update(edit)
    end_underway(ws)


def empty_folders(ws: Workspace, payload: Payload) -> Iterator[bytes]:
    """The folders of a payload that hold nothing, but its own."""
    root = root_node(payload.content)
    stack = [(os.fsencode(payload.path), root.oid)] if root.kind is Kind.FOLDER else []
    while stack:
        path, oid = stack.pop()
        for name, node in read_folder(oid, ws.store.read_tree):
            if node.kind is Kind.FOLDER:
                if node.oid == ws.store.empty_tree:
                    yield path + b"/" + name
                stack.append((path + b"/" + name, node.oid))


def _place_parts(
    ws: Workspace,
    tracking: Tracking,
    parts: Sequence[tuple[Payload, str]],
    edit: CacheEdit,
    *,
    force: bool,
    progress: Progress,
) -> None:
    """Place files and folders from within payloads, fetching nothing else of them.

    A payload that gets parts of another version is modified, as if a person had copied them there.
    """
    if not parts:
        return
    checkout = Checkout(ws.store, ws.root, edit, progress)
    differences = find_differences(ws, tracking)
    plans: dict[str, Placement] = {}
    foreign: list[str] = []
    for payload, path in parts:
        steps = tuple(name.encode() for name in path[len(payload.path) + 1 :].split("/"))
        node = _find_node(ws, root_node(payload.content), steps, progress)
        if node is None:
            raise DatmoError(f"the payload '{payload.path}' has no '{path}' in that snapshot")
        require(ws, {path: node}, progress=progress)
        tracked = tracking.get(payload.path)
        placed = tracked is not None and tracked.placed
        old = checkout.find(root_node(tracked.payload.content), steps) if tracked is not None and placed else None
        around = _narrow(differences.get(payload.path, NOTHING), os.fsencode(path)) if old else _unknown(ws, path)
        plans[path] = checkout.plan(path, old, node, around, force=force)
        if node != old:
            foreign.append(path)
    _carry_out(ws, checkout, plans.values())
    for path in foreign:
        edit.disown(os.fsencode(path))


def _find_node(ws: Workspace, root: Node, steps: tuple[bytes, ...], progress: Progress) -> Node | None:
    """The node at `steps` below `root`, fetching only the trees on the way to it."""
    node: Node | None = root
    for name in steps:
        if node is None or node.kind is not Kind.FOLDER:
            return None
        node = _find_name(ws, node.oid, name, progress)
    return node


def _find_name(ws: Workspace, folder: Oid, name: bytes, progress: Progress) -> Node | None:
    try:
        return find_name(folder, name, ws.store.read_tree)
    except Incomplete as error:
        obtain_trees(ws, [Oid.parse(text) for text in error.missing], progress=progress)
    return _find_name(ws, folder, name, progress)


def _narrow(found: Differences, path: bytes) -> Differences:
    def below(paths: tuple[bytes, ...]) -> tuple[bytes, ...]:
        return tuple(p for p in paths if p == path or p.startswith(path + b"/"))

    return Differences(below(found.changed), below(found.missing), below(found.added), below(found.folders))


def follow(ws: Workspace, *, progress: Progress = QUIET) -> Switched | None:
    """After git moved HEAD: payloads that are as they were stored follow it; modified ones stay, and are named.

    A payload that was never fetched here stays so, and so does a clone in which none was.
    """
    with changing(ws) as tracking:
        head = ws.repo.head()
        found = History(ws).nearest(head) if head is not None else None
        if found is None:
            return None
        halfway = _halfway(ws, found)
        if str(found.id) == tracking.snapshot and not halfway:
            return None
        if not halfway and not any(t.placed for t in tracking.payloads):
            asleep = [Tracked(payload, placed=False) for payload in found.snapshot.payloads]
            save(ws, Tracking((), str(found.id)).having(asleep))
            return None
        wanted = {payload.path for payload in found.snapshot.payloads}
        asleep_paths = {t.payload.path for t in tracking.payloads if not t.placed} & wanted - halfway
        stay = _staying(ws, tracking, halfway) | asleep_paths
        return _bring(ws, tracking, found, stay, force=False, progress=progress)


def _staying(ws: Workspace, tracking: Tracking, halfway: AbstractSet[str]) -> set[str]:
    """The payloads that hold what no snapshot has: modified files, or a version that was only added.

    Those that a checkout was cut off in only look modified.
    """
    base, differences = _base(ws, tracking), find_differences(ws, tracking)
    return {
        t.payload.path
        for t in tracking.payloads
        if t.placed
        and t.payload.path not in halfway
        and (
            base.get(t.payload.path) != t.payload.content
            or (differences[t.payload.path] and really_differs(ws, t, differences[t.payload.path]))
        )
    }
