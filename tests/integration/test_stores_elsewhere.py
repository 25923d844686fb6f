"""Payload kept elsewhere than the git remote: in a folder, in S3, behind SFTP, on an LFS server, on another remote."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.conftest import Pair
from tests.integration.team import datmo, experiments, objects, picture
from tests.servers.shell import Shell
from tests.servers.stores import StoreHost, serve_store

# Beside the content: indexes, requests' heads, and what opens a connection.
OVERHEAD = 100_000


@dataclass(frozen=True)
class Scene:
    """A team whose payload goes to a store."""

    pair: Pair
    host: StoreHost

    def use(self, shell: Shell) -> Shell:
        """A clone that knows of the store, with what it needs to reach it."""
        shell.git("config", "datmo.origin.store", self.host.url)
        return shell.having(**self.host.environ)

    def sent(self) -> int:
        return self.host.wire.sent if self.host.wire else weigh(self.host.folder)

    def received(self) -> int:
        return self.host.wire.received if self.host.wire else 0

    def reset(self) -> None:
        if self.host.wire:
            self.host.wire.reset()


def weigh(folder: Path | None) -> int:
    assert folder is not None
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def noise(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)


@pytest.fixture
def scene(request: pytest.FixtureRequest, pair: Pair, tmp_path: Path, sealed: dict[str, str]) -> Iterator[Scene]:
    with serve_store(getattr(request, "param", "folder"), tmp_path / "served", sealed) as host:
        yield Scene(pair, host)


def each_kind(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scene", kinds, indirect=True)


@each_kind("folder", "s3", "sftp", "lfs-on-s3")
def test_payload_goes_to_the_store_and_comes_from_it_exactly(scene: Scene) -> None:
    """Each way: what the other side lacks, and little else; the git remote gets records and notes alone."""
    alex = scene.use(scene.pair.alex)
    big = noise(1, 6_000_000)
    alex.write("data/big.bin", big)
    for number in range(60):
        alex.write(f"data/small/{number}", noise(number, 3000))
    (alex.cwd / "data/hollow").mkdir()
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot", "-m", "first")
    scene.reset()
    alex.git("push", "-q")
    size = 6_000_000 + 60 * 3000
    assert size < scene.sent() < size * 1.02 + OVERHEAD
    assert "refs/notes/datmo" in scene.pair.hub.git("for-each-ref", "--format=%(refname)")
    assert all(length < 5000 for _, length in objects(scene.pair.hub).values())

    ignacio = scene.use(scene.pair.clone())
    assert experiments(ignacio)[0]["message"] == "first"
    scene.reset()
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    assert scene.received() < size * 1.02 + OVERHEAD

    # A hundredth changed, in the middle: new chunks, and the trees above them.
    alex.write("data/big.bin", big[:3_000_000] + noise(2, 60_000) + big[3_060_000:])
    before = scene.sent()
    datmo(alex, "snapshot", "-m", "second")
    scene.reset()
    alex.git("push", "-q")
    grown = scene.sent() - (0 if scene.host.wire else before)
    assert 60_000 < grown < 1_200_000 + OVERHEAD
    ignacio.git("pull", "-q")
    scene.reset()
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(alex.cwd / "data")
    assert scene.received() < 1_200_000 + OVERHEAD
    # The same again transfers next to nothing, and a part only what it needs.
    scene.reset()
    datmo(alex, "push")
    assert scene.host.wire is None or scene.sent() == 0
    part = scene.use(scene.pair.clone("part"))
    scene.reset()
    datmo(part, "checkout", "HEAD", "--", "data/small/7")
    assert (part.cwd / "data/small/7").read_bytes() == noise(7, 3000)
    assert scene.received() < OVERHEAD
    assert scene.pair.hub.git("fsck", "--full", "--strict") == ""
