"""Find the data that an engine protects from a run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from git_datmo.model import Payload, Role


def read_only_data(
    folder: Path, inputs: Iterable[Payload], outputs: Iterable[str]
) -> tuple[str, ...]:
    """Return the paths of data payloads that the run must not write.

    A payload that overlaps an output is left out. A payload that is missing in `folder`, or is a
    link, is left out too, since the engine cannot protect it.
    """
    written = [f"{path}/" for path in outputs]
    return tuple(
        payload.path
        for payload in inputs
        if payload.role is Role.DATA
        and (folder / payload.path).exists()
        and not (folder / payload.path).is_symlink()
        and not any(
            f"{payload.path}/".startswith(path) or path.startswith(f"{payload.path}/")
            for path in written
        )
    )
