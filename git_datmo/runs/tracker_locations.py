"""Know where trackers write outside of the working tree, and keep them from needing a network."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

WANDB_HOST = "api.wandb.ai"
# If one of these is set, the user has decided where W&B writes.
_WANDB = ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_DISABLED")


def tracker_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables that let trackers write to local files, where the user has set nothing.

    Without them, W&B asks for a key and the command fails.
    """
    if any(environ.get(name) for name in _WANDB) or _has_wandb_key(environ):
        return {}
    return {"WANDB_MODE": "offline"}


def _has_wandb_key(environ: Mapping[str, str]) -> bool:
    """Return True if the user has logged in to W&B."""
    path = Path(environ.get("NETRC") or os.path.join(environ.get("HOME", ""), ".netrc"))
    with suppress(OSError):
        return WANDB_HOST.encode() in path.read_bytes()
    return False


def outside_files(environ: Mapping[str, str], since: int) -> Iterator[str]:
    """Yield the databases that Trackio has changed since a time in nanoseconds."""
    cache = environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", ""), ".cache")
    hub = environ.get("HF_HOME") or os.path.join(cache, "huggingface")
    folder = Path(environ.get("TRACKIO_DIR") or os.path.join(hub, "trackio"))
    if not folder.is_absolute():
        return  # it is in the working tree
    for path in sorted(folder.glob("*.db")):
        with suppress(OSError):
            # With write-ahead logging, SQLite appends to this file, and changes the database later.
            files = (path, Path(f"{path}-wal"))
            if any(each.exists() and each.stat().st_ctime_ns > since for each in files):
                yield str(path)
