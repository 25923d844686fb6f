"""Damage objects in a store."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from tests.support.commands import datmo
from tests.support.disk_space import noise, store_of
from tests.support.shell import Shell

SMALL = b"a small file\n"


def with_data(shell: Shell) -> Shell:
    shell.write("data/large", noise(1))
    shell.write("data/small", SMALL)
    datmo(shell, "add-data", "data")
    shell.commit("code.py", "1\n")
    return shell


def blob(content: bytes = SMALL) -> Oid:
    return SHA1.hash("blob", content)


def pack_of(shell: Shell, oid: Oid) -> tuple[Path, int]:
    """Return the pack of an object, and the offset of its entry."""
    with closing(PackedObjects(store_of(shell) / "objects", SHA1)) as objects:
        found = objects.locate(oid)
        assert found is not None
        return found[0].path, found[1]


def replace(path: Path, content: bytes) -> None:
    """Replace a file, without changing its hard links in other repositories."""
    path.unlink()
    path.write_bytes(content)


def spoil(shell: Shell, oid: Oid) -> Path:
    """Change bytes of an object in its pack."""
    path, offset = pack_of(shell, oid)
    content = bytearray(path.read_bytes())
    for at in range(offset + 3, offset + 9):
        content[at] ^= 0xFF
    replace(path, bytes(content))
    return path
