"""Test that stores hand over objects: whole packs by a link, others by a copy of wanted objects
only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.deflate import deflate
from git_datmo.git.object_database import write_loose
from git_datmo.git.pack_writer import PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from git_datmo.objects import pack_copy
from git_datmo.objects.pack_copy import copy_objects, mark_each
from git_datmo.objects.store_location import create_store
from git_datmo.progress import QUIET
from tests.support.shell import Shell


@pytest.fixture
def stores(tmp_path: Path, sealed: dict[str, str]) -> tuple[PackedObjects, PackedObjects]:
    for name in ("giver.git", "taker.git"):
        create_store(Git(sealed), tmp_path / name, SHA1)
    giver, taker = (
        PackedObjects(tmp_path / name / "objects", SHA1) for name in ("giver.git", "taker.git")
    )
    return giver, taker


def blob(seed: int) -> tuple[Oid, bytes]:
    content = Random(seed).randbytes(1000)
    return SHA1.hash("blob", content), content


def add(objects: PackedObjects, *seeds: int, lies: bool = False) -> Path:
    """Write a pack of blobs. With lies, they have each other's ids."""
    found = [blob(seed) for seed in seeds]
    contents = [content for _, content in found][:: -1 if lies else 1]
    with PackWriter(objects.folder / "pack", SHA1) as writer:
        for (oid, _), content in zip(found, contents, strict=True):
            writer.add(make_entry(oid, "blob", len(content), deflate(content)))
        path = writer.finish()
    objects.refresh()
    assert path is not None
    return path


def give(giver: PackedObjects, taker: PackedObjects, *seeds: int) -> None:
    copy_objects(giver, taker, mark_each(giver, [blob(seed)[0] for seed in seeds]), QUIET)


def holds(taker: PackedObjects, shell: Callable[..., Shell], *seeds: int) -> None:
    git = shell(taker.folder.parent).git
    listed = git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)").split()
    assert set(listed) == {str(blob(seed)[0]) for seed in seeds}
    git("fsck", "--strict", "--no-dangling")
    for seed in seeds:
        assert taker.find(blob(seed)[0]) == ("blob", blob(seed)[1])


def test_pack_wanted_whole_is_linked(
    stores: tuple[PackedObjects, PackedObjects], shell: Callable[..., Shell]
) -> None:
    giver, taker = stores
    path = add(giver, 1, 2, 3)
    add(giver, 4)
    give(giver, taker, 1, 2, 3)
    holds(taker, shell, 1, 2, 3)
    assert (taker.folder / "pack" / path.name).samefile(path)


def test_pack_without_hard_links_is_copied(
    stores: tuple[PackedObjects, PackedObjects],
    shell: Callable[..., Shell],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    giver, taker = stores
    path = add(giver, 1, 2)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(pack_copy.os, "link", refuse)
    give(giver, taker, 1, 2)
    holds(taker, shell, 1, 2)
    assert not (taker.folder / "pack" / path.name).samefile(path)


def test_partly_wanted_packs_give_only_wanted_objects(
    stores: tuple[PackedObjects, PackedObjects], shell: Callable[..., Shell]
) -> None:
    giver, taker = stores
    add(giver, 1, 2, 3)
    write_loose(giver.folder, SHA1, "blob", blob(4)[1])
    write_loose(giver.folder, SHA1, "blob", blob(5)[1])
    giver.refresh()
    add(taker, 2)
    give(giver, taker, 1, 2, 4)
    holds(taker, shell, 1, 2, 4)


def test_pack_that_is_present_is_not_copied_again(
    stores: tuple[PackedObjects, PackedObjects], shell: Callable[..., Shell]
) -> None:
    giver, taker = stores
    add(giver, 1, 2)
    give(giver, taker, 1, 2)
    before = sorted((taker.folder / "pack").iterdir())
    give(giver, taker, 1, 2)
    assert sorted((taker.folder / "pack").iterdir()) == before
    holds(taker, shell, 1, 2)


def test_object_that_differs_from_its_id_is_not_copied(
    stores: tuple[PackedObjects, PackedObjects],
) -> None:
    giver, taker = stores
    add(giver, 1, 2, 3, lies=True)
    with pytest.raises(Damaged):
        give(giver, taker, 1)
    assert not list((taker.folder / "pack").iterdir())
