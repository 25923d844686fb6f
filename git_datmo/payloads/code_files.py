"""Store the code: files that git tracks, and untracked ones that a command needs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from git_datmo.errors import Unreadable
from git_datmo.git.safe_paths import show
from git_datmo.model import Content, Form, Oid
from git_datmo.objects.folder_editor import FolderEditor, TreeChange
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.clean_filters import cleaned_files, filtered_paths
from git_datmo.payloads.payload_changes import holder_of
from git_datmo.payloads.store_payloads import is_cache
from git_datmo.progress import QUIET, Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.secrets.secret_files import find_secret_file
from git_datmo.terminal_text import quote_word
from git_datmo.worktree.path_capture import Capturer
from git_datmo.worktree.tracking import Tracking

UNTRACKED_LIMIT = 10 << 20
TRACKED = ("ls-files", "-z", "--recurse-submodules")
UNTRACKED = ("ls-files", "-z", "-o", "--exclude-standard")


def capture_code(
    ws: Workspace,
    tracking: Tracking,
    *,
    listed: Iterable[bytes] | None = None,
    progress: Progress = QUIET,
) -> Content:
    """Store the files that git tracks, as git would store them, without payloads.

    `listed` are git's files, where the caller has asked for them.
    """
    if listed is None:
        listed = ws.repo.git.run(*TRACKED).split(b"\0")[:-1]
    payloads = {os.fsencode(t.payload.path): t for t in tracking.payloads}
    chosen = [
        path
        # A path in conflict is listed once for each of its stages (git-ls-files, --deduplicate).
        for path in sorted(set(listed))
        if holder_of(path, payloads) is None and _is_file(ws.root, path)
    ]
    cleaned = cleaned_files(ws, filtered_paths(ws, ws.repo.git, chosen))
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), progress)
    with ws.store.writer() as writer:
        captured = capturer.files(b"", [path for path in chosen if path not in cleaned], writer)
    return _with_blobs(ws, captured.content, cleaned)


def _is_file(root: Path, path: bytes) -> bool:
    full = os.path.join(os.fsencode(root), path)
    return os.path.islink(full) or os.path.isfile(full)


def _with_blobs(ws: Workspace, code: Content, blobs: dict[bytes, Oid]) -> Content:
    """Return `code` with blobs of the code repository added."""
    if not blobs:
        return code
    added: dict[bytes, Content] = {}
    with (
        tempfile.TemporaryDirectory(prefix="git-datmo-clean-") as scratch,
        ws.store.writer() as writer,
    ):
        capturer = Capturer(ws.store, Path(scratch), ws.cache.edit(), QUIET)
        for number, (path, oid) in enumerate(sorted(blobs.items())):
            file = Path(scratch) / str(number)
            file.write_bytes(ws.odb.read(oid, "blob"))
            content = replace(capturer.whole(file.name, writer).content, size=file.stat().st_size)
            # A blob has no mode, so the file in the working tree gives it.
            executable = os.stat(os.path.join(os.fsencode(ws.root), path)).st_mode & 0o100
            added[path] = replace(content, form=Form.EXECUTABLE if executable else Form.FILE)
    return _edited(ws, code, added)


def _edited(ws: Workspace, code: Content, added: dict[bytes, Content]) -> Content:
    root = TreeChange()
    for path, content in added.items():
        root.at(path.split(b"/")).node = root_node(content)
    with ws.store.writer() as writer:
        editor = FolderEditor(ws.store.read_tree, writer.put_tree, ws.store.format)
        oid, _ = editor.edit(code.object, root.below)
    size = code.size + sum(content.size for content in added.values())
    return replace(code, object=oid, size=size, files=code.files + len(added))


def add_text(ws: Workspace, code: Content, path: bytes, text: str) -> Content:
    """Return `code` with a file added that has no place in the working tree."""
    with (
        tempfile.TemporaryDirectory(prefix="git-datmo-cells-") as scratch,
        ws.store.writer() as writer,
    ):
        file = Path(scratch) / "text"
        file.write_text(text, "utf-8", errors="replace")
        capturer = Capturer(ws.store, Path(scratch), ws.cache.edit(), QUIET)
        content = capturer.whole(file.name, writer).content
    return _edited(ws, code, {path: content})


def untracked_files(ws: Workspace, tracking: Tracking) -> set[bytes]:
    """Return files that git neither tracks nor ignores and that belong to no payload."""
    return without_payloads(ws.repo.git.run(*UNTRACKED).split(b"\0")[:-1], tracking)


def without_payloads(listed: Iterable[bytes], tracking: Tracking) -> set[bytes]:
    """Return untracked files that belong to no payload, without caches."""
    payloads = {os.fsencode(t.payload.path): t for t in tracking.payloads}
    return {path for path in listed if holder_of(path, payloads) is None and not is_cache(path)}


def named_in(ws: Workspace, command: Sequence[str]) -> Iterator[bytes]:
    """Yield the paths that words of a command may mean, relative to the repository; `-m a.b` is
    `a/b.py`."""
    top = os.path.realpath(ws.root)
    for before, word in zip(("", *command), command, strict=False):
        words = (
            # `--option=FILE` names a file after the sign.
            [word.replace(".", "/") + ".py"] if before == "-m" else [word, word.partition("=")[2]]
        )
        for each in filter(None, words):
            full = os.path.normpath(os.path.join(top, ws.repo.prefix, each))
            if full.startswith(top + "/"):
                yield os.fsencode(full[len(top) + 1 :])


def add_untracked(
    ws: Workspace, code: Content, paths: Iterable[bytes], *, progress: Progress = QUIET
) -> tuple[Content, tuple[str, ...]]:
    """Return `code` with untracked files added, and remarks on which were added or left out."""
    limit = ws.repo.config.number("datmo.untrackedlimit", UNTRACKED_LIMIT)
    added, remarks = dict[bytes, Content](), list[str]()
    capturer = Capturer(ws.store, ws.root, ws.cache.edit(), progress)
    with ws.store.writer() as writer:
        for path in sorted(set(paths)):
            remark = _reason_to_leave_out(ws.root, path, limit)
            if remark:
                remarks.append(remark)
                continue
            try:
                added[path] = capturer.whole(os.fsdecode(path), writer).content
            except Unreadable as error:
                remarks.append(f"{error.what}: it was left out of the stored code")
    remarks += (
        f"{show(path)} is untracked; the command uses it, so it is stored with the code"
        for path in added
    )
    return (_edited(ws, code, added) if added else code), tuple(remarks)


def _reason_to_leave_out(root: Path, path: bytes, limit: int) -> str | None:
    full = os.path.join(os.fsencode(root), path)
    if os.path.islink(full) or not os.path.isfile(full):
        return f"{show(path)} is untracked, and not a file: it was left out of the stored code"
    if os.path.getsize(full) > limit:
        return (
            f"{show(path)} is untracked and large: it was left out of the stored code;"
            f" keep it with 'git datmo add-data {quote_word(os.fsdecode(path))}'"
        )
    # Stored code is pushed with the experiment, so it must not contain files of secrets.
    kind = find_secret_file(os.fsdecode(path), full)
    return (
        f"{show(path)} looks like a secret ({kind}): it was left out of the stored code"
        if kind
        else None
    )
