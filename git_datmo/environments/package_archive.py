"""Pack packages that only one machine has, so that pip installs them elsewhere.

An installed package is packed as the wheel that its installer unpacked. An editable install is
packed as its folder. Equal files give equal bytes.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from email.parser import BytesHeaderParser
from pathlib import Path

from git_datmo.errors import DatmoError

SIZE_LIMIT = 64 << 20
"""The most that all of an environment's own packages may take, in bytes."""

OMITTED = frozenset(
    {".git", ".hg", ".svn", ".tox", ".nox", ".venv", "venv", "node_modules", "__pycache__",
     ".mypy_cache", ".pytest_cache", ".ruff_cache", ".ipynb_checkpoints", ".DS_Store", "build",
     "dist"}
)  # fmt: skip
_INSTALLERS = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "uv_build.json"}
)
_SHEBANG = re.compile(rb"#![^\n]*python[0-9.w]*[^\n]*")
# A wheel builder cannot write earlier times.
_EPOCH, _EPOCH_SECONDS = (1980, 1, 1, 0, 0, 0), 315619200


class NotPackable(DatmoError):
    """A package whose files are incomplete."""


def packed_wheel(metadata: Path, *, limit: int = SIZE_LIMIT) -> tuple[str, bytes]:
    """Return the name and bytes of the wheel of an installed package.

    `metadata` is its folder (`…/site-packages/x-1.0.dist-info`). Raises `NotPackable`.
    """
    try:
        stem = metadata.name.removesuffix(".dist-info")
        name = f"{stem}-{_tag(metadata / 'WHEEL')}.whl"
        files = dict(_installed(metadata, limit))
    except (OSError, ValueError, KeyError, csv.Error) as e:
        raise NotPackable(str(e)) from e
    return name, _zipped(files, f"{metadata.name}/RECORD")


def _tag(wheel: Path) -> str:
    """Return the compatibility tag for a file name: the union of each part of all tags (PEP
    425)."""
    tags = BytesHeaderParser().parsebytes(wheel.read_bytes()).get_all("Tag") or []
    parts = [tag.strip().split("-") for tag in tags]
    if not parts or any(len(part) != 3 for part in parts):
        raise NotPackable(f"'{wheel}' names no tag")
    pythons, interfaces, platforms = (dict.fromkeys(column) for column in zip(*parts, strict=True))
    return "-".join(map(".".join, (pythons, interfaces, platforms)))


def _installed(metadata: Path, limit: int) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a wheel by their names in it, from their installed paths."""
    site = metadata.parent
    data = metadata.name.removesuffix(".dist-info") + ".data"
    scripts = _entry_points(metadata / "entry_points.txt")
    room = limit
    for row in csv.reader((metadata / "RECORD").read_text(encoding="utf-8").splitlines()):
        parts = row[0].split("/") if row else [""]
        # Each installer compiles bytecode itself.
        if parts[-1].endswith(".pyc") or "__pycache__" in parts or not parts[-1]:
            continue
        if parts[0] == metadata.name and parts[-1] in _INSTALLERS:
            continue
        path = site / row[0]
        room -= path.stat().st_size
        if room < 0:
            raise NotPackable(f"it is larger than {limit >> 20} MiB")
        content = path.read_bytes()
        if parts[0] != ".." and not os.path.isabs(row[0]):
            yield row[0], content
        elif (where := _beside(site, path)) is None:
            raise NotPackable(f"'{row[0]}' lies outside of its environment")
        # Files beside the packages are data of a wheel (PEP 427).
        elif where[0] != "bin":
            yield f"{data}/data/{'/'.join(where)}", content
        elif where[-1] not in scripts:
            # An installer replaces `#!python` by its own interpreter (PEP 427).
            yield (
                f"{data}/scripts/{'/'.join(where[1:])}",
                _SHEBANG.sub(b"#!python", content, count=1),
            )


def _beside(site: Path, path: Path) -> tuple[str, ...] | None:
    """Return a file's path relative to the environment around `site`
    (`lib/pythonX.Y/site-packages`)."""
    full, prefix = Path(os.path.normpath(path)), site.parent.parent.parent
    return full.relative_to(prefix).parts if full.is_relative_to(prefix) else None


def _entry_points(file: Path) -> frozenset[str]:
    """Return the names of the scripts that an installer creates."""
    if not file.is_file():
        return frozenset()
    found, section = set(), ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = line.strip().strip("[]").strip()
        elif section in {"console_scripts", "gui_scripts"} and "=" in line:
            found.add(line.partition("=")[0].strip())
    return frozenset(found)


def _zipped(files: Mapping[str, bytes], record: str) -> bytes:
    """Return a wheel of `files`. Nothing is deflated, since zlib versions differ."""
    lines = [
        f"{_quoted(name)},sha256={_digest(content)},{len(content)}\n"
        for name, content in sorted(files.items())
    ]
    whole = {**files, record: "".join([*lines, f"{record},,\n"]).encode()}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(whole.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            # The number 3 stands for Unix, whose mode is in the upper 16 bits of the attributes.
            entry.create_system = 3
            entry.external_attr = (stat.S_IFREG | (0o755 if "/scripts/" in name else 0o644)) << 16
            archive.writestr(entry, content)
    return made.getvalue()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if "," in name or '"' in name else name


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def packed_source(
    name: str, version: str, folder: Path, paths: Iterable[str], *, limit: int = SIZE_LIMIT
) -> bytes:
    """Return files below `folder` as an archive that pip builds from.

    It states its version as a source distribution does, because it cannot ask git. Of a version
    made from a commit, only the release number counts.
    """
    release = re.match(r"[0-9!.]*[0-9]|", version)
    number = (release and release[0]) or "0"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n".encode()
    made, room = io.BytesIO(), limit
    try:
        with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
            known = sorted(set(paths))
            if "PKG-INFO" not in known:
                _add(archive, f"{name}/PKG-INFO", metadata, 0o644)
            for path in known:
                full = folder / path
                info = full.stat()
                room -= info.st_size
                if room < 0:
                    raise NotPackable(f"'{folder.name}' is larger than {limit >> 20} MiB")
                if stat.S_ISREG(info.st_mode):
                    _add(
                        archive,
                        f"{name}/{path}",
                        full.read_bytes(),
                        0o755 if info.st_mode & 0o100 else 0o644,
                    )
    except (OSError, ValueError) as e:
        raise NotPackable(str(e)) from e
    return made.getvalue()


def _add(archive: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode, entry.mtime = len(content), mode, _EPOCH_SECONDS
    archive.addfile(entry, io.BytesIO(content))


def source_files(folder: Path) -> Iterator[str]:
    """Yield the files of a folder without version control, except for files that tools leave."""
    for base, folders, names in os.walk(folder):
        folders[:] = [
            name for name in folders if name not in OMITTED and not name.endswith(".egg-info")
        ]
        for name in names:
            if name not in OMITTED and not name.endswith((".pyc", ".pyo")):
                yield os.path.relpath(os.path.join(base, name), folder)
