"""Test that foreign packs are read as git reads them, and that incomplete ones are refused."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from dulwich.pack import create_delta
from hypothesis import example, given, settings
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.deflate import deflate
from git_datmo.git.pack_entries import Beyond, Truncated
from git_datmo.git.pack_stream import read_pack
from git_datmo.git.pack_writer import entry_header, make_entry
from git_datmo.model import SHA1, ObjectFormat, Oid
from git_datmo.objects.incoming_pack import receive
from git_datmo.objects.store import Store
from git_datmo.objects.store_location import create_store
from git_datmo.progress import QUIET
from tests.support.shell import Shell, seal
from tests.support.strategies import formats


def cut(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    """Return `data` in blocks as a connection may deliver them."""
    place = 0
    while place < len(data):
        size = next(sizes)
        yield data[place : place + size]
        place += size


def take_in(folder: Path, form: ObjectFormat, data: bytes, seed: int = 0) -> None:
    """Receive a pack into the store at `folder`, which is made where there is none."""
    sizes = Random(seed)
    blocks = cut(data, iter(lambda: sizes.choice((1, 7, 100, 5000, 65515)), None))
    git = Git(seal(folder.parent / "home"))
    create_store(git, folder, form)
    with (
        Store(git, folder, form) as store,
        closing(read_pack(blocks, form, lambda: None)) as entries,
    ):
        receive(store, entries, QUIET)


def contents(folder: Path, env: dict[str, str]) -> dict[str, str]:
    """Return every object's id and type as git finds them. Git checks each."""
    shell = Shell(folder, env)
    # Unreferenced and missing objects do not matter for this test.
    shell.git("fsck", "--connectivity-only", ok=False)
    for index in (folder / "objects/pack").glob("*.idx"):
        shell.git("index-pack", "--verify", str(index.with_suffix(".pack")))
    listed = shell.git(
        "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"
    ).splitlines()
    return dict(line.split() for line in listed)  # type: ignore[misc]


@st.composite
def versions(draw: st.DrawFn) -> list[bytes]:
    """Draw similar contents, so that git makes deltas of them."""
    random = Random(draw(st.integers(0, 1 << 30)))
    base = random.randbytes(draw(st.sampled_from([0, 40, 3000, 200_000])))
    made = [base]
    for _ in range(draw(st.integers(0, 12))):
        at = random.randrange(len(base) + 1)
        made.append(
            base[:at] + random.randbytes(random.randrange(20)) + base[at + random.randrange(20) :]
        )
        base = random.choice(made)
    return [*made, *draw(st.lists(st.binary(max_size=300), max_size=5))]


@settings(max_examples=12)
@given(form=formats, blobs=versions(), depth=st.sampled_from([0, 1, 50]), seed=st.integers(0, 1000))
def test_pack_of_git_is_indexed_as_by_git(
    form: ObjectFormat, blobs: list[bytes], depth: int, seed: int
) -> None:
    with TemporaryDirectory() as name:
        folder, env = Path(name), seal(Path(name) / "home")
        giver = Shell(folder, env)
        giver.git("init", "-q", "--bare", f"--object-format={form.name}", "giver")
        giver = giver.at("giver")
        for number, blob in enumerate(blobs):
            giver.write(f"blobs/{number}", blob)
        paths = "\n".join(f"blobs/{number}" for number in range(len(blobs)))
        oids = giver.git(
            "hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths.encode()
        ).split()
        tree = giver.git(
            "mktree", stdin="".join(f"100644 blob {o}\t{n}\n" for n, o in enumerate(oids)).encode()
        )
        options = (f"--depth={depth}", f"--window={10 if depth else 0}", "--stdout", "-q")
        wanted = "\n".join([*dict.fromkeys(oids), tree, ""]).encode()
        command = f"git pack-objects {' '.join(options)} > ../pack"
        giver.run("sh", "-c", command, stdin=wanted)
        take_in(folder / "store.git", form, (folder / "pack").read_bytes(), seed)
        found = contents(folder / "store.git", env)
        assert found == {**dict.fromkeys(oids, "blob"), tree: "tree"}


def pack_of(entries: list[bytes], form: ObjectFormat = SHA1, count: int | None = None) -> bytes:
    data = struct.pack(">4sII", b"PACK", 2, len(entries) if count is None else count) + b"".join(
        entries
    )
    digest: bytes = form.new_hash(data).digest()
    return data + digest


def plain(content: bytes) -> bytes:
    return b"".join(
        bytes(part) for part in make_entry(Oid(b""), "blob", len(content), deflate(content)).parts
    )


def delta(base: Oid, text: bytes) -> bytes:
    head = bytearray(entry_header("blob", len(text)))
    head[0] = head[0] & 0x8F | 7 << 4
    return bytes(head) + base + b"".join(bytes(part) for part in deflate(text))


def chain(length: int) -> list[tuple[bytes, bytes]]:
    """Return a blob's entry and a chain of deltas, with the content that each makes."""
    random = Random(7)
    content = random.randbytes(300)
    made = [(plain(content), content)]
    for _ in range(length):
        following = content + random.randbytes(3)
        text = b"".join(create_delta(content, following))
        made.append((delta(SHA1.hash("blob", content), text), following))
        content = following
    return made


@pytest.mark.parametrize("backwards", [False, True])
def test_deltas_before_their_bases_are_resolved(tmp_path: Path, *, backwards: bool) -> None:
    """Put each delta before its base, a thousand times over."""
    made = chain(1500)
    entries = [entry for entry, _ in made]
    take_in(tmp_path / "store.git", SHA1, pack_of(entries[::-1] if backwards else entries))
    found = contents(tmp_path / "store.git", seal(tmp_path / "home"))
    assert found == {str(SHA1.hash("blob", content)): "blob" for _, content in made}


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_pack_is_refused(data: st.DataObject) -> None:
    """Flip any bit, or truncate the pack anywhere: no object has an id that is not its own."""
    made = [entry for entry, _ in chain(3)] + [
        plain(b"text " * 200),
        plain(Random(1).randbytes(70_000)),
    ]
    whole = pack_of(made)
    place = data.draw(st.integers(0, len(whole) - 1) | st.integers(0, 200))
    if data.draw(st.booleans()):
        broken = bytearray(whole)
        broken[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        broken = bytearray(whole[:place])
    with TemporaryDirectory() as name:
        with pytest.raises(Damaged):
            take_in(Path(name) / "store.git", SHA1, bytes(broken))
        with Store(Git(seal(Path(name) / "home")), Path(name) / "store.git", SHA1) as store:
            store.take_up()
            good = {SHA1.hash("blob", content) for _, content in chain(3)}
            good |= {SHA1.hash("blob", c) for c in (b"text " * 200, Random(1).randbytes(70_000))}
            for oid in store.objects:
                kind, content = store.objects.find(oid) or ("", b"")
                assert SHA1.hash(kind, content) == oid
        assert not [
            path
            for path in os.listdir(Path(name) / "store.git/objects/pack")
            if path.startswith("tmp_")
        ]


HUGE = b"\xff" * 6 + b"\x01"


@pytest.mark.parametrize(
    ("pack", "error"),
    [
        (pack_of([plain(b"x")], count=2), Damaged),
        (pack_of([plain(b"x"), plain(b"y")], count=1), Damaged),
        (pack_of([plain(b"x")]) + b"more", Damaged),
        (b"PACK", Truncated),
        (b"", Truncated),
        (struct.pack(">4sII", b"PUCK", 2, 0) + bytes(20), Damaged),
        (struct.pack(">4sII", b"PACK", 4, 0) + bytes(20), Damaged),
        (pack_of([delta(Oid(bytes(20)), b"\1\1\1x")]), Damaged),
        (pack_of([plain(b"x"), delta(SHA1.hash("blob", b"x"), b"")]), Damaged),
        (pack_of([plain(b"x"), delta(SHA1.hash("blob", b"x"), b"\1" + HUGE)]), Beyond),
        (pack_of([plain(b"x"), delta(SHA1.hash("blob", b"x"), b"\2\1\1y")]), Damaged),
        (pack_of([b"\xbf" + HUGE]), Beyond),
        (pack_of([b"\xb1" + b"\xff" * 20]), Damaged),
        # An offset delta, which nobody asked for; a type that git has none of.
        (pack_of([plain(b"x"), b"\x61\x01" + plain(b"")[1:]]), Beyond),
        (pack_of([b"\x50"]), Beyond),
    ],
    ids=map(str, range(15)),
)
def test_pack_with_invalid_entry_is_refused(
    tmp_path: Path, pack: bytes, error: type[Damaged]
) -> None:
    with pytest.raises(error):
        take_in(tmp_path / "store.git", SHA1, pack)


@example(size=10, claimed=11)
@given(size=st.integers(0, 200_000), claimed=st.integers(0, 200_000))
@settings(max_examples=20)
def test_length_that_is_not_the_content_s(size: int, claimed: int) -> None:
    entry = entry_header("blob", claimed) + b"".join(bytes(part) for part in deflate(bytes(size)))
    with TemporaryDirectory() as name:
        if size == claimed:
            take_in(Path(name) / "store.git", SHA1, pack_of([entry]))
            return
        with pytest.raises(Damaged):
            take_in(Path(name) / "store.git", SHA1, pack_of([entry]))


def test_object_with_id_of_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offer two contents of one id, as in an attack on hashes: neither replaces the other."""
    take_in(tmp_path / "store.git", SHA1, pack_of([plain(b"one")]))
    monkeypatch.setattr(
        ObjectFormat, "hash", lambda *_: Oid(__import__("hashlib").sha1(b"blob 3\0one").digest())
    )
    with pytest.raises(Damaged, match="differs from the local object"):
        take_in(tmp_path / "store.git", SHA1, pack_of([plain(b"two")]))
