"""Test payloads in a store other than the git remote: folder, S3, SFTP, LFS server, another
remote."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, objects, picture, refused
from tests.support.pair import Pair
from tests.support.servers.stores import StoreHost, serve_store
from tests.support.shell import Shell

# Bytes beside the content: indexes, headers of requests, and the start of a connection.
OVERHEAD = 100_000


@dataclass(frozen=True)
class Scene:
    """Hold a team whose payload goes to a store."""

    pair: Pair
    host: StoreHost

    def use(self, shell: Shell) -> Shell:
        """Return a clone that knows the store, with the variables to reach it."""
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
def scene(
    request: pytest.FixtureRequest, pair: Pair, tmp_path: Path, sealed: dict[str, str]
) -> Iterator[Scene]:
    with serve_store(getattr(request, "param", "folder"), tmp_path / "served", sealed) as host:
        yield Scene(pair, host)


def each_kind(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("scene", kinds, indirect=True)


@each_kind("folder", "s3", "sftp", "lfs-on-s3")
def test_payload_goes_to_the_store_and_comes_from_it_exactly(scene: Scene) -> None:
    """Check that each direction transfers only what is missing, and the git remote gets only
    records and notes."""
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
    # A repeated push sends nearly nothing, and a fetch of a part only that part.
    scene.reset()
    datmo(alex, "push")
    assert scene.host.wire is None or scene.sent() == 0
    part = scene.use(scene.pair.clone("part"))
    scene.reset()
    datmo(part, "checkout", "HEAD", "--", "data/small/7")
    assert (part.cwd / "data/small/7").read_bytes() == noise(7, 3000)
    assert scene.received() < OVERHEAD
    assert scene.pair.hub.git("fsck", "--full", "--strict") == ""


@each_kind("s3", "lfs")
def test_interrupted_upload_to_store_resumes(scene: Scene) -> None:
    """Check that no note names missing objects, and that complete ones are not sent again."""
    assert scene.host.wire is not None
    wire = scene.host.wire
    # No patience of the client's own: the cut lasts.
    alex = scene.use(scene.pair.alex).having(AWS_MAX_ATTEMPTS="1")
    size = 24_000_000
    alex.write("model.bin", noise(3, size))
    datmo(alex, "add-model", "model.bin")
    datmo(alex, "snapshot", "-m", "large")
    wire.reset()
    wire.cut_after(size * 3 // 4)
    refused(alex, "push", says=(scene.host.url.removeprefix("lfs+"),))
    assert wire.mend()
    assert scene.pair.hub.git("for-each-ref", "refs/notes/datmo", "refs/datmo/records") == ""
    wire.reset()
    datmo(alex, "push")
    # A quarter is left, and the pack that was cut; packs are of 4 MiB at least.
    assert size // 4 < wire.sent < size // 4 + (5 << 20) + OVERHEAD
    ignacio = scene.use(scene.pair.clone())
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "model.bin").read_bytes() == noise(3, size)


# Writes down which indexes a folder had when the remote took records.
WITNESS = """\
#!/bin/sh
[ "$1" != refs/datmo/records ] || ls "$STORE" >"told-$3" 2>&1
exit 0
"""


@each_kind("folder", "lfs")
def test_pushes_to_store_at_once_succeed(scene: Scene) -> None:
    """Let each push have data of its own and data in common; no record goes before its objects."""
    folder = (scene.host.folder or Path()) / "sha1"
    scene.pair.hub.write("hooks/update", WITNESS).chmod(0o755)
    both = [
        scene.use(shell).having(STORE=str(folder))
        for shell in (scene.pair.alex, scene.pair.clone())
    ]
    for number, shell in enumerate(both):
        shell.commit(f"code{number}.py", "pass\n")
        shell.write("data/both.bin", noise(4, 3_000_000))
        shell.write("data/own.bin", noise(5 + number, 3_000_000))
        datmo(shell, "add-data", "data")
        datmo(shell, "snapshot", "-m", f"by {number}")
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda shell: datmo(shell, "push", ok=False), both))
    assert [each.returncode for each in done] == [0, 0], "\n".join(map(str, done))
    carol = scene.use(scene.pair.clone("carol"))
    for shell in both:
        datmo(carol, "checkout", experiments(shell)[0]["id"])
        assert picture(carol.cwd / "data") == picture(shell.cwd / "data")
    if scene.host.kind == "folder":
        told = list(scene.pair.hub.cwd.glob("told-*"))
        assert told
        for moment in told:
            listed = [
                scene.pair.hub.run("git", "show-index", stdin=(folder / name).read_bytes()).stdout
                for name in moment.read_text().split()
                if name.endswith(".idx")
            ]
            there = {line.split()[1] for text in listed for line in text.splitlines()}
            assert named_by_records(scene.pair.hub, moment.name.removeprefix("told-")) <= there


def named_by_records(hub: Shell, records: str) -> set[str]:
    """Return the objects of the payloads that the snapshots in a commit of records name."""
    paths = hub.git("ls-tree", "-r", "--name-only", records).splitlines()
    documents = [json.loads(hub.git("cat-file", "blob", f"{records}:{path}")) for path in paths]
    return {payload["object"] for document in documents for payload in document.get("payloads", ())}


def test_moved_store_keeps_the_history(scene: Scene, tmp_path: Path) -> None:
    """Move from the git remote to a folder, to another git remote by an empty clone, and to the
    next folder."""
    alex, hub, top = scene.pair.alex, scene.pair.hub, scene.pair.top
    for number in range(2):
        alex.write("data/a.bin", noise(10 + number, 2_000_000))
        alex.write("data/b.bin", noise(20, 1_500_000))
        datmo(alex, "add-data", "data")
        alex.commit("code.py", f"{number}\n")
        datmo(alex, "snapshot", "-m", f"version {number}")
    alex.git("push", "-q")
    refused(alex, "push", "--store", says=("no store is set for 'origin'", "datmo.origin.store"))
    history = hub.git("for-each-ref")

    first, second = Path(scene.host.url), tmp_path / "second"
    top.git("init", "-q", "--bare", "depot.git")
    second.mkdir()
    scene.use(alex)
    datmo(alex, "push", "--store")
    assert first.joinpath("sha1").is_dir()
    held = weigh(first)
    # A clone that has the objects of a lost pack sends them again.
    max(first.joinpath("sha1").glob("*.pack"), key=lambda pack: pack.stat().st_size).unlink()
    assert "everything that 4 records name" in datmo(alex, "push", "--store").stderr
    datmo(alex, "push", "--store")
    assert held <= weigh(first) < held + OVERHEAD

    ignacio = scene.use(scene.pair.clone())
    hub_away = hub.cwd.rename(tmp_path / "away")
    # Without the objects of the git remote, which are a copy that a host may free.
    bare = top.at("away")
    bare.git("update-ref", "-d", "refs/datmo/keep/1")
    bare.git("gc", "-q", "--prune=now")
    hub_away.rename(hub.cwd)
    history = hub.git("for-each-ref")
    ignacio.git("config", "--add", "datmo.origin.store", str(top.cwd / "depot.git"))
    datmo(ignacio, "push", "--store")
    shutil.rmtree(first)

    carol = scene.pair.clone("carol")
    carol.git("config", "datmo.origin.store", str(top.cwd / "depot.git"))
    datmo(carol, "checkout")
    assert picture(carol.cwd / "data") == picture(alex.cwd / "data")
    # If a store cannot be reached, data of another store are still available.
    carol.git("config", "--add", "datmo.origin.store", str(second))
    datmo(carol, "push", "--store")
    shutil.rmtree(top.cwd / "depot.git")
    assert hub.git("for-each-ref") == history
    dave = scene.pair.clone("dave")
    dave.git("config", "datmo.origin.store", str(second))
    dave.git("config", "--add", "datmo.origin.store", str(first))
    datmo(dave, "checkout", "HEAD^")
    assert (dave.cwd / "data/a.bin").read_bytes() == noise(10, 2_000_000)

    # Stock git reads packs that are copied out of a store.
    top.git("init", "-q", "--bare", "bare.git")
    for path in (second / "sha1").iterdir():
        shutil.copy(path, top.cwd / "bare.git/objects/pack")
    bare = top.at("bare.git")
    assert bare.git("fsck", "--full", "--strict", "--no-dangling") == ""
    tree = experiments(alex)[0]["payloads"][0]["object"]
    assert "a.bin.datmo-file" in bare.git("ls-tree", "--name-only", tree)


def test_giving_space_back_asks_the_store(scene: Scene) -> None:
    """Check that only data in the store are evicted, none are freed there, and lost or damaged ones
    are named."""
    alex = scene.use(scene.pair.alex)
    folder = Path(scene.host.url) / "sha1"
    alex.write("data/a.bin", noise(30, 3_000_000))
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot", "-m", "kept")
    evicted = json.loads(datmo(alex, "evict", "--all", "--json").stdout)
    assert (evicted["remote"], evicted["objects"]) == (scene.host.url, 0)
    datmo(alex, "push")
    before = picture(alex.cwd / "data")
    evicted = json.loads(datmo(alex, "evict", "--all", "--json").stdout)
    assert evicted["bytes"] > 3_000_000
    shutil.rmtree(alex.cwd / "data")
    datmo(alex, "checkout", "--force")
    assert picture(alex.cwd / "data") == before
    refused(
        alex,
        "drop",
        "--remote",
        says=(f"'origin' has its payload in '{folder.parent}'", "push --store"),
    )
    remote = json.loads(datmo(alex, "du", "--remote", "--json").stdout)
    assert remote["size"] == remote["here"] > 3_000_000
    assert json.loads(datmo(alex, "gc", "--json").stdout)["objects"] == 0

    # An index without its pack, or one that was cut off, is as good as none.
    (pack,) = folder.glob("*.pack")
    index = pack.with_suffix(".idx")
    aside = pack.rename(folder / "aside")
    assert json.loads(datmo(alex, "evict", "--all", "--json").stdout)["objects"] == 0
    aside.rename(pack)
    whole = index.read_bytes()
    index.chmod(0o644)
    index.write_bytes(whole[:-1])
    ignacio = scene.use(scene.pair.clone())
    refused(ignacio, "checkout", code=2, says=("cannot be found here or on any remote",))
    index.write_bytes(whole)
    # One bit of a chunk: nothing of it reaches the working tree.
    pack.chmod(0o644)
    with open(pack, "r+b") as file:
        file.seek(1_500_000)
        byte = file.read(1)
        file.seek(1_500_000)
        file.write(bytes([byte[0] ^ 1]))
    refused(ignacio, "checkout", code=2, says=(pack.name, "is damaged"))
    assert not (ignacio.cwd / "data/a.bin").exists()
    shutil.rmtree(folder.parent)
    refused(ignacio, "checkout", code=2, says=(f"there is no folder '{folder.parent}'",))


@pytest.mark.parametrize(
    ("scheme", "package", "extra"), [("s3", "s3fs", "s3"), ("sftp", "sshfs", "sftp")]
)
def test_missing_library_of_store_is_named(
    pair: Pair, tmp_path: Path, scheme: str, package: str, extra: str
) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / f"without/{package}.py").write_text(f"raise ImportError('there is no {package}')\n")
    alex = pair.alex.having(PYTHONPATH=str(tmp_path / "without"))
    alex.git("config", "datmo.origin.store", f"{scheme}://example/path")
    alex.write("model.bin", b"x")
    datmo(alex, "add-model", "model.bin")
    datmo(alex, "snapshot", "-m", "small")
    refused(alex, "push", says=(f"{scheme}://example/path", f"pip install 'git-datmo[{extra}]'"))


@pytest.mark.parametrize("kind", ["folder", "repository"])
def test_records_that_were_published_without_their_objects_are_repaired_by_a_push(
    pair: Pair, kind: str
) -> None:
    alex, store = pair.alex, pair.top.cwd / "store"
    store.mkdir()
    if kind == "repository":
        pair.top.git("init", "-q", "--bare", "store")
    alex.git("config", "datmo.origin.store", str(store))
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    alex.commit("code.py", "one\n")
    # Something that is no git-datmo of today brings the record alone.
    alex.git(
        "push", "-q", "--no-verify", "origin", "main", "refs/datmo/records", "refs/notes/datmo"
    )
    ignacio = pair.clone()
    ignacio.git("config", "datmo.origin.store", str(store))
    refused(ignacio, "checkout", code=2)
    alex.commit("more.py", "pass\n")
    alex.git("push", "-q", "origin", "main")
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data/x").read_text() == "one"
    assert "refs/datmo/keep" not in pair.hub.git("for-each-ref")
    # Objects of the store are not sent again.
    before = weigh(store)
    alex.commit("more.py", "pass # again\n")
    alex.git("push", "-q", "origin", "main")
    assert weigh(store) == before


@each_kind("sftp")
def test_store_with_unknown_host_key_is_refused_in_one_line(
    scene: Scene, sealed: dict[str, str]
) -> None:
    alex, known = scene.use(scene.pair.alex), Path(sealed["HOME"]) / ".ssh/known_hosts"
    alex.write("data/x", "one")
    datmo(alex, "add-data", "data")
    datmo(alex, "snapshot", "-m", "one")
    host, right = known.read_text().split(" ", 1)
    user_key = subprocess.run(
        ["ssh-keygen", "-y", "-f", known.with_name("id_ed25519")],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for text in (f"{host} {user_key}", ""):
        known.write_text(text)
        said = "shows a host key that known_hosts does not have for it"
        refused(alex, "push", says=(said, "'ssh-keygen -R HOST' removes the old one"))
    known.write_text(f"{host} {right}")
    datmo(alex, "push")
