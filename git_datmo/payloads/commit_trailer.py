"""Write the trailer `Datmo-Data` into the message of a commit whose payloads changed."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from git_datmo import fsio
from git_datmo.git.command import Git
from git_datmo.git.commit_messages import Message, add_trailer, read_message, remove_lines
from git_datmo.history.experiments import History
from git_datmo.payloads.checkout_in_progress import refuse_during_checkout
from git_datmo.payloads.follow_head import catch_up
from git_datmo.payloads.head_comparison import look
from git_datmo.payloads.head_moved_back import MovedBack, how_moved_back
from git_datmo.payloads.merge_trailer import find_merged_data, is_merging
from git_datmo.payloads.merging.merge_state import read_pending
from git_datmo.payloads.store_payloads import refresh
from git_datmo.payloads.tracked_payloads import changing
from git_datmo.progress import QUIET, Progress
from git_datmo.records.catalog import Catalog
from git_datmo.records.data_id import KEY, LINE, data_id, parse_trailers
from git_datmo.repository.workspace import Workspace

# A rebase has this file while it adds commits to the one before.
FIXUPS = "rebase-merge/current-fixups"
# Seconds to wait for another git-datmo command. The hook after the commit waits longer.
PATIENCE = 5.0
_COMMIT = re.compile(r"[0-9a-f]{4,64}\Z")
# The flags of a pattern of text include UNICODE, which `re` refuses in a pattern of bytes.
_LINES = re.compile(LINE.pattern.encode(), LINE.flags & ~re.UNICODE)


@dataclass(frozen=True, slots=True)
class MessageHook:
    """The call of a message hook by git: the message's file, its source, and the commit it is from.

    `edited` says that an editor is used. `words` is the command line of the git that commits, if
    known.
    """

    path: Path
    source: str = ""
    object: str = ""
    edited: bool = False
    words: tuple[str, ...] = ()
    action: str = ""

    @property
    def is_made_by_merge(self) -> bool:
        """Return whether git makes the commit by itself, after which it calls `post-merge`."""
        return self.action.startswith(("merge", "pull"))

    @property
    def amends(self) -> bool:
        """Return True if the commit replaces HEAD. Git tells only if it reuses HEAD's message."""
        # Words after `--` are paths, even if they look like options.
        options = self.words[: self.words.index("--")] if "--" in self.words else self.words
        # Git accepts a prefix of an option if no other option has it. `--a` is also a prefix of
        # `--all`.
        return self.object == "HEAD" or any(
            len(word) > 3 and "--amend".startswith(word) for word in options
        )


@dataclass(frozen=True, slots=True)
class Data:
    """The id of the payloads; `changed` if HEAD's data differ.

    `settled` says that the commit will have exactly these: no merge waits, and nothing is to be
    united.
    """

    id: str
    changed: bool
    settled: bool
    catalog: Catalog


def update_message(ws: Workspace, hook: MessageHook, *, progress: Progress = QUIET) -> bool:
    """Write the trailer that the payloads require.

    Stores changed payloads, so that the snapshot after the commit is quick; they stay stored if the
    commit is abandoned. Returns True if nothing changed and no snapshot is needed.
    """
    content = hook.path.read_bytes()
    message = read_message(content, ws.repo.config, edited=hook.edited)
    bare = remove_lines(message, _LINES)
    if _is_untouched_template(ws.state, bare):
        return False
    if bare.is_empty:
        # A trailer alone would turn an emptied message, which abandons the commit, into a valid
        # one.
        _write(hook.path, content, message if message.is_empty else bare)
        return False
    if not is_merging(ws.repo.git_dir):
        data = _find_data(ws, progress)
        _put_trailers(ws.repo.git, hook.path, content, message, _choose(ws, hook, message, data))
        return not data.changed and data.settled and not _of_squash_merge(ws.repo.git_dir)
    merged = find_merged_data(
        ws, patience=PATIENCE, is_pull=hook.action.startswith("pull"), progress=progress
    )
    if merged.id:
        _put_trailers(ws.repo.git, hook.path, content, message, (merged.id,))
    elif not merged.brings and not hook.is_made_by_merge:
        _put_trailers(
            ws.repo.git,
            hook.path,
            content,
            message,
            _choose(ws, hook, message, _find_data(ws, progress)),
        )
    return False


def _put_trailers(
    git: Git, path: Path, content: bytes, message: Message, wanted: tuple[str, ...]
) -> None:
    """Let the message have just these trailers."""
    bare = remove_lines(message, _LINES)
    # A message that has the right trailers keeps the bytes that the user wrote.
    if parse_trailers(_decode(message)) != wanted or len(_LINES.findall(message.text)) != len(
        wanted
    ):
        for value in wanted:
            bare = add_trailer(git, bare, KEY, value)
        _write(path, content, bare)


def _find_data(ws: Workspace, progress: Progress) -> Data:
    with changing(ws, PATIENCE) as old:
        refuse_during_checkout(ws)
        tracking, history = old, History(ws)
        head = ws.head()
        if head is not None and not look(ws, history, old.snapshots, head).is_settled:
            # Changes of others are united before the commit, so that its message can name the
            # result.
            tracking = catch_up(ws, old, progress=progress)
        tracking, _ = refresh(ws, tracking, progress=progress)
        made = data_id(tracked.payload for tracked in tracking.payloads)
        if head is None:
            # A branch without a commit has no data that the files could come from.
            is_own = not tracking.snapshots
            return Data(made, is_own and bool(tracking.payloads), is_own, history.catalog)
        seen = look(ws, history, tracking.snapshots, head)
        # What a soft reset kept belongs to the commit that is made next.
        is_kept = seen.is_ahead and how_moved_back(ws, old.head) is MovedBack.HEAD_ALONE
        settled = (seen.is_settled or is_kept) and read_pending(ws) is None
        here = {t.payload.path: t.payload.content for t in tracking.payloads}
        is_head = set(seen.data.ids) == set(tracking.snapshots)
        changed = settled and (here != tracking.base_contents or not is_head)
        return Data(made, changed, settled, history.catalog)


def _choose(ws: Workspace, hook: MessageHook, message: Message, data: Data) -> tuple[str, ...]:
    """Return the ids that the message is to name."""
    present = parse_trailers(_decode(message))
    if data.changed:
        # After a squash, the snapshot has what both sides made, whose id is not known yet.
        return newest(data.catalog, _of_squash_merge(ws.repo.git_dir)) or (data.id,)
    if _is_squash(ws.repo.git_dir, hook):
        joined = (*present, *_of_fixup(ws), *_of_squash_merge(ws.repo.git_dir))
        return newest(data.catalog, tuple(dict.fromkeys(joined)))
    if hook.amends and (
        present or parse_trailers(ws.repo.git.text("log", "-1", "--format=%B", "HEAD", "--"))
    ):
        return (data.id,)
    return (data.id,) if data.id in present else ()


def _is_squash(git_dir: Path, hook: MessageHook) -> bool:
    """Return True for a message of several commits, whose data are united after the commit."""
    return hook.source == "squash" or any(
        (git_dir / name).exists() for name in ("SQUASH_MSG", FIXUPS)
    )


def _of_squash_merge(git_dir: Path) -> tuple[str, ...]:
    """Return the trailers of the commits that `git merge --squash` joins.

    Git keeps their messages in a file, since the user may give the commit another message.
    """
    # During a rebase, git writes this file for a squash step and not for a merge.
    if (git_dir / "rebase-merge").exists():
        return ()
    try:
        text = (git_dir / "SQUASH_MSG").read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ()
    return parse_trailers(text)


def _of_fixup(ws: Workspace) -> tuple[str, ...]:
    """Return the trailers of the commit that a rebase adds as a fixup, whose message is lost."""
    folder = ws.repo.git_dir / "rebase-merge"
    if not (ws.repo.git_dir / FIXUPS).exists():
        return ()
    # A rebase appends each command to `done` before it carries the command out.
    done = (folder / "done").read_text("utf-8", "surrogateescape").split("\n")
    words = next((line.split() for line in reversed(done) if line.strip()), [])
    names = [word for word in words[1:] if _COMMIT.match(word)]
    return (
        parse_trailers(ws.repo.git.text("log", "-1", "--format=%B", names[0], "--"))
        if names
        else ()
    )


def _is_untouched_template(state: Path, message: Message) -> bool:
    """Return True if the message is the unchanged template, for which git abandons the commit."""
    path = state / "template"
    if not path.exists():
        return False
    template = replace(message, text=path.read_bytes())
    path.unlink()
    return template.lines == message.lines


def newest(catalog: Catalog, ids: tuple[str, ...]) -> tuple[str, ...]:
    """Return the id whose snapshot descends from those of all others; all ids if there is none."""
    rows = {each: [row.record for row in catalog.with_data(each)] for each in ids}
    for each in ids:
        below = catalog.graph.reached(rows[each])
        if rows[each] and all(below.intersection(rows[other]) for other in ids):
            return (each,)
    return ids


def _decode(message: Message) -> str:
    return message.text.decode("utf-8", "surrogateescape")


def _write(path: Path, before: bytes, message: Message) -> None:
    if message.content != before:
        fsio.write_file(path, message.content)


def read_words(parent: str) -> tuple[str, ...]:
    """Return the command line of a process; none if the system does not tell."""
    try:
        words = Path(f"/proc/{int(parent)}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return ()
    return tuple(os.fsdecode(word) for word in words[1:])


def is_edited(environ: Mapping[str, str]) -> bool:
    """Return True if git starts an editor for the message. Otherwise git tells its hooks
    (git-commit)."""
    return environ.get("GIT_EDITOR") != ":"
