"""Write DVC's files: contents by their hashes, lists of folders, pointers and settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from tests.support.shell import Shell


def put_content(folder: Path, content: bytes, ending: str = "") -> str:
    """Put a content into a cache or remote of DVC 3; return its hash."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
    path = content_path(folder, md5)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


def content_path(folder: Path, md5: str) -> Path:
    """Return the path of a content in a cache or remote of DVC 3."""
    return folder / "files/md5" / md5[:2] / md5[2:]


def put_folder(folder: Path, files: Mapping[str, bytes]) -> str:
    """Put a folder's files and their list into a cache or remote; return the hash of the list."""
    listed = [
        {"md5": put_content(folder, content), "relpath": path} for path, content in files.items()
    ]
    return put_content(folder, json.dumps(listed).encode(), ".dir")


def cached(repo: Shell, content: bytes, ending: str = "") -> str:
    """Put a content into DVC's cache; return its hash."""
    return put_content(repo.cwd / ".dvc/cache", content, ending)


def cached_folder(repo: Shell, files: Mapping[str, bytes]) -> str:
    """Put a folder into DVC's cache; return the hash of its list."""
    return put_folder(repo.cwd / ".dvc/cache", files)


def point(repo: Shell, path: str, md5: str, *, size: int | None = None) -> None:
    """Commit DVC's pointer to a content."""
    folder, _, name = path.rpartition("/")
    repo.write(f"{folder}/.gitignore".lstrip("/"), f"/{name}\n")
    repo.git("add", "-f", f"{folder}/.gitignore".lstrip("/"))
    sized = "" if size is None else f"  size: {size}\n"
    repo.commit(f"{path}.dvc", f"outs:\n- md5: {md5}\n{sized}  hash: md5\n  path: {name}\n")


def set_remote(repo: Shell, url: str | Path, **options: str) -> None:
    """Write DVC's settings with a default remote, as DVC formats them."""
    lines = [f"    {key} = {value}\n" for key, value in {"url": str(url), **options}.items()]
    text = "[core]\n    remote = storage\n['remote \"storage\"']\n" + "".join(lines)
    repo.write(".dvc/config.local", text)
