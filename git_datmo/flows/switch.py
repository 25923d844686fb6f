"""From a snapshot to the working tree: payloads are fetched where they are missing, and placed where they differ."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from git_datmo import fsio
from git_datmo.errors import DatmoError, Incomplete
from git_datmo.flows.capture import (
    MARK,
    MERGE,
    current_tracking,
    find_differences,
    really_differs,
    refuse_during_checkout,
    save,
)
from git_datmo.flows.contents import edit, measure
from git_datmo.flows.history import Found, History
from git_datmo.flows.obtain import obtain, obtain_trees
from git_datmo.flows.unresolved import read_pending, resolve
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Oid, Payload
from git_datmo.progress import QUIET, Progress
from git_datmo.records.types import Snapshot
from git_datmo.store.capture import walk
from git_datmo.store.checkout import Checkout, Placement, sweep
from git_datmo.store.layout import Kind, Node, find_name, read_folder, root_node
from git_datmo.store.statcache import Differences
from git_datmo.store.tracking import Tracked, Tracking

NOTHING = Differences((), (), (), ())
Entries = dict[bytes, bytes | None]


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
    found = find_target(ws, name)
    with ws.locked():
        if only:
            refuse_during_checkout(ws)
        tracking = current_tracking(ws)
        whole, parts = _split(found.snapshot.payloads, only)
        refuse_tracked_by_git(ws, [*whole, *(payload for payload, _ in parts)])
        if not force:
            _refuse_unsnapshotted(ws, tracking, whole)
        if not only:
            return _place_all(ws, tracking, found, force=force, progress=progress)
        changed, entries = _place_parts(ws, tracking, found, parts, force=force, progress=progress)
        placed, more = _place(ws, tracking, found, whole, (), force=force, progress=progress)
        finish(ws, tracking.having(as_placed(ws, [*changed, *whole])), entries | more)
        resolve(ws, only)
        return Switched(str(found.id), (*placed, *(path for _, path in parts)))


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
    """The payloads that the paths `only` name whole, and the paths within others; all of them for no path."""
    if not only:
        return tuple(payloads), ()
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


def last_snapshot(ws: Workspace, tracking: Tracking) -> dict[str, Content]:
    """The payloads of the snapshot that the working tree was last brought to, by path."""
    record = ws.ledger.record(Oid.parse(tracking.snapshot)) if tracking.snapshot else None
    return {p.path: p.content for p in record.payloads} if isinstance(record, Snapshot) else {}


def _refuse_unsnapshotted(ws: Workspace, tracking: Tracking, coming: Iterable[Payload]) -> None:
    base = last_snapshot(ws, tracking)
    for payload in coming:
        tracked = tracking.get(payload.path)
        if tracked is None or not tracked.placed:
            continue
        if tracked.payload.content not in (payload.content, base.get(payload.path)):
            raise DatmoError(
                f"'{payload.path}' was added in a version that no snapshot has",
                "keep it with 'git datmo snapshot', or give it up with 'git datmo checkout --force'",
            )


def _place_all(ws: Workspace, tracking: Tracking, found: Found, *, force: bool, progress: Progress) -> Switched:
    """Bring the whole tracking state to a snapshot; what the last one brought and this one lacks goes."""
    wanted = found.snapshot.payloads
    paths, base = {payload.path for payload in wanted}, last_snapshot(ws, tracking)
    absent = [t for t in tracking.payloads if t.payload.path not in paths]
    going = [t for t in absent if base.get(t.payload.path) == t.payload.content]
    placed, entries = _place(ws, tracking, found, wanted, going, force=force, progress=progress)
    kept = [t for t in absent if t not in going]
    finish(ws, Tracking((), str(found.id)).having([*kept, *as_placed(ws, wanted)]), entries)
    (ws.state / MERGE).unlink(missing_ok=True)
    return Switched(str(found.id), placed, tuple(t.payload.path for t in going))


def as_placed(ws: Workspace, payloads: Iterable[Payload]) -> list[Tracked]:
    """Payloads as the working tree tracks them once their files are there."""
    return [Tracked(p, True, frozenset(empty_folders(ws, p))) for p in payloads]


def _place(
    ws: Workspace,
    tracking: Tracking,
    found: Found,
    coming: Sequence[Payload],
    going: Sequence[Tracked],
    *,
    force: bool,
    progress: Progress,
) -> tuple[tuple[str, ...], Entries]:
    """Write some payloads and take others away; returns the paths where something was written, and the stat cache's
    new entries."""
    require_objects(ws, [root_node(payload.content) for payload in coming], progress)
    checkout = Checkout(ws.store, ws.root, ws.cache, progress)
    differences = find_differences(ws, tracking)
    plans: dict[str, Placement] = {}
    for payload in coming:
        tracked = tracking.get(payload.path)
        old = root_node(tracked.payload.content) if tracked is not None and tracked.placed else None
        around = differences.get(payload.path, NOTHING) if old is not None else what_is_at(ws, payload.path)
        plans[payload.path] = checkout.plan(payload.path, old, root_node(payload.content), around, force=force)
    for tracked in going:
        if tracked.placed:
            path, content = tracked.payload.path, tracked.payload.content
            plans[path] = checkout.plan(path, root_node(content), None, differences[path], force=force)
    progress.begin("Checking out", sum(payload.content.size for payload in coming))
    entries = carry_out(ws, str(found.id), checkout, plans)
    progress.finish()
    placed = (payload.path for payload in coming if plans[payload.path].write or plans[payload.path].remove)
    return tuple(placed), entries


def what_is_at(ws: Workspace, path: str) -> Differences:
    """What is at a path that the stat cache knows nothing of."""
    full = ws.root / path
    if not os.path.lexists(full):
        return NOTHING
    top = os.fsencode(path)
    return replace(NOTHING, added=tuple(walk(ws.root, top, [])) if full.is_dir() and not full.is_symlink() else (top,))


def require_objects(ws: Workspace, nodes: Sequence[Node], progress: Progress) -> None:
    """Fetch what the store lacks of `nodes`; raises `Incomplete` for what can be had nowhere."""
    missing = obtain(ws, nodes, progress=progress)
    if missing:
        raise Incomplete(
            f"{len(missing.all)} objects of the payloads can be had nowhere",
            "ask who made the snapshot to run 'git push'",
            missing=sorted(map(str, missing.all)),
        )


def carry_out(ws: Workspace, target: str, checkout: Checkout, plans: dict[str, Placement]) -> Entries:
    """Change the files; a mark that only `finish` takes away says to other commands that it is under way."""
    if any(plan.write or plan.remove or plan.rmdir for plan in plans.values()):
        fsio.write_file(ws.state / MARK, f"{target}\n".encode())
    entries: Entries = {}
    for plan in plans.values():
        sweep(ws.root, iter({path.rpartition(b"/")[0] for path, _ in plan.write}))
        entries |= checkout.apply(plan)
    return entries


def finish(ws: Workspace, tracking: Tracking, entries: Entries) -> None:
    """Make what was placed the working tree's state: first the state, then the stat cache, as after storing."""
    save(ws, tracking)
    ws.cache.update(entries)
    (ws.state / MARK).unlink(missing_ok=True)


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
    found: Found,
    parts: Sequence[tuple[Payload, str]],
    *,
    force: bool,
    progress: Progress,
) -> tuple[list[Payload], Entries]:
    """Place files and folders from within payloads, fetching nothing else of them.

    Returns the payloads that now have them, and the stat cache's new entries; none of a payload that is not placed.
    """
    if not parts:
        return [], {}
    checkout = Checkout(ws.store, ws.root, ws.cache, progress)
    differences = find_differences(ws, tracking)
    plans: dict[str, Placement] = {}
    changes: dict[str, dict[tuple[bytes, ...], Node | None]] = {}
    pending = read_pending(ws)
    undecided = pending.paths if pending is not None else ()
    for payload, path in parts:
        steps = tuple(name.encode() for name in path[len(payload.path) + 1 :].split("/"))
        node = _find_node(ws, root_node(payload.content), steps, progress)
        if node is None and path not in undecided:
            raise DatmoError(f"the payload '{payload.path}' has no '{path}' in that snapshot")
        require_objects(ws, [node] if node is not None else [], progress)
        tracked = tracking.get(payload.path)
        placed = tracked is not None and tracked.placed
        old = checkout.find(root_node(tracked.payload.content), steps) if tracked is not None and placed else None
        around = _narrow(differences.get(payload.path, NOTHING), os.fsencode(path)) if old else what_is_at(ws, path)
        plans[path] = checkout.plan(path, old, node, around, force=force)
        changes.setdefault(payload.path, {})[steps] = node
    entries = carry_out(ws, str(found.id), checkout, plans)
    changed = []
    for path, nodes in changes.items():
        tracked = tracking.get(path)
        root = edit(ws, root_node(tracked.payload.content), nodes) if tracked is not None and tracked.placed else None
        if tracked is not None and root is not None:
            changed.append(replace(tracked.payload, content=measure(ws, root, tracked.payload.content)))
    return changed, entries if changed else {}


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
    head = ws.repo.head()
    found = History(ws).nearest(head) if head is not None else None
    if found is None:
        return None
    with ws.locked():
        refuse_during_checkout(ws)
        tracking = ws.tracking()
        if str(found.id) == tracking.snapshot:
            return None
        placed = [t for t in tracking.payloads if t.placed]
        if not placed:
            asleep = [Tracked(payload, placed=False) for payload in found.snapshot.payloads]
            save(ws, Tracking((), str(found.id)).having(asleep))
            return None
        stay = _staying(ws, tracking, placed)
        asleep_paths = {t.payload.path for t in tracking.payloads if not t.placed}
        movable = tuple(p for p in found.snapshot.payloads if p.path not in stay | asleep_paths)
        refuse_tracked_by_git(ws, movable)
        base, wanted = last_snapshot(ws, tracking), {p.path: p for p in found.snapshot.payloads}
        absent = [t for t in placed if t.payload.path not in wanted and t.payload.path not in stay]
        going = [t for t in absent if base.get(t.payload.path) == t.payload.content]
        changed, entries = _place(ws, tracking, found, movable, going, force=False, progress=progress)
        kept = [t for t in placed if t.payload.path in stay or (t in absent and t not in going)]
        asleep = [Tracked(wanted[path], placed=False) for path in sorted(asleep_paths & wanted.keys())]
        finish(ws, Tracking((), str(found.id)).having([*kept, *asleep, *as_placed(ws, movable)]), entries)
        left = sorted(p for p in stay & wanted.keys() if _content(tracking, p) != wanted[p].content)
        return Switched(str(found.id), changed, tuple(t.payload.path for t in going), tuple(left))


def _content(tracking: Tracking, path: str) -> Content | None:
    tracked = tracking.get(path)
    return tracked.payload.content if tracked is not None else None


def _staying(ws: Workspace, tracking: Tracking, placed: Sequence[Tracked]) -> set[str]:
    """The payloads that hold what no snapshot has: modified files, or a version that was only added."""
    base, differences = last_snapshot(ws, tracking), find_differences(ws, tracking)
    return {
        t.payload.path
        for t in placed
        if base.get(t.payload.path) != t.payload.content
        or (differences[t.payload.path] and really_differs(ws, t, differences[t.payload.path]))
    }
