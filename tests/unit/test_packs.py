"""Test our packs with every other reader, and packs of others with our reader."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.git.deflate import deflate
from git_datmo.git.object_encoding import BLOB, TreeEntry, encode_commit, encode_tree
from git_datmo.git.pack_file import Pack
from git_datmo.git.pack_writer import PackWriter, entry_header, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import FORMATS, SHA1, ObjectFormat, Oid
from tests.support.shell import Shell

Objects = Mapping[Oid, tuple[str, bytes]]

# About the sizes at which an entry's header grows by a byte, and a stored stream by a block.
SIZES = [
    0,
    1,
    15,
    16,
    17,
    2047,
    2048,
    2049,
    65534,
    65535,
    65536,
    131070,
    262143,
    262144,
    1 << 20,
    (1 << 20) + 1,
]


def some_objects(form: ObjectFormat) -> dict[Oid, tuple[str, bytes]]:
    """Return objects of every type and relevant size, noise and text."""
    made: dict[Oid, tuple[str, bytes]] = {}

    def add(kind: str, content: bytes) -> Oid:
        oid = form.hash(kind, content)
        made[oid] = (kind, content)
        return oid

    blobs = [add("blob", random.Random(size).randbytes(size)) for size in SIZES]
    blobs += [add("blob", (b"%d 0.125\n" % size) * (size // 9)) for size in SIZES]
    tree = add(
        "tree", encode_tree(TreeEntry(b"%03d.bin" % n, BLOB, oid) for n, oid in enumerate(blobs))
    )
    add("tree", b"")
    commit = add(
        "commit",
        encode_commit(tree, (), "A U Thor <author@example.com>", 1_714_564_800, "all of it"),
    )
    tag = f"object {commit}\ntype commit\ntag v1\ntagger A U Thor <author@example.com> 1714564800 +0000\n\nv1\n"
    add("tag", tag.encode())
    return made


def write(folder: Path, form: ObjectFormat, objects: Objects, *, promisor: bool = False) -> Path:
    with PackWriter(folder, form) as writer:
        for oid, (kind, content) in objects.items():
            writer.add(make_entry(oid, kind, len(content), deflate(content)))
        path = writer.finish(promisor=promisor)
    assert path is not None
    return path


@pytest.fixture(params=sorted(FORMATS))
def form(request: pytest.FixtureRequest) -> ObjectFormat:
    return FORMATS[request.param]


@pytest.fixture
def repo(make_repo: Callable[..., Shell], form: ObjectFormat) -> Shell:
    return make_repo("repo.git", bare=True, object_format=form.name)


def folder_of(repo: Shell) -> Path:
    return repo.cwd / "objects" / "pack"


def test_git_makes_the_same_index_of_a_pack(repo: Shell, form: ObjectFormat) -> None:
    """Let `git index-pack --strict` read every stream and hash every object; compare the index to
    the byte."""
    pack = write(folder_of(repo), form, some_objects(form))
    own = pack.with_suffix(".idx").read_bytes()
    repo.git(
        "index-pack",
        "--strict",
        f"--object-format={form.name}",
        "-o",
        str(repo.cwd / "git.idx"),
        str(pack),
    )
    assert (repo.cwd / "git.idx").read_bytes() == own


def test_git_verifies_a_pack_and_finds_nothing_in_its_objects(
    repo: Shell, form: ObjectFormat
) -> None:
    objects = some_objects(form)
    pack = write(folder_of(repo), form, objects)
    listed = repo.git("verify-pack", "-v", f"--object-format={form.name}", str(pack)).splitlines()
    rows = [line.split() for line in listed if len(line.split()) >= 5]
    assert {(row[0], row[1], int(row[2])) for row in rows} == {
        (str(oid), kind, len(content)) for oid, (kind, content) in objects.items()
    }
    tag = next(oid for oid, (kind, _) in objects.items() if kind == "tag")
    repo.git("update-ref", "refs/tags/v1", str(tag))
    assert repo.git("fsck", "--full", "--strict", "--no-dangling") == ""


@pytest.mark.parametrize("more", [0, 1, -1])
def test_pack_of_announced_count_is_hashed_while_written(
    repo: Shell, form: ObjectFormat, more: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Announce another number too: the pack is read once more, with an equal result."""
    objects = some_objects(form)
    once = write(folder_of(repo), form, objects).read_bytes()
    if not more:
        monkeypatch.delattr(PackWriter, "_hash_file")
    memory = bytearray(1 << 22)
    with (
        ThreadPoolExecutor(1) as behind,
        PackWriter(folder_of(repo), form, count=len(objects) + more, behind=behind) as writer,
    ):
        for oid, (kind, content) in objects.items():
            part = memoryview(memory)[: len(content)]
            part[:] = content
            writer.add(make_entry(oid, kind, len(content), deflate(part)))
            hashed = writer.flush()
            assert hashed is not None
            hashed.result()
        pack = writer.finish()
    assert pack is not None
    assert pack.read_bytes() == once
    repo.git("verify-pack", f"--object-format={form.name}", str(pack))


def test_git_reads_every_object_of_a_pack(repo: Shell, form: ObjectFormat) -> None:
    objects = some_objects(form)
    write(folder_of(repo), form, objects)
    for oid, (kind, content) in objects.items():
        assert repo.git("cat-file", "-t", str(oid)) == kind
        assert repo.git("hash-object", "-t", kind, "--literally", "--stdin", stdin=content) == str(
            oid
        )
        assert int(repo.git("cat-file", "-s", str(oid))) == len(content)


def test_dulwich_reads_every_object_of_a_pack(repo: Shell, form: ObjectFormat) -> None:
    from dulwich.object_format import OBJECT_FORMATS
    from dulwich.pack import Pack as DulwichPack

    objects = some_objects(form)
    path = write(folder_of(repo), form, objects)
    pack = DulwichPack(str(path.with_suffix("")), object_format=OBJECT_FORMATS[form.name])
    try:
        pack.check()
        assert set(pack) == {str(oid).encode() for oid in objects}
        kinds = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
        for oid, (kind, content) in objects.items():
            number, read = pack.get_raw(str(oid).encode())
            assert (kinds[number], bytes(read)) == (kind, content)
    finally:
        pack.close()


def test_libgit2_reads_every_object_of_a_pack(make_repo: Callable[..., Shell]) -> None:
    """Use SHA-1 alone, since libgit2 opens no other repository."""
    import pygit2

    repo = make_repo("repo.git", bare=True)
    objects = some_objects(SHA1)
    write(folder_of(repo), SHA1, objects)
    opened = pygit2.Repository(str(repo.cwd))
    kinds = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
    assert {str(oid) for oid in opened} == set(map(str, objects))
    for oid, (kind, content) in objects.items():
        number, read = opened.odb.read(str(oid))
        assert (kinds[int(number)], read) == (kind, content)


def test_our_own_reader_reads_what_we_write(tmp_path: Path, form: ObjectFormat) -> None:
    objects = some_objects(form)
    write(tmp_path / "pack", form, objects)
    check_reader(tmp_path, form, objects)


def check_reader(folder: Path, form: ObjectFormat, objects: Objects) -> None:
    packed = PackedObjects(folder, form)
    try:
        for oid, (kind, content) in objects.items():
            assert oid in packed
            assert packed.find(oid) == (kind, content)
            assert packed.kind(oid) == kind
            assert packed.size(oid) == len(content)
            memory = memoryview(bytearray(2 << 20))
            places = packed.blob_into(oid, memory)
            if kind == "blob":
                assert places is not None
                assert b"".join(memory[start:end] for start, end in places) == content
            else:
                assert places is None
        absent = form.hash("blob", b"nowhere")
        assert absent not in packed
        assert (packed.find(absent), packed.kind(absent), packed.size(absent)) == (None, None, None)
        assert packed.locate(absent) is None
        assert packed.blob_into(absent, memoryview(bytearray(99))) is None
    finally:
        packed.close()


def test_pack_of_many_objects_is_written_in_batches(repo: Shell, form: ObjectFormat) -> None:
    """Write more parts than one system call takes."""
    objects = {form.hash("blob", b"%d" % n): ("blob", b"%d" % n) for n in range(5_000)}
    pack = write(folder_of(repo), form, objects)
    repo.git("verify-pack", f"--object-format={form.name}", str(pack))
    packed = PackedObjects(repo.cwd / "objects", form)
    assert set(packed) == set(objects)
    packed.close()


def test_short_write_is_continued(
    repo: Shell, form: ObjectFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    real = os.writev
    monkeypatch.setattr(
        os, "writev", lambda fd, parts: real(fd, [memoryview(b"".join(parts))[:1000]])
    )
    pack = write(folder_of(repo), form, some_objects(form))
    repo.git("verify-pack", f"--object-format={form.name}", str(pack))


def test_pack_is_read_only_and_named_by_its_hash(tmp_path: Path, form: ObjectFormat) -> None:
    pack = write(tmp_path, form, some_objects(form), promisor=True)
    raw = pack.read_bytes()
    assert raw[-form.size :] == form.new_hash(raw[: -form.size]).digest()
    assert pack.name == f"pack-{raw[-form.size :].hex()}.pack"
    names = sorted(path.suffix for path in tmp_path.iterdir())
    assert names == [".idx", ".pack", ".promisor"]
    assert all(path.stat().st_mode & 0o777 == 0o444 for path in tmp_path.iterdir())


def test_abandoned_or_empty_pack_leaves_no_file(tmp_path: Path, form: ObjectFormat) -> None:
    with PackWriter(tmp_path, form) as writer:
        assert writer.finish() is None
    with PackWriter(tmp_path, form) as writer:
        writer.add(make_entry(form.hash("blob", b"x"), "blob", 1, deflate(b"x")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 15, 16, 2047, 2048, (1 << 20), (1 << 32) + 5])
def test_header_of_entry_has_its_size(size: int) -> None:
    head = entry_header("blob", size)
    read, shift = head[0] & 15, 4
    for byte in head[1:]:
        read |= (byte & 0x7F) << shift
        shift += 7
    assert (head[0] >> 4 & 7, read) == (3, size)
    assert [bool(byte & 0x80) for byte in head] == [True] * (len(head) - 1) + [False]


def similar(form: ObjectFormat) -> dict[Oid, tuple[str, bytes]]:
    """Return blobs of growing size, which git stores as deltas of deltas."""
    body = random.Random(3).randbytes(3_000)
    grown = [body + random.Random(n).randbytes(40) * n for n in range(30)]
    return {form.hash("blob", content): ("blob", content) for content in grown}


@pytest.mark.parametrize("base", ["--delta-base-offset", "--no-delta-base-offset"])
def test_deltas_that_git_made_are_read(repo: Shell, form: ObjectFormat, base: str) -> None:
    objects = similar(form)
    for _, content in objects.values():
        repo.git("hash-object", "-w", "--stdin", stdin=content)
    stdin = "".join(f"{oid}\n" for oid in objects).encode()
    repo.git(
        "pack-objects",
        "-q",
        base,
        "--window=10",
        "--depth=50",
        str(folder_of(repo) / "pack"),
        stdin=stdin,
    )
    repo.git("prune-packed")
    (index,) = folder_of(repo).glob("*.idx")
    pack = Pack(index, form)
    types = {pack.head(pack.offset(place)).type for place in range(pack.count)}
    pack.close()
    assert types == {3, 6 if base == "--delta-base-offset" else 7}
    assert repo.git("count-objects") == "0 objects, 0 kilobytes"
    check_reader(repo.cwd / "objects", form, objects)


def test_loose_objects_are_read_beside_packs(repo: Shell, form: ObjectFormat) -> None:
    packed = some_objects(form)
    write(folder_of(repo), form, packed)
    loose = {form.hash("blob", b"loose"): ("blob", b"loose")}
    repo.git("hash-object", "-w", "--stdin", stdin=b"loose")
    check_reader(repo.cwd / "objects", form, packed | loose)


def test_packs_that_come_and_go_are_seen_at_the_next_look(
    tmp_path: Path, form: ObjectFormat
) -> None:
    packed = PackedObjects(tmp_path, form)
    oid = form.hash("blob", b"x")
    assert packed.find(oid) is None
    pack = write(tmp_path / "pack", form, {oid: ("blob", b"x")})
    assert oid not in packed
    packed.refresh()
    assert packed.find(oid) == ("blob", b"x")
    pack.unlink()
    pack.with_suffix(".idx").unlink()
    assert packed.find(oid) == ("blob", b"x"), "what is mapped stays readable"
    packed.refresh()
    assert oid not in packed
    packed.close()


def test_object_beyond_two_gibibytes_is_found(repo: Shell, form: ObjectFormat) -> None:
    """Put a hole of 5 GiB before the last entries, whose offsets are in the index's second
    table."""
    far = {form.hash("blob", text): ("blob", text) for text in (b"behind", b"the hole")}
    near = {form.hash("blob", b"before"): ("blob", b"before")}
    writer = PackWriter(folder_of(repo), form)
    places: dict[Oid, int] = {}
    path = folder_of(repo) / f"pack-{'0' * 2 * form.size}.pack"
    with writer, open(path, "wb") as file:
        file.write(struct.pack(">4sII", b"PACK", 2, len(near) + len(far)))
        for start, objects in ((12, near), ((1 << 31) - 20, {}), (5 << 30, far)):
            file.seek(start)
            writer._offset = start
            for oid, (kind, content) in objects.items():
                entry = make_entry(oid, kind, len(content), deflate(content))
                places[oid] = writer.size
                writer.add(entry)
                file.write(b"".join(bytes(part) for part in entry.parts))
        trailer = form.new_hash(b"no hash of five gibibytes").digest()
        file.write(trailer)
        path.with_suffix(".idx").write_bytes(writer._index(trailer))
    assert path.stat().st_size > 5 << 30
    assert path.stat().st_blocks * 512 < 1 << 20, "the hole takes no room"
    listed = repo.git(
        "show-index", f"--object-format={form.name}", stdin=path.with_suffix(".idx").read_bytes()
    )
    assert {line.split()[1]: int(line.split()[0]) for line in listed.splitlines()} == {
        str(oid): offset for oid, offset in places.items()
    }
    check_reader(repo.cwd / "objects", form, near | far)
    for oid, (_, content) in far.items():
        assert repo.git("cat-file", "blob", str(oid)).encode() == content


def test_blob_larger_than_its_buffer_raises_damaged(repo: Shell, form: ObjectFormat) -> None:
    """Read packed and loose objects, since a chunk tree can name anything as a chunk."""
    content = random.Random(1).randbytes(5000)
    write(folder_of(repo), form, {form.hash("blob", content): ("blob", content)})
    repo.git("hash-object", "-w", "--stdin", stdin=content + b"loose")
    packed = PackedObjects(repo.cwd / "objects", form)
    for each in (content, content + b"loose"):
        with pytest.raises(Damaged, match="larger than any chunk"):
            packed.blob_into(form.hash("blob", each), memoryview(bytearray(4999)))
    packed.close()
