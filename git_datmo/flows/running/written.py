"""What a run wrote: files that neither git nor git-datmo tracked, and that were not so before it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.flows.capture import is_cache
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Role

# Endings of files that hold a trained model, in the field's common formats.
MODEL_ENDINGS = (
    *(".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".h5", ".hdf5", ".keras"),
    *(".pb", ".tflite", ".gguf", ".mlmodel", ".cbm", ".ubj", ".rds"),
)

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The untracked files at one moment: those that git would show, and single ignored ones."""

    shown: dict[bytes, Signature]
    ignored: dict[bytes, Signature]

    def size_of(self, ignored: Iterable[str]) -> int:
        """How many bytes these ignored files hold."""
        return sum(self.ignored[os.fsencode(path)][1] for path in ignored)


def survey(ws: Workspace) -> Surroundings:
    git = ws.repo.git
    shown = git.run("ls-files", "-z", "-o", "--exclude-standard").split(b"\0")[:-1]
    ignored = git.run("ls-files", "-z", "-o", "-i", "--exclude-standard", "--directory").split(b"\0")[:-1]
    return Surroundings(_sign(ws, (p for p in shown if not is_cache(p))), _sign(ws, ignored))


def _sign(ws: Workspace, paths: Iterable[bytes]) -> dict[bytes, Signature]:
    found = {}
    root = os.fsencode(ws.root)
    for path in paths:
        if path.endswith(b"/"):
            continue
        try:
            info = os.lstat(os.path.join(root, path))
        except FileNotFoundError:
            continue
        found[path] = (info.st_mtime_ns, info.st_size, info.st_ino)
    return found


def find_written(ws: Workspace, before: Surroundings, after: Surroundings) -> list[str]:
    """The paths to keep as outputs: folders that are new as a whole, and single files."""
    fresh = {path for path, signature in after.shown.items() if before.shown.get(path) != signature}
    listed = ws.repo.git.run("ls-files", "-z", "-o", "--exclude-standard", "--directory").split(b"\0")
    folders = [path for path in listed if path.endswith(b"/")]
    outputs: set[bytes] = set()
    for folder in folders:
        inside = {path for path in after.shown if path.startswith(folder)}
        if inside and inside <= fresh:
            outputs.add(folder[:-1])
            fresh -= inside
    return sorted(os.fsdecode(path) for path in outputs | fresh)


def find_ignored(ws: Workspace, before: Surroundings, after: Surroundings) -> list[str]:
    """Ignored files that appeared or changed and are no payload: the person may have wanted them kept."""
    tracking = ws.tracking()
    changed = (os.fsdecode(path) for path, signature in after.ignored.items() if before.ignored.get(path) != signature)
    return sorted(path for path in changed if tracking.holding(path) is None and not is_cache(os.fsencode(path)))


def guess_role(path: str) -> Role:
    return Role.MODEL if path.lower().endswith(MODEL_ENDINGS) else Role.OUTPUT
