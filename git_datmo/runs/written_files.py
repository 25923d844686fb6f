"""Find what a run wrote: new outputs, changed payloads, files that git tracks, and what git
ignores."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from git_datmo.git.safe_paths import is_dotgit, is_safe, show
from git_datmo.model import Role
from git_datmo.payloads.addable_paths import PLACEHOLDERS
from git_datmo.payloads.payload_changes import holder_of
from git_datmo.payloads.store_payloads import is_cache
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.output_ownership import By, Owner
from git_datmo.secrets.secret_files import is_secret_file
from git_datmo.worktree.stat_cache import Differences
from git_datmo.worktree.tracking import Tracking

# Endings of files that hold a trained model, in the field's common formats.
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
# More new files than this beside others in one folder are no outputs each: the person says whether
# to keep the folder.
MANY = 500


@dataclass(frozen=True, slots=True)
class Output:
    """A file or folder that a run wrote, with what it holds; `by` says how it is known to be the
    run's own."""

    path: str
    size: int
    files: int
    by: By


@dataclass(slots=True)
class Written:
    """What a run wrote.

    `shown` and `ignored` are new outputs, the second below what git ignores. `touched` are payloads
    of before, `removed` those that are gone. `tracked` are files that git tracks.
    """

    shown: list[Output] = field(default_factory=list)
    ignored: list[Output] = field(default_factory=list)
    tracked: list[Output] = field(default_factory=list)
    touched: dict[str, By] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def guess_role(path: str) -> Role:
    return Role.MODEL if path.lower().endswith(MODEL_ENDINGS) else Role.OUTPUT


def find_written(
    ws: Workspace, tracking: Tracking, differences: Mapping[str, Differences], owner: Owner
) -> Written:
    """Return what the run that `owner` knows wrote in the working tree."""
    written = Written()
    looker = _Looker(
        os.fsencode(ws.root),
        owner,
        {os.fsencode(t.payload.path) for t in tracking.payloads},
        written,
    )
    tops = _untracked(ws)
    for path in tops:
        written.shown += looker.look(path)
    written.shown = looker.gather(written.shown, tops, _placeholder_folders(ws))
    for path in _untracked(ws, "-i"):
        if not _is_private(path) and not any(
            path.startswith(top) for top in tops if top.endswith(b"/")
        ):
            written.ignored += looker.look(path)
    written.tracked += _find_tracked(ws, owner)
    for payload, found in differences.items():
        _judge_payload(ws, payload, found, owner, written)
    for payload, by in _written_again(ws, tracking, owner):
        if payload not in written.removed:
            written.touched.setdefault(payload, by)
    return written


def _untracked(ws: Workspace, *options: str) -> list[bytes]:
    """List untracked files, and folders without a tracked file as a whole, with a slash behind."""
    argv = ("ls-files", "-z", "-o", *options, "--exclude-standard", "--directory")
    return ws.repo.git.run(*argv).split(b"\0")[:-1]


def _is_private(path: bytes) -> bool:
    """Return True for what git ignores and no run is asked about: caches, environments, hidden
    files."""
    names = path.rstrip(b"/").split(b"/")
    return is_cache(path) or any(name.startswith(b".") or name == b"node_modules" for name in names)


def _placeholder_folders(ws: Workspace) -> set[bytes]:
    """Return the folders in which git has placeholders, and nothing else in them or below."""
    listed = ws.repo.git.run("ls-files", "-z").split(b"\0")[:-1]
    kept = {os.path.dirname(path) for path in listed if os.path.basename(path) in PLACEHOLDERS}
    others = {path for path in listed if os.path.basename(path) not in PLACEHOLDERS}
    return {
        folder
        for folder in kept
        if folder and not any(path.startswith(folder + b"/") for path in others)
    }


class _Looker:
    """Looks through untracked files and folders for what the run wrote."""

    def __init__(self, root: bytes, owner: Owner, payloads: set[bytes], written: Written) -> None:
        self._root, self._owner, self._payloads, self._written = root, owner, payloads, written

    def look(self, path: bytes) -> list[Output]:
        """Return the outputs at or below `path`: whole folders where nothing else is in them."""
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
        while path:
            if path in self._payloads:
                return True
            path = os.path.dirname(path)
        return False

    def _file(self, path: bytes, info: os.stat_result) -> Output | None:
        by = self._owner.of(path, info)
        if by is not None and is_secret_file(os.fsdecode(path)):
            self._remark(path, "looks like a secret by its name")
            return None
        if stat.S_ISREG(info.st_mode) and is_safe(path.rpartition(b"/")[2]):
            return Output(os.fsdecode(path), info.st_size, 1, by) if by is not None else None
        # Nobody sees who makes a socket or a pipe.
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
        self._written.remarks.append(f"{show(path)} {why}: it was not kept")

    def _folder(self, path: bytes) -> tuple[list[Output], bool]:
        """Return the outputs in a folder, and True where it can be one as a whole."""
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
                # A link is part of a folder, and nothing by itself.
                links.append((below, info))
                whole = whole and self._owner.of(below, info) is not None
            elif not is_cache(below):
                output = self._file(below, info)
                outputs += [output] if output is not None else []
                whole = whole and output is not None
        if whole and outputs:
            seen = all(output.by is By.SEEN for output in outputs)
            size, files = (
                sum(output.size for output in outputs),
                sum(output.files for output in outputs),
            )
            return [Output(os.fsdecode(path), size, files, By.SEEN if seen else By.CHANGE)], True
        for below, info in links:
            self._file(below, info)
        return self._few(path, outputs), whole

    def gather(self, outputs: list[Output], tops: list[bytes], beside: set[bytes]) -> list[Output]:
        """Unite outputs that lie in one folder beside nothing but git's placeholders; too many
        others are left out."""
        for folder in sorted(beside):
            inside = [
                output for output in outputs if os.fsencode(output.path).startswith(folder + b"/")
            ]
            paths = {os.fsencode(output.path) for output in inside}
            whole = all(top.rstrip(b"/") in paths for top in tops if top.startswith(folder + b"/"))
            if (
                inside
                and whole
                and not any(path.startswith(folder + b"/") for path in self._payloads)
            ):
                seen = all(output.by is By.SEEN for output in inside)
                size, files = (
                    sum(output.size for output in inside),
                    sum(output.files for output in inside),
                )
                united = Output(os.fsdecode(folder), size, files, By.SEEN if seen else By.CHANGE)
                outputs = [output for output in outputs if output not in inside] + [united]
        for folder in sorted({os.path.dirname(os.fsencode(output.path)) for output in outputs}):
            outputs = self._few(folder, outputs)
        return outputs

    def _few(self, path: bytes, outputs: list[Output]) -> list[Output]:
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
        """Return what is in a folder, in order; None where it cannot be kept as a whole."""
        found = []
        try:
            with os.scandir(os.path.join(self._root, path)) as listing:
                for entry in listing:
                    with suppress(FileNotFoundError):
                        found.append((entry.name, entry.stat(follow_symlinks=False)))
        except OSError as error:
            self._remark(path, f"cannot be read ({error.strerror})")
            return None
        if any(is_dotgit(name) for name, _ in found):
            self._remark(path, "is a git repository of its own")
            return None
        return sorted(found, key=lambda each: each[0])


def _find_tracked(ws: Workspace, owner: Owner) -> Iterator[Output]:
    """Yield the files that git tracks and the run wrote."""
    root = os.fsencode(ws.root)
    listed = ws.repo.git.run(
        "diff-files", "-z", "--name-only", "--no-ext-diff", "--ignore-submodules=all"
    )
    for path in dict.fromkeys(listed.split(b"\0")[:-1]):
        with suppress(OSError):
            info = os.lstat(os.path.join(root, path))
            by = owner.of_git(path, info)
            if by is not None and stat.S_ISREG(info.st_mode):
                yield Output(os.fsdecode(path), info.st_size, 1, by)


def _judge_payload(
    ws: Workspace, path: str, found: Differences, owner: Owner, written: Written
) -> None:
    """Note whether the run wrote in, or removed, the payload at `path`."""
    root = os.fsencode(ws.root)
    if not os.path.lexists(ws.root / path):
        written.removed.append(path)
        return
    ways = {_by(root, each, owner.of) for each in _changed_files(root, found)}
    if By.CHANGE in ways or By.SEEN in ways:
        written.touched[path] = By.CHANGE if By.CHANGE in ways else By.SEEN
    elif found.missing and not (owner.complete or owner.others.written & set(found.missing)):
        written.touched[path] = By.CHANGE
    elif found.missing and owner.complete:
        written.touched[path] = By.SEEN


def _written_again(ws: Workspace, tracking: Tracking, owner: Owner) -> Iterator[tuple[str, By]]:
    """Yield the payloads with a file that the run wrote, changed or not: the same bytes again are
    an output too.

    The stat cache tells nothing of a file that has the recorded content, once git has compared
    that.
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
    try:
        return of(path, os.lstat(os.path.join(root, path)))
    except OSError:
        return None


def _changed_files(root: bytes, found: Differences) -> Iterator[bytes]:
    yield from found.changed
    yield from found.added
    for folder in found.folders:
        for base, _, names in os.walk(os.path.join(root, folder)):
            yield from (os.path.relpath(os.path.join(base, name), root) for name in names)
