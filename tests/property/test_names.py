"""Test that each real name has one stored form, which git's own checks accept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.object_encoding import BLOB, LINK, TREE, TreeEntry, encode_tree
from git_datmo.git.safe_paths import is_safe
from git_datmo.model import SHA1
from git_datmo.objects import stored_names
from git_datmo.objects.stored_names import escape, unescape
from tests.support.shell import Shell
from tests.support.strategies import bare, raw_names, safe_names, unsafe_names


@given(safe_names)
def test_stored_name_is_read_as_the_real_one(name: bytes) -> None:
    assert unescape(escape(name)) == name


@given(raw_names, raw_names)
def test_different_names_have_different_stored_names(one: bytes, other: bytes) -> None:
    assert (escape(one) == escape(other)) == (one == other)


@given(
    raw_names
    | st.builds(
        lambda n, e: n + e,
        raw_names,
        st.sampled_from([stored_names.ESCAPE, stored_names.ESCAPE * 2]),
    )
)
def test_name_is_in_its_one_form_or_damaged(stored: bytes) -> None:
    try:
        real = unescape(stored)
    except Damaged:
        return
    assert escape(real) == stored
    assert is_safe(real)


@given(st.from_regex(stored_names.ORDINARY))
def test_ordinary_name_is_safe_and_collides_with_nothing(name: bytes) -> None:
    assert is_safe(name)
    assert not stored_names.RESERVED.search(name)


@given(raw_names)
def test_stored_name_is_never_a_marker(name: bytes) -> None:
    assert not escape(name).endswith(
        (stored_names.CHUNKED_FILE, stored_names.CHUNKED_EXECUTABLE, stored_names.PART)
    )


@given(unsafe_names)
def test_unsafe_name_is_damaged_however_it_is_stored(name: bytes) -> None:
    for stored in (name, escape(name), name + stored_names.ESCAPE):
        with pytest.raises(Damaged):
            unescape(stored)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a bare repository that receives as strict hosts do."""
    return bare(tmp_path_factory.mktemp("names"), SHA1)


# Names that git's fsck checks, in spellings that some file system treats as equal.
JUDGED = [
    *(".gitmodules", ".GITMODULES", ".gitmodules ", ".gitmodules.", "gitmod~1", "GITMOD~4"),
    *(".gitattributes", "gitatt~1", ".gitignore", ".mailmap", "mailma~1", "maba30~1", ".MAILMAP "),
    *(".mailm\u200dap", ".datmo-name", "a.datmo-name", "b.datmo-file"),
    *(
        ".g\u200citmodules",
        "gi7eba~1",
        "GI7EBA~9",
        "gi7eb~10",
        "g~100000",
        "~1000000",
        "a\\.gitmodules",
    ),
]
# Git's fsck ends a name at invalid UTF-8, so these are git's own names, even with an escape.
CUT_OFF = [
    *(b".git\xff", b".GIT\xc3", b".g\xe2\x80\x8cit\xffx", b".git\xef\xbf\xbe.txt"),
    *(b".gitmodules\xff", b".gitattributes\x80a", b".mailmap\xf5"),
]
# Spellings that escaping does not cover, as docs/FORMAT.md says: a host that checks strictly
# refuses them.
UNCOVERED = [".gitmodules:x"]
BAD_MODULES = b'[submodule "../x"]\n\turl = -u./evil\n\tpath = a\n'


def is_covered(name: bytes) -> bool:
    """Return whether NTFS keeps the ending of a name, which distinguishes it from one that git
    checks."""
    return b":" not in name


@pytest.mark.parametrize("mode", [BLOB, LINK, TREE], ids=["file", "link", "folder"])
@pytest.mark.parametrize("name", JUDGED)
def test_git_finds_nothing_in_a_stored_name(repo: Shell, name: str, mode: int) -> None:
    """Check a host with `receive.fsckObjects` too, with any content of the file."""
    real = name.encode()
    assert is_safe(real)
    check_strictly(repo, real, mode)


@pytest.mark.parametrize("name", CUT_OFF)
def test_known_name_that_continues_with_invalid_bytes_is_unsafe(name: bytes) -> None:
    assert not is_safe(name)
    with pytest.raises(Damaged):
        unescape(escape(name))


@pytest.mark.parametrize("name", [name for name in CUT_OFF if name.lower().startswith(b".git\xff")])
def test_git_refuses_the_escaped_form_of_such_a_name(repo: Shell, name: bytes) -> None:
    with pytest.raises(AssertionError, match="hasDotgit"):
        check_strictly(repo, name, BLOB)


@pytest.mark.parametrize(
    "name", [b"git\xff", b".gitx\xff", b"a.git\xff", b"\xff.git", "é".encode()]
)
def test_name_with_invalid_bytes_is_safe_for_git(repo: Shell, name: bytes) -> None:
    assert is_safe(name)
    check_strictly(repo, name, BLOB)


@given(safe_names.filter(is_covered), st.sampled_from([BLOB, LINK, TREE]))
def test_git_finds_nothing_in_any_stored_name(repo: Shell, name: bytes, mode: int) -> None:
    check_strictly(repo, name, mode)


@pytest.mark.parametrize("name", UNCOVERED)
def test_spelling_that_escaping_does_not_cover_is_still_read_back(repo: Shell, name: str) -> None:
    assert unescape(escape(name.encode())) == name.encode()
    with pytest.raises(AssertionError, match="gitmodules"):
        check_strictly(repo, name.encode(), LINK)


def check_strictly(repo: Shell, name: bytes, mode: int) -> None:
    kind, content = ("tree", b"") if mode == TREE else ("blob", BAD_MODULES)
    inner = SHA1.hash(kind, content)
    objects = [(kind, content), ("tree", encode_tree([TreeEntry(escape(name), mode, inner)]))]
    done = repo.run("git", "index-pack", "--stdin", "--strict", ok=False, stdin=pack_of(objects))
    assert done.returncode == 0, str(done)


def pack_of(objects: list[tuple[str, bytes]]) -> bytes:
    """Return a pack in memory, as a push of these objects sends it."""
    import hashlib
    import zlib

    kinds = {"commit": 1, "tree": 2, "blob": 3}
    body = b"PACK\0\0\0\2" + len(objects).to_bytes(4, "big")
    for kind, content in objects:
        size, head = len(content), bytearray()
        first = kinds[kind] << 4 | size & 15
        size >>= 4
        while size:
            head.append(first | 0x80)
            first, size = size & 0x7F, size >> 7
        body += bytes([*head, first]) + zlib.compress(content)
    return body + hashlib.sha1(body).digest()


def test_check_sees_a_name_that_git_refuses(repo: Shell) -> None:
    objects = [
        ("blob", BAD_MODULES),
        ("tree", encode_tree([TreeEntry(b".gitmodules", LINK, SHA1.hash("blob", BAD_MODULES))])),
    ]
    done = repo.run("git", "index-pack", "--stdin", "--strict", ok=False, stdin=pack_of(objects))
    assert done.returncode != 0
    assert "gitmodules" in done.stderr
