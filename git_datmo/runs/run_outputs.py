"""Store the files that a run wrote. A file that cannot be kept causes a remark, not an error."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from git_datmo.errors import DatmoError, Unreadable
from git_datmo.git.safe_paths import show
from git_datmo.model import Payload, Role
from git_datmo.payloads.addable_paths import AddableCheck, link_warnings
from git_datmo.payloads.clean_filters import filtered_paths
from git_datmo.payloads.payload_changes import current_tracking, find_differences
from git_datmo.payloads.store_payloads import store_payloads
from git_datmo.payloads.tracked_payloads import save
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.output_ownership import By, Owner
from git_datmo.runs.written_files import Output, Written, find_written, guess_role
from git_datmo.sizes import show_count, show_size
from git_datmo.worktree.outside_links import LinkCheck
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.tracking import Tracking

IGNORED_LIMIT = 10 << 20
# The most files that are left out of a folder. For each, the folder is read again.
LEFT_OUT = 20


@dataclass(slots=True)
class KeptOutputs:
    """The stored outputs of a run, and the new tracking state.

    `outputs` are paths of payloads, and `tracked` files that git tracks. `unseen` are the paths
    with a change as their only evidence. `left` is the number of bytes that were written and not
    kept. `written` are the paths that the run wrote, kept or not.
    """

    tracking: Tracking
    outputs: list[str] = field(default_factory=list)
    tracked: list[Payload] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    left: int = 0
    written: list[str] = field(default_factory=list)


def keep_outputs(
    ws: Workspace, owner: Owner, explicit: Sequence[str], progress: Progress
) -> KeptOutputs:
    """Store and track the files that the run of `owner` wrote, and the `explicit` paths."""
    tracking = current_tracking(ws)
    written = find_written(ws, tracking, find_differences(ws, tracking), owner)
    kept = KeptOutputs(
        tracking.without(written.removed), remarks=list(dict.fromkeys(written.remarks))
    )
    kept.remarks += (f"the run removed '{path}'" for path in written.removed)
    kept.written += (output.path for output in (*written.shown, *written.ignored, *written.tracked))
    kept.written += (path for path in (*written.touched, *explicit) if path not in kept.written)
    wanted = _wanted(ws, written, explicit, kept)
    _keep(ws, _addable(ws, wanted, kept), kept, progress)
    _keep_tracked(ws, written.tracked, kept)
    if owner.doubtful:
        first = os.fsdecode(owner.doubtful[0])
        more = f" and {len(owner.doubtful) - 1} more" if len(owner.doubtful) > 1 else ""
        kept.remarks.append(
            f"'{first}'{more} changed while another run was active in this working tree: counted"
            " as an output of this run"
        )
    save(ws, kept.tracking)
    kept.outputs.sort()
    return kept


def _wanted(
    ws: Workspace, written: Written, explicit: Sequence[str], kept: KeptOutputs
) -> dict[str, By]:
    """Return the paths to store, each with its evidence.

    Files that git ignores are stored if their total size is small, else named in a remark.
    """
    asked = [path for path in explicit if os.path.lexists(ws.root / path)]
    # An output that was asked for and is missing is worth a remark, but no error.
    kept.remarks += (f"the run did not write '{path}'" for path in explicit if path not in asked)
    under = tuple(f"{path}/" for path in asked)
    ignored = [each for each in written.ignored if not f"{each.path}/".startswith(under)]
    limit = ws.repo.config.number("datmo.ignoredlimit", IGNORED_LIMIT)
    wanted = {output.path: output.by for output in written.shown}
    if sum(output.size for output in ignored) <= limit:
        wanted |= {output.path: output.by for output in ignored}
        kept.remarks += map(_remark_on_kept, ignored)
    else:
        kept.left += sum(output.size for output in ignored)
        kept.remarks += map(_remark_on_left, ignored)
    wanted = {path: by for path, by in wanted.items() if not path.startswith(under)}
    return wanted | written.touched | {path: wanted.get(path, By.SEEN) for path in asked}


def _remark_on_kept(output: Output) -> str:
    return f"'{output.path}' is ignored by git; it is kept as an output ({_extent(output)})"


def _remark_on_left(output: Output) -> str:
    return (
        f"'{output.path}' was written but git ignores it ({_extent(output)}): keep it with '-o"
        f" {output.path}'"
    )


def _extent(output: Output) -> str:
    return f"{show_size(output.size)}, {show_count(output.files, 'file')}"


def _addable(ws: Workspace, wanted: Mapping[str, By], kept: KeptOutputs) -> dict[str, By]:
    """Return the outputs that can be payloads, and say why the others cannot.

    A path below another output is stored with that one.
    """
    new = [path for path in wanted if kept.tracking.get(path) is None]
    check = AddableCheck(ws, new)
    addable: dict[str, By] = {}
    # A folder sorts before the paths below it, so it is decided first.
    for path in sorted(wanted):
        if any(each in addable for each in _above(path)):
            continue
        try:
            if kept.tracking.get(path) is None:
                check.check(kept.tracking, path)
        except DatmoError as error:
            kept.remarks.append(f"'{path}' was not kept: {error.what}")
        else:
            addable[path] = wanted[path]
    return addable


def _above(path: str) -> Iterator[str]:
    """Yield the folders that hold `path`, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _keep(ws: Workspace, outputs: Mapping[str, By], kept: KeptOutputs, progress: Progress) -> None:
    """Store outputs together; each by itself where something fails that does not name its file."""
    rest = dict(outputs)
    try:
        _store_outputs(ws, rest, kept, progress)
    except (DatmoError, OSError) as error:
        if len(outputs) == 1:
            (path,) = outputs
            kept.remarks.append(f"'{path}' was not kept: {_reason(error)}")
            return
        for path, by in rest.items():
            _keep(ws, {path: by}, kept, progress)
        return
    kept.outputs += rest
    kept.unseen += (path for path, by in rest.items() if by is By.CHANGE)


def _store_outputs(
    ws: Workspace, outputs: dict[str, By], kept: KeptOutputs, progress: Progress
) -> None:
    """Store outputs; take those that cannot be read out of `outputs`.

    Files in folders that are left out, since they grow or cannot be read, are named, and so are odd
    links.
    """
    left: list[bytes] = []
    while outputs:
        links = LinkCheck(os.fsencode(ws.root))
        asked = {path: guess_role(path) for path in outputs}
        try:
            kept.tracking, _ = store_payloads(
                ws, kept.tracking, asked, leave=left, links=links, progress=progress
            )
        except Unreadable as error:
            name = os.fsdecode(error.path)
            top = next((each for each in (name, *_above(name)) if each in outputs), None)
            if top is None:
                raise
            # Each file that is left out costs another reading of its folder.
            others = sum(each.startswith(os.fsencode(top) + b"/") for each in left)
            if name == top or error.path in left or others == LEFT_OUT:
                kept.remarks.append(f"'{top}' was not kept: {error.what}")
                del outputs[top]
                continue
            left.append(error.path)
            # A file that was removed meanwhile is not an output and needs no remark.
            if os.path.lexists(os.path.join(os.fsencode(ws.root), error.path)):
                kept.remarks.append(f"{show(error.path)} was not kept: {error.what}")
        else:
            kept.remarks += (line for path in outputs for line in link_warnings(links, path))
            return


def _reason(error: DatmoError | OSError) -> str:
    """Return the text of an error in one line."""
    return error.what if isinstance(error, DatmoError) else error.strerror or str(error)


def _keep_tracked(ws: Workspace, outputs: Sequence[Output], kept: KeptOutputs) -> None:
    """Store files that git tracks as they are after the run, without making them payloads."""
    if not outputs:
        return
    # A clean filter such as git-crypt's keeps content out of git, and must not be bypassed.
    filtered = filtered_paths(ws, ws.repo.git, [os.fsencode(output.path) for output in outputs])
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), QUIET)
    for output in outputs:
        if os.fsencode(output.path) in filtered:
            kept.remarks.append(
                f"'{output.path}' was not kept as an output: git has a filter for it"
            )
            continue
        try:
            with ws.store.writer() as writer:
                content = capturer.whole(output.path, writer).content
        except (DatmoError, OSError) as error:
            kept.remarks.append(f"'{output.path}' was not kept: {_reason(error)}")
            continue
        kept.tracked.append(Payload(output.path, Role.OUTPUT, content))
        if output.by is By.CHANGE:
            kept.unseen.append(output.path)
