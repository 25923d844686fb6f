"""Weigh pushes on the wire: a remote, clones of it, and changes to their data."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from tests.support.commands import datmo, objects
from tests.support.remote_check import missing_on
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell, seal

BIG = 4_000_000
# The bytes that a push may send beside 1.2 times the new chunks: trees, commits, records, code and
# protocol.
BESIDE = 100_000


def noise(seed: int, size: int = BIG) -> bytes:
    return Random(seed).randbytes(size)


def lay(folder: Path, seed: int) -> None:
    """Write a dataset: one large file, and small ones several folders deep."""
    (folder / "deep/down").mkdir(parents=True)
    (folder / "big").write_bytes(noise(seed))
    for number in range(30):
        (folder / "deep/down" / f"{number:02}").write_bytes(noise(1000 * seed + number, 30_000))


def snapshot(shell: Shell, text: str, *payloads: str) -> None:
    if payloads:
        datmo(shell, "add-data", *payloads)
    shell.commit("code.py", text)


@pytest.fixture(scope="module")
def push_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder to copy: a remote with Alex's two datasets and a later version of one, and
    two clones."""
    folder = tmp_path_factory.mktemp("made")
    top = Shell(folder, seal(folder / "home"))
    top.git("init", "-q", "--bare", "hub.git")
    top.git("-C", "hub.git", "config", "uploadpack.allowFilter", "true")
    top.git("init", "-q", "alex")
    alex = top.at("alex")
    alex.commit("code.py", "pass\n")
    alex.git("remote", "add", "origin", "../hub.git")
    alex.git("push", "-q", "-u", "origin", "main")
    datmo(alex, "init")
    lay(alex.cwd / "data", 1)
    lay(alex.cwd / "other", 2)
    snapshot(alex, "one", "data", "other")
    alex.git("branch", "first")
    shutil.rmtree(alex.cwd / "data")
    lay(alex.cwd / "data", 3)
    snapshot(alex, "two")
    alex.git("push", "-q")
    top.git("clone", "-q", "datmo::" + str(top.cwd / "hub.git"), "ignacio")
    return folder


@dataclass(frozen=True)
class Scene:
    """Hold a remote over HTTP, a clone that made its data, and a clone without data."""

    hub: Shell
    alex: Shell
    ignacio: Shell
    host: HttpHost

    def push(self, shell: Shell) -> int:
        """Push the branch, and check the bytes on the wire; return the bytes of content new to the
        remote."""
        before = objects(self.hub)
        self.host.exchanges.clear()
        shell.git("push", "-q", "origin", "HEAD:refs/heads/next")
        sent = sum(exchange.bytes_in for exchange in self.host.exchanges)
        came = {
            oid: size
            for oid, (kind, size) in objects(self.hub).items()
            if kind == "blob" and oid not in before
        }
        assert sent <= 1.2 * sum(came.values()) + BESIDE, (sent, sum(came.values()))
        assert not missing_on(self.hub)
        return sum(came.values())


@pytest.fixture
def push_scene(push_template: Path, tmp_path: Path, http_host: HttpHost) -> Scene:
    top = Shell(tmp_path, seal(tmp_path / "home"))
    for name in ("hub.git", "alex", "ignacio"):
        shutil.copytree(push_template / name, tmp_path / name, symlinks=True)
    hub, alex, ignacio = (top.at(name) for name in ("hub.git", "alex", "ignacio"))
    for clone in (alex, ignacio):
        clone.git("remote", "set-url", "origin", http_host.url(hub.cwd))
    return Scene(hub, alex, ignacio, http_host)


def mix(folder: Path) -> None:
    """Mix two datasets: files of both, and a file whose halves come from both."""
    lay(folder, 1)
    (folder / "large").write_bytes(noise(2))
    (folder / "big").write_bytes(noise(1)[: BIG // 2] + noise(2)[BIG // 2 :])


def same_again(ignacio: Shell) -> None:
    lay(ignacio.cwd / "data", 3)


def nearly_the_same(ignacio: Shell) -> None:
    lay(ignacio.cwd / "data", 3)
    (ignacio.cwd / "data/deep/down/07").write_bytes(noise(70, 30_000))


def the_same_elsewhere(ignacio: Shell) -> None:
    lay(ignacio.cwd / "mine", 1)


def two_in_one_elsewhere(ignacio: Shell) -> None:
    lay(ignacio.cwd / "mine/first", 1)
    lay(ignacio.cwd / "mine/third", 3)
    (ignacio.cwd / "mine/first/deep/down/07").write_bytes(noise(70, 30_000))


def push_moved_payload(scene: Scene) -> None:
    """Move a payload as it is, then once more with a file changed and a folder moved within it."""
    alex = scene.alex.cwd
    (alex / "new").mkdir()
    (alex / "data").rename(alex / "new/place")
    datmo(scene.alex, "rm", "data", "other")
    snapshot(scene.alex, "moved", "new/place")
    assert scene.push(scene.alex) < 50_000
    (alex / "new/place/deep/down").rename(alex / "new/place/down")
    (alex / "new/place/down/07").write_bytes(noise(70, 30_000))
    (alex / "new/place").rename(alex / "third")
    datmo(scene.alex, "rm", "new/place")
    snapshot(scene.alex, "moved on", "third")
    assert scene.push(scene.alex) < 80_000


def push_halves_of_two_datasets(scene: Scene) -> None:
    """Push a payload made of halves of two datasets."""
    mix(scene.alex.cwd / "mixed")
    datmo(scene.alex, "rm", "data", "other")
    snapshot(scene.alex, "mixed", "mixed")
    assert 0 < scene.push(scene.alex) < 2_000_000


def push_branch_off_older_version(scene: Scene) -> None:
    """Change an older version; the newest one on the remote has nothing in common with it."""
    alex = scene.alex
    alex.git("checkout", "-q", "-b", "older", "first")
    (alex.cwd / "data/deep/down/07").write_bytes(noise(70, 30_000))
    snapshot(alex, "older")
    assert 30_000 <= scene.push(alex) < 80_000


# Ways for a clone without fetched data to make data that the remote has, with the bytes of a push.
REPEATS: list[tuple[Callable[[Shell], None], int]] = [
    (same_again, 50_000),
    (nearly_the_same, 80_000),
    (the_same_elsewhere, 50_000),
    (two_in_one_elsewhere, 80_000),
]


def push_what_the_remote_has(scene: Scene, make: Callable[[Shell], None], most: int) -> None:
    """Push data from a clone that never fetched them."""
    make(scene.ignacio)
    snapshot(
        scene.ignacio,
        "own",
        *(path for path in ("data", "mine") if (scene.ignacio.cwd / path).exists()),
    )
    assert scene.push(scene.ignacio) < most
