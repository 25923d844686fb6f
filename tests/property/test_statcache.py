"""Test that git reads the stat cache as its own index."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.command import Git
from git_datmo.git.object_encoding import BLOB, EXECUTABLE, LINK
from git_datmo.model import FORMATS, SHA1, ObjectFormat, Oid
from git_datmo.objects.ingest import FileRead
from git_datmo.objects.tree_nodes import Node, NodeKind
from git_datmo.worktree import stat_cache, stat_cache_edit
from git_datmo.worktree.index_entries import encode
from git_datmo.worktree.stat_cache import StatCache
from git_datmo.worktree.stat_cache_edit import CacheEdit
from tests.support.shell import Shell
from tests.support.strategies import bare, oids, safe_names

fewer = settings(max_examples=max(1, settings().max_examples // 2))
MODES = {NodeKind.FILE: BLOB, NodeKind.EXECUTABLE: EXECUTABLE, NodeKind.LINK: LINK}


@pytest.fixture(scope="module", params=sorted(FORMATS))
def repo(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Shell, ObjectFormat]:
    return bare(tmp_path_factory.mktemp("cache"), FORMATS[request.param]), FORMATS[request.param]


def stats() -> st.SearchStrategy[os.stat_result]:
    """Draw numbers that a file system may give for old files, also beyond 32 bits and before
    1970."""
    number, small = st.integers(0, (1 << 64) - 1), st.integers(0, (1 << 32) - 1)
    part = st.integers(0, 10**9 - 1)
    time = st.builds(lambda s, n: s * 10**9 + n, st.integers(-(1 << 33), 1 << 34), part)
    past = st.builds(lambda s, n: s * 10**9 + n, st.integers(0, 1 << 30), part)

    def make(
        ino: int, dev: int, uid: int, gid: int, size: int, mtime: int, ctime: int
    ) -> os.stat_result:
        times = {"st_mtime_ns": mtime, "st_ctime_ns": ctime}
        return os.stat_result([0o100644, ino, dev, 1, uid, gid, size, 0, 0, 0], times)

    return st.builds(make, number, number, small, small, st.integers(0, 1 << 42), time, past)


long_paths = (
    st.integers(1, 5000)
    .map(lambda n: "/".join("d" * 200 for _ in range(1 + n // 200))[:n].strip("/"))
    .map(str.encode)
)
paths = st.lists(safe_names, min_size=1, max_size=3).map(b"/".join) | long_paths


def taken(form: ObjectFormat) -> st.SearchStrategy[FileRead]:
    nodes = st.builds(Node, st.sampled_from(list(MODES)), oids(form))
    return st.builds(FileRead, paths, nodes, stats())


def clear(files: list[FileRead]) -> list[FileRead]:
    """Draw files of which none is another's folder, each once."""
    every = {file.path: file for file in files}
    return [f for f in every.values() if not any(f.path.startswith(path + b"/") for path in every)]


def recording(cache: StatCache, files: Iterable[FileRead]) -> CacheEdit:
    edit = cache.edit()
    for file in files:
        edit.record(file)
    return edit


DEBUG = re.compile(
    r"  ctime: (\d+):(\d+)\n  mtime: (\d+):(\d+)\n  dev: (\d+)\tino: (\d+)\n"
    r"  uid: (\d+)\tgid: (\d+)\n  size: (\d+)\tflags: 0\n"
)


@fewer
@given(data=st.data())
def test_git_reads_every_entry_as_it_was_written(
    repo: tuple[Shell, ObjectFormat], data: st.DataObject
) -> None:
    shell, form = repo
    files = clear(data.draw(st.lists(taken(form), max_size=6)))
    cache = StatCache(Path(shell.cwd) / "cache", form, Path(shell.cwd))
    cache.path.unlink(missing_ok=True)
    cache.update(recording(cache, files))
    git = Git(shell.env, Path(shell.cwd), None, cache.path)
    listed = git.run("ls-files", "-z", "--stage").split(b"\0")[:-1]
    ordered = sorted(files, key=lambda file: file.path)
    assert listed == [
        b"%o %s 0\t%s" % (MODES[f.node.kind], str(f.node.oid).encode(), f.path) for f in ordered
    ]
    assert list(cache.paths()) == [file.path for file in ordered]
    told = git.run("ls-files", "-z", "--debug").decode("utf-8", "replace")
    numbers = [tuple(map(int, found)) for found in DEBUG.findall(told)]
    mask = 0xFFFFFFFF
    expected = []
    for file in ordered:
        info = file.stat
        ctime, mtime = divmod(info.st_ctime_ns, 10**9), divmod(info.st_mtime_ns, 10**9)
        plain = (*ctime, *mtime, info.st_dev, info.st_ino, info.st_uid, info.st_gid, info.st_size)
        expected.append(tuple(part & mask for part in plain))
    assert numbers == expected


@pytest.fixture(scope="module")
def few_are_held() -> Iterator[None]:
    """Put entries aside as if there were a million."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stat_cache_edit, "HELD", 3)
        yield


@fewer
@given(data=st.data())
@pytest.mark.usefixtures("few_are_held")
def test_updates_are_those_of_a_table(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Check that after any updates, the cache is equal to a dictionary."""
    cache = StatCache(tmp_path_factory.mktemp("updates") / "cache", SHA1, Path())
    table: dict[bytes, bytes] = {}
    few = st.sampled_from([b"a", b"a b", b"a/b", b"a/c", b"a0", b"b", b"\xff"])
    for _ in range(data.draw(st.integers(1, 5))):
        if cache.path.exists():
            # Newer than any file, so that no entry is in doubt and each stays as it was written.
            os.utime(cache.path, (1 << 32, 1 << 32))
        if data.draw(st.booleans()):
            folder = data.draw(few)
            edit = cache.edit()
            edit.renew(folder)
            cache.update(edit)
            table = {
                p: e for p, e in table.items() if p != folder and not p.startswith(folder + b"/")
            }
            continue
        files = data.draw(
            st.lists(
                st.builds(FileRead, few, st.builds(Node, st.just(NodeKind.FILE), oids()), stats())
            )
        )
        edit = recording(cache, files)
        table |= {file.path: encode(file, SHA1) for file in files}
        for path in data.draw(st.lists(few, max_size=3)):
            edit.forget(path)
            table.pop(path, None)
        cache.update(edit)
    assert list(cache._entries()) == sorted(table.items())


@fewer
@given(data=st.data())
def test_few_changed_entries_equal_a_full_write(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Compare a patched and a merged cache, and check that patching makes the cache no newer."""
    folder = tmp_path_factory.mktemp("patched")
    form = FORMATS[data.draw(st.sampled_from(sorted(FORMATS)))]
    few = st.sampled_from([b"a", b"b", b"a/b", b"\1", b"b" * 300, b"\x81\xa4"])
    files = clear(
        data.draw(
            st.lists(
                st.builds(
                    FileRead, few, st.builds(Node, st.just(NodeKind.FILE), oids(form)), stats()
                )
            )
        )
    )
    again = [
        FileRead(f.path, f.node, data.draw(stats())) for f in files if data.draw(st.booleans())
    ]
    caches = [StatCache(folder / name, form, folder) for name in ("patched", "merged")]
    for cache, size in zip(caches, (0, 1 << 40), strict=True):
        cache.update(recording(cache, files))
        os.utime(cache.path, (1 << 32, 1 << 32))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stat_cache, "PATCH_SIZE", size)
            cache.update(recording(cache, again))
    patched, merged = (cache.path.read_bytes() for cache in caches)
    assert patched == merged
    assert int(os.stat(caches[0].path).st_mtime) == 1 << 32


@st.composite
def worktrees(draw: st.DrawFn) -> dict[bytes, tuple[NodeKind, bytes]]:
    """Draw files and links by name, with names short enough for a file system."""
    names = st.text(
        st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
    )
    encoded = names.map(str.encode).filter(
        lambda n: n not in (b".", b"..") and not n.lower().startswith(b".git")
    )
    kinds = st.sampled_from([NodeKind.FILE, NodeKind.EXECUTABLE, NodeKind.LINK])
    content = st.binary(min_size=1, max_size=30).filter(lambda raw: b"\0" not in raw)
    return draw(st.dictionaries(encoded, st.tuples(kinds, content), min_size=1, max_size=5))


def place(folder: Path, name: bytes, kind: NodeKind, content: bytes) -> None:
    full = os.path.join(os.fsencode(folder), name)
    if kind is NodeKind.LINK:
        os.symlink(content, full)
    else:
        with open(full, "wb") as file:
            file.write(content)
        os.chmod(full, 0o755 if kind is NodeKind.EXECUTABLE else 0o644)


@fewer
@given(data=st.data())
def test_git_sees_nothing_changed_and_then_just_what_was(
    repo: tuple[Shell, ObjectFormat], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    shell, form = repo
    top = tmp_path_factory.mktemp("tree")
    folder = top / "data"
    folder.mkdir()
    files = data.draw(worktrees())
    cache = StatCache(top / "cache", form, top)
    edit = cache.edit()
    for name, (kind, content) in files.items():
        place(folder, name, kind, content)
        # As after a capture: git reads the object of a link to compare it.
        shell.git("hash-object", "-w", "--stdin", stdin=content)
        path = b"data/" + name
        info = os.lstat(os.path.join(os.fsencode(top), path))
        assert stat.S_ISLNK(info.st_mode) == (kind is NodeKind.LINK)
        edit.place(FileRead(path, Node(kind, form.hash("blob", content)), info))
    cache.update(edit)
    git = Git(shell.env, Path(shell.cwd), top)
    assert not cache.differences(git, ["data"])
    changed = data.draw(st.sampled_from(sorted(files)))
    full = os.path.join(os.fsencode(folder), changed)
    os.unlink(full)
    assert cache.differences(git, ["data"]).missing == (b"data/" + changed,)
    kind, content = files[changed]
    place(folder, changed, kind, content + b"x")
    found = cache.differences(git, ["data"])
    assert (found.changed, found.missing, found.added, found.folders) == (
        (b"data/" + changed,),
        (),
        (),
        (),
    )


def oid_of(form: ObjectFormat) -> Oid:
    return form.hash("blob", b"")


def test_new_files_and_folders_are_distinguished(
    repo: tuple[Shell, ObjectFormat], tmp_path: Path
) -> None:
    shell, form = repo
    cache = StatCache(tmp_path / "cache", form, tmp_path)
    (tmp_path / "data" / "empty").mkdir(parents=True)
    (tmp_path / "data" / "full").mkdir()
    (tmp_path / "data" / "full" / "inner").write_text("x")
    (tmp_path / "data" / "old").write_text("")
    (tmp_path / "data" / "new").write_text("x")
    info = os.lstat(tmp_path / "data" / "old")
    cache.update(recording(cache, [FileRead(b"data/old", Node(NodeKind.FILE, oid_of(form)), info)]))
    found = cache.differences(Git(shell.env, Path(shell.cwd), tmp_path), ["data"])
    assert found.added == (b"data/new",)
    assert set(found.folders) == {b"data/empty", b"data/full"}


def test_cache_without_payloads_starts_no_git(tmp_path: Path) -> None:
    assert not StatCache(tmp_path / "cache", SHA1, tmp_path).differences(
        Git({}, tmp_path / "nowhere"), []
    )


WRONG: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("nothing", lambda _: b""),
    ("another file", lambda _: b"{}"),
    ("another version", lambda raw: raw[:7] + b"\4" + raw[8:]),
    ("cut off in the head", lambda raw: raw[:10]),
    ("cut off in an entry", lambda raw: raw[:100]),
    ("more entries than there are", lambda raw: raw[:8] + b"\0\0\0\xff" + raw[12:]),
]


@pytest.mark.parametrize("spoil", [pytest.param(spoil, id=what) for what, spoil in WRONG])
def test_damaged_cache_is_reported_in_one_line(
    tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    cache = StatCache(tmp_path / "cache", SHA1, tmp_path)
    (tmp_path / "file").write_text("")
    info = os.lstat(tmp_path / "file")
    for name in (b"a", b"b"):
        cache.update(recording(cache, [FileRead(name, Node(NodeKind.FILE, oid_of(SHA1)), info)]))
    cache.path.write_bytes(spoil(cache.path.read_bytes()))
    with pytest.raises(Damaged) as caught:
        list(cache.paths())
    assert len(caught.value.what.splitlines()) == 1
    assert caught.value.hint
