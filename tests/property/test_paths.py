"""Test that git refuses no name that git-datmo writes, for every way in which file systems compare
names."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from git_datmo.errors import Damaged
from git_datmo.git.safe_paths import (
    check_name,
    check_path,
    is_known_name_cut_off,
    is_safe,
    show,
)
from git_datmo.model import SHA1
from tests.support.shell import Shell
from tests.support.strategies import bare, raw_names, safe_names, unsafe_names


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return bare(
        tmp_path_factory.mktemp("paths"), SHA1, "core.protectHFS=true", "core.protectNTFS=true"
    )


def git_takes(repo: Shell, path: bytes) -> bool:
    """Return whether git accepts this path in an index, as `verify_path` decides."""
    line = b"100644 " + str(SHA1.hash("blob", b"")).encode() + b"\t" + path + b"\0"
    done = repo.run("git", "update-index", "-z", "--index-info", ok=False, stdin=line)
    return done.returncode == 0 and "Ignoring path" not in done.stderr


@given(
    (raw_names | unsafe_names).filter(lambda name: name and b"/" not in name and b"\0" not in name)
)
@example(b".git\xe2\x80\x8c")
@example(b".git\xff")
@example(b".g\xe2\x80\x8cit\xef\xbf\xbfx")
@example(b".g\xe2\x80\x8cit\xef\xbb\xbf")
@example(b"git~1 . .")
@example(b".git\\x")
@example(b"x\\.git:y")
@example(b".git::$INDEX_ALLOCATION")
def test_name_is_safe_where_git_takes_it(repo: Shell, name: bytes) -> None:
    taken = git_takes(repo, name)
    assert taken or not is_safe(name)
    # A backslash separates on Windows alone, where git takes less than here.
    is_judged_by_fsck_alone = b"\\" in name or is_known_name_cut_off(name)
    assert is_safe(name) or not taken or is_judged_by_fsck_alone


@pytest.mark.parametrize(
    "path", ["a", "a/b", "..a", "a..", "...", ".gitx", "git", "git~2", ".git_", "\u00e4/\U0001f600"]
)
def test_plain_path_is_taken(repo: Shell, path: str) -> None:
    check_path(path)
    assert git_takes(repo, path.encode())


@pytest.mark.parametrize(
    "path",
    ["", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a/.git/b", "\0", "\ud800"],
)
def test_path_that_leads_elsewhere_is_damaged(path: str) -> None:
    with pytest.raises(Damaged):
        check_path(path)


@given(st.lists(safe_names, min_size=1, max_size=4), st.data())
def test_path_is_safe_when_each_name_is(names: list[bytes], data: st.DataObject) -> None:
    try:
        path = b"/".join(names).decode()
    except UnicodeDecodeError:
        return
    check_path(path)
    place = data.draw(st.integers(0, len(names)))
    broken = [
        *names[:place],
        data.draw(st.sampled_from([b"", b".", b"..", b".git"])),
        *names[place:],
    ]
    with pytest.raises(Damaged):
        check_path(b"/".join(broken).decode())


@given(unsafe_names | st.binary())
def test_name_is_shown_in_one_line_that_a_terminal_does_not_obey(name: bytes) -> None:
    assert show(name).isascii()
    assert show(name).isprintable()
    if not is_safe(name):
        with pytest.raises(Damaged, match="unsafe name") as caught:
            check_name(name)
        assert caught.value.what.isprintable()
