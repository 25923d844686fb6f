"""Find the files that a run wrote: outputs, changed payloads, tracked and ignored files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from git_datmo.git.safe_paths import is_dotgit, is_safe, show
from git_datmo.model import Role
from git_datmo.payloads.addable_paths import PLACEHOLDERS
from git_datmo.payloads.exclude_file import pattern, read_excludes
from git_datmo.payloads.payload_changes import holder_of
from git_datmo.payloads.store_payloads import is_cache
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.output_ownership import By, Owner
from git_datmo.secrets.secret_files import is_secret_file
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracking

# File name extensions of trained models in common formats.
MODEL_ENDINGS = (
    *(
        ".pkl",
        ".pickle",
        ".joblib",
        ".pt",
        ".pth",
        ".ckpt",
        ".safetensors",
        ".onnx",
        ".h5",
        ".hdf5",
        ".keras",
    ),
    *(".pb", ".tflite", ".gguf", ".mlmodel", ".cbm", ".ubj", ".rds"),
)
# A folder with more new files than this, beside other files, yields no outputs. The user decides
# whether to keep the folder.
MANY = 500
# Readings of a file that other processes keep changing, before its state is taken as it is.
ATTEMPTS = 10

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Output:
    """A file or folder that a run wrote, with its size in bytes and its number of files.

    `by` is the evidence that the run wrote it.
    """

    path: str
    size: int
    files: int
    by: By


@dataclass(slots=True)
class Written:
    """The files and folders that a run wrote.

    `shown` and `ignored` are new outputs; git ignores the latter. `touched` are existing payloads
    that the run wrote to, and `removed` those that are gone. `tracked` are files that git tracks.
    """

    shown: list[Output] = field(default_factory=list)
    ignored: list[Output] = field(default_factory=list)
    tracked: list[Output] = field(default_factory=list)
    touched: dict[str, By] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def guess_role(path: str) -> Role:
    """Return `Role.MODEL` for a path with a model's file name extension, else `Role.OUTPUT`."""
    return Role.MODEL if path.lower().endswith(MODEL_ENDINGS) else Role.OUTPUT


def find_written(
    ws: Workspace, tracking: Tracking, differences: Mapping[str, Differences], owner: Owner
) -> Written:
    """Return the files that the run of `owner` wrote in the working tree.

    `differences` are the changes of each payload against its recorded content, by path.
    """
    written = Written()
    payloads = {os.fsencode(t.payload.path) for t in tracking.payloads}
    looker = _Looker(os.fsencode(ws.root), owner, payloads, written)
    exclude = ws.repo.common_dir / "info" / "exclude"
    # A parallel run may change the file between the lists of git. A path could then be in none.
    asked, patterns = read_while_unchanged(exclude, lambda: (_ask_git(ws), read_excludes(exclude)))
    tops, hidden, listed, changed = asked
    tops, ignored = _without_own_excludes(patterns, payloads, tops, hidden)
    for path in tops:
        written.shown += looker.look(path)
    written.shown = looker.gather(written.shown, tops, _placeholder_folders(listed))
    for path in ignored:
        if not _is_private(path) and not any(
            path.startswith(top) for top in tops if top.endswith(b"/")
        ):
            written.ignored += looker.look(path)
    written.tracked += _find_tracked(ws, changed, owner)
    for payload, found in differences.items():
        _judge_payload(ws, payload, found, owner, written)
    for payload, by in _written_again(ws, tracking, owner):
        if payload not in written.removed:
            written.touched.setdefault(payload, by)
    return written


def read_while_unchanged(path: Path, read: Callable[[], _T]) -> _T:
    """Call `read` until `path` stays the same meanwhile, and return its result.

    After `ATTEMPTS` calls, the last result is returned.
    """
    for _ in range(ATTEMPTS - 1):
        before = _stamp(path)
        found = read()
        if _stamp(path) == before:
            return found
    return read()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Return values that change when a file is replaced; None for a missing file."""
    try:
        info = path.stat()
    except OSError:
        return None
    return info.st_ino, info.st_ctime_ns, info.st_size


def _without_own_excludes(
    patterns: frozenset[str], payloads: set[bytes], tops: list[bytes], ignored: list[bytes]
) -> tuple[list[bytes], list[bytes]]:
    """Return untracked and ignored paths, the latter without those of git-datmo's `patterns`.

    All working trees share one exclude file. So it can name a payload of another working tree,
    such as an output of another combination of a sweep. In this one, that path is an ordinary new
    file.
    """
    own = {
        path
        for path in ignored
        if path.rstrip(b"/") not in payloads and pattern(os.fsdecode(path.rstrip(b"/"))) in patterns
    }
    return [*tops, *own], [path for path in ignored if path not in own]


def _ask_git(ws: Workspace) -> list[list[bytes]]:
    """Return four lists of paths: untracked, ignored, tracked, and tracked and changed.

    The first two have a folder without a tracked file as a whole, with a slash behind.
    """
    others = ("ls-files", "-z", "-o", "--exclude-standard", "--directory")
    changed = ("diff-files", "-z", "--name-only", "--no-ext-diff", "--ignore-submodules=all")
    said = ws.repo.git.run_all(others, (*others, "-i"), ("ls-files", "-z"), changed)
    return [each.split(b"\0")[:-1] for each in said]


def _is_private(path: bytes) -> bool:
    """Return True for ignored paths that are never reported: caches, environments, hidden files."""
    names = path.rstrip(b"/").split(b"/")
    return is_cache(path) or any(name.startswith(b".") or name == b"node_modules" for name in names)


def _placeholder_folders(listed: Sequence[bytes]) -> set[bytes]:
    """Return the folders in which git tracks only placeholders.

    The placeholders are directly in the folder, and git tracks no other file at any depth.
    """
    kept = {os.path.dirname(path) for path in listed if os.path.basename(path) in PLACEHOLDERS}
    others = {path for path in listed if os.path.basename(path) not in PLACEHOLDERS}
    return {
        folder
        for folder in kept
        if folder and not any(path.startswith(folder + b"/") for path in others)
    }


def _united(folder: bytes, outputs: Sequence[Output]) -> Output:
    """Return a folder that holds `outputs` as one output."""
    size = sum(output.size for output in outputs)
    files = sum(output.files for output in outputs)
    # The folder was seen to be written only if each of its files was.
    seen = all(output.by is By.SEEN for output in outputs)
    return Output(os.fsdecode(folder), size, files, By.SEEN if seen else By.CHANGE)


class _Looker:
    """A search of untracked files and folders for outputs of the run."""

    def __init__(self, root: bytes, owner: Owner, payloads: set[bytes], written: Written) -> None:
        self._root, self._owner, self._payloads, self._written = root, owner, payloads, written

    def look(self, path: bytes) -> list[Output]:
        """Return the outputs at or below `path`.

        A folder is returned as a whole if everything in it belongs to the run.
        """
        path = path.rstrip(b"/")
        if self._is_held(path) or is_cache(path):
            return []
        try:
            info = os.lstat(os.path.join(self._root, path))
        except FileNotFoundError:
            return []
        if stat.S_ISDIR(info.st_mode):
            outputs, _ = self._folder(path)
            return outputs
        output = self._file(path, info)
        return [output] if output is not None else []

    def _is_held(self, path: bytes) -> bool:
        """Return True if `path` is a payload or lies in one."""
        while path:
            if path in self._payloads:
                return True
            path = os.path.dirname(path)
        return False

    def _file(self, path: bytes, info: os.stat_result) -> Output | None:
        """Return the output at `path`; None if the run did not write it or it cannot be kept.

        Adds a remark if the run wrote it and it cannot be kept.
        """
        by = self._owner.of(path, info)
        if by is not None and is_secret_file(os.fsdecode(path)):
            self._remark(path, "looks like a secret by its name")
            return None
        if stat.S_ISREG(info.st_mode) and is_safe(path.rpartition(b"/")[2]):
            return Output(os.fsdecode(path), info.st_size, 1, by) if by is not None else None
        # The observer sees only regular files being written, so other kinds count by their change
        # time.
        if info.st_ctime_ns <= self._owner.began or (by is None and stat.S_ISLNK(info.st_mode)):
            return None
        self._remark(
            path,
            "is a symbolic link"
            if stat.S_ISLNK(info.st_mode)
            else "is neither a file nor a folder",
        )
        return None

    def _remark(self, path: bytes, why: str) -> None:
        """Add a remark that `path` was not kept, with the reason."""
        self._written.remarks.append(f"{show(path)} {why}: it was not kept")

    def _folder(self, path: bytes) -> tuple[list[Output], bool]:
        """Return the outputs in a folder, and True if the folder can be stored as one output."""
        outputs: list[Output] = []
        links: list[tuple[bytes, os.stat_result]] = []
        entries = self._list(path)
        whole = entries is not None
        for name, info in entries or ():
            below = path + b"/" + name
            if below in self._payloads or not is_safe(name):
                whole = False
            elif stat.S_ISDIR(info.st_mode):
                inner, inner_whole = self._folder(below)
                outputs += inner
                whole = whole and inner_whole
            elif stat.S_ISLNK(info.st_mode):
                # A link is kept as a part of a folder, never as an output by itself.
                links.append((below, info))
                whole = whole and self._owner.of(below, info) is not None
            elif not is_cache(below):
                output = self._file(below, info)
                outputs += [output] if output is not None else []
                whole = whole and output is not None
        if whole and outputs:
            return [_united(path, outputs)], True
        for below, info in links:
            self._file(below, info)
        return self._few(path, outputs), whole

    def gather(self, outputs: list[Output], tops: list[bytes], beside: set[bytes]) -> list[Output]:
        """Unite outputs of a folder that otherwise has only git's placeholders.

        `tops` are the untracked paths as git lists them; `beside` are folders with only
        placeholders. Drops the outputs of a folder that has too many.
        """
        for folder in sorted(beside):
            below = folder + b"/"
            inside = [output for output in outputs if os.fsencode(output.path).startswith(below)]
            paths = {os.fsencode(output.path) for output in inside}
            whole = all(top.rstrip(b"/") in paths for top in tops if top.startswith(below))
            has_payload = any(path.startswith(below) for path in self._payloads)
            if inside and whole and not has_payload:
                others = [output for output in outputs if output not in inside]
                outputs = [*others, _united(folder, inside)]
        for folder in sorted({os.path.dirname(os.fsencode(output.path)) for output in outputs}):
            outputs = self._few(folder, outputs)
        return outputs

    def _few(self, path: bytes, outputs: list[Output]) -> list[Output]:
        """Drop the outputs directly in `path`, with a remark, if they are more than `MANY`."""
        own = [output for output in outputs if os.path.dirname(os.fsencode(output.path)) == path]
        if len(own) <= MANY:
            return outputs
        self._written.remarks.append(
            f"{show(path)} has {len(own)} new files and folders beside others: none was kept;"
            " have them written into a folder of their own, or keep the whole folder with '-o"
            f" {os.fsdecode(path)}'"
        )
        return [output for output in outputs if output not in own]

    def _list(self, path: bytes) -> list[tuple[bytes, os.stat_result]] | None:
        """Return the sorted entries of a folder.

        Returns None, with a remark, if the folder cannot be kept as a whole.
        """
        found = []
        try:
            with os.scandir(os.path.join(self._root, path)) as listing:
                for entry in listing:
                    # Another process may remove a file while the folder is listed.
                    with suppress(FileNotFoundError):
                        found.append((entry.name, entry.stat(follow_symlinks=False)))
        except OSError as error:
            self._remark(path, f"cannot be read ({error.strerror})")
            return None
        if any(is_dotgit(name) for name, _ in found):
            self._remark(path, "is a git repository of its own")
            return None
        return sorted(found, key=lambda each: each[0])


def _find_tracked(ws: Workspace, changed: Iterable[bytes], owner: Owner) -> Iterator[Output]:
    """Yield the files that the run wrote, of those that git tracks and whose times changed."""
    root = os.fsencode(ws.root)
    for path in dict.fromkeys(changed):
        with suppress(OSError):
            info = os.lstat(os.path.join(root, path))
            by = owner.of_git(path, info)
            if by is not None and stat.S_ISREG(info.st_mode):
                yield Output(os.fsdecode(path), info.st_size, 1, by)


def _judge_payload(
    ws: Workspace, path: str, found: Differences, owner: Owner, written: Written
) -> None:
    """Add the payload at `path` to `written.touched` or `written.removed` if the run changed it."""
    root = os.fsencode(ws.root)
    if not os.path.lexists(ws.root / path):
        written.removed.append(path)
        return
    ways = {_by(root, each, owner.of) for each in _changed_files(root, found)}
    if By.CHANGE in ways or By.SEEN in ways:
        written.touched[path] = By.CHANGE if By.CHANGE in ways else By.SEEN
    # A file that is gone has no change time. Its removal counts unless another run explains it.
    elif found.missing and not (owner.complete or owner.others.written & set(found.missing)):
        written.touched[path] = By.CHANGE
    elif found.missing and owner.complete:
        written.touched[path] = By.SEEN


def _written_again(ws: Workspace, tracking: Tracking, owner: Owner) -> Iterator[tuple[str, By]]:
    """Yield the payloads with a file that the run wrote, even if the bytes are the same as before.

    After git has compared the bytes, the stat cache no longer reports the file. So the files are
    tested directly.
    """
    root = os.fsencode(ws.root)
    placed = {
        os.fsencode(tracked.payload.path): tracked
        for tracked in tracking.payloads
        if tracked.placed
    }
    paths = owner.seen if owner.complete else {*owner.seen, *placed, *ws.cache.doubted_paths()}
    for path in paths:
        holder = holder_of(path, placed)
        if holder is not None and not os.path.isdir(os.path.join(root, path)):
            by = _by(root, path, owner.of)
            if by is not None:
                yield holder.payload.path, by


def _by(root: bytes, path: bytes, of: Callable[[bytes, os.stat_result], By | None]) -> By | None:
    """Return the evidence that `of` finds for a file; None if the file is gone."""
    try:
        return of(path, os.lstat(os.path.join(root, path)))
    except OSError:
        return None


def _changed_files(root: bytes, found: Differences) -> Iterator[bytes]:
    """Yield the changed and added files of a payload, including files in added folders."""
    yield from found.changed
    yield from found.added
    for folder in found.folders:
        for base, _, names in os.walk(os.path.join(root, folder)):
            yield from (os.path.relpath(os.path.join(base, name), root) for name in names)
