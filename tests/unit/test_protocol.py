"""Test the remote helper's lines, bytes and URLs against git's own."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import DatmoError
from git_datmo.model import SHA1
from git_remote_datmo.native import UNDERSTOOD
from git_remote_datmo.protocol import Command, parse, unquote
from git_remote_datmo.push_refusals import (
    Push,
    errors,
    is_shared_ref,
    listed_refs,
    parse_push_line,
    refusals,
)
from git_remote_datmo.urls import SCHEMES, kind_of
from git_remote_datmo.wire import STEP, LineReader, pump, write_all
from tests.support.shell import Shell
from tests.support.strategies import bare

# Lines.


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"", "", ""),
        (b"capabilities", "capabilities", ""),
        (b"list for-push", "list", "for-push"),
        (b"connect git-upload-pack", "connect", "git-upload-pack"),
        (b"push +refs/heads/a:refs/heads/b", "push", "+refs/heads/a:refs/heads/b"),
        (b"\xff\xfe x", "\udcff\udcfe", "x"),
    ],
)
def test_line_of_git_is_parsed_as_command(line: bytes, verb: str, argument: str) -> None:
    assert parse(line) == Command(line, verb, argument)


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        (b"option verbosity 1", "verbosity", "1"),
        (b'option push-option "a b\\n\\303\\244"', "push-option", "a b\n\u00e4"),
        (b"option cas refs/heads/main:", "cas", "refs/heads/main:"),
        (b"option empty", "empty", ""),
    ],
)
def test_option_line_has_a_name_and_a_value(line: bytes, name: str, value: str) -> None:
    assert parse(line).option == (name, value)


@given(st.binary().filter(lambda line: b"\n" not in line))
def test_arbitrary_line_is_parsed_as_command(line: bytes) -> None:
    assert parse(line).line == line


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return bare(tmp_path_factory.mktemp("quoting"), SHA1)


@given(
    st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
    | st.just('\\303\t"')
)
def test_value_quoted_by_git_is_unquoted(repo: Shell, name: str) -> None:
    """Unquote names from git's listings, which are quoted like values for a helper."""
    if name in (".", ".."):
        return
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"")
    tree = repo.git("mktree", "-z", stdin=f"100644 blob {blob}\t{name}\0".encode())
    printed = repo.run("git", "ls-tree", "--name-only", tree).stdout.removesuffix("\n")
    assert unquote(printed) == name or (printed == name and name[0] == name[-1] == '"')


@pytest.mark.parametrize("value", ["", '"', "a", 'a"', '"a', "a b", "\\n", "'a'"])
def test_value_without_quotes_is_unchanged(value: str) -> None:
    assert unquote(value) == value


def test_options_that_helper_handles_are_accepted() -> None:
    assert {"family", "progress", "servpath", "verbosity"} <= UNDERSTOOD


# Pushes.


@pytest.mark.parametrize(
    ("ref", "ours"),
    [
        ("refs/notes/datmo", True),
        ("refs/notes/datmo/x", True),
        ("refs/datmo/records", True),
        ("refs/datmo/keep/1", True),
        ("refs/notes/datmos", False),
        ("refs/notes/commits", False),
        ("refs/datmos/x", False),
        ("refs/heads/refs/datmo/x", False),
        ("refs/heads/datmo", False),
    ],
)
def test_refs_that_git_datmo_alone_moves_are_known(ref: str, ours: bool) -> None:
    assert is_shared_ref(ref) == ours


THERE = {
    "refs/heads/a": "1" * 40,
    "refs/notes/datmo": "2" * 40,
    "refs/datmo/keep/1": "3" * 40,
    "refs/notes/datmos": "4",
}


def test_push_that_would_lose_what_others_shared_is_refused_whole() -> None:
    lines = [
        b"push refs/heads/a:refs/heads/a",
        b"push :refs/notes/datmo",
        b"push +x:refs/datmo/keep/1",
    ]
    refused = refusals([parse_push_line(line) for line in lines], THERE)
    assert list(refused) == ["refs/heads/a", "refs/notes/datmo", "refs/datmo/keep/1"]
    assert refused["refs/heads/a"] == "not pushed"
    assert "mirror" in refused["refs/notes/datmo"]
    answer = errors(refused)
    assert answer.startswith(
        b"error refs/heads/a not pushed\nerror refs/notes/datmo git-datmo shares"
    )
    assert answer.endswith(b"\n\n")


@pytest.mark.parametrize(
    "line",
    [
        b"push refs/heads/a:refs/heads/a",
        b"push +refs/heads/a:refs/heads/a",
        b"push :refs/heads/a",
        b"push refs/notes/datmo:refs/notes/datmo",
        b"push :refs/notes/datmos",
        # A mirror of git-datmo's refs may be made on a remote without any.
        b"push +refs/datmo/records:refs/datmo/records",
    ],
)
def test_ordinary_push_is_left_to_git(line: bytes) -> None:
    assert refusals([parse_push_line(line)], THERE) == {}


def test_target_of_a_push_is_behind_its_last_colon() -> None:
    assert parse_push_line(b"push +HEAD^{/a:b}:refs/heads/\xff") == Push(
        "refs/heads/\udcff", loses=True, source="HEAD^{/a:b}"
    )


def test_list_of_refs_is_read_without_what_is_no_ref() -> None:
    listing = b":object-format sha1\n@refs/heads/a HEAD\n%s refs/heads/a\n\n" % (b"1" * 40)
    assert listed_refs(listing) == {"refs/heads/a": "1" * 40}


# Bytes.


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    with open(reading, "rb", closefd=False), open(writing, "wb", closefd=False):
        yield reading, writing
    for descriptor in (reading, writing):
        try:
            os.close(descriptor)
        except OSError:
            continue


@given(st.lists(st.binary(max_size=20), max_size=6), st.integers(0, 6))
def test_lines_and_what_is_behind_them_come_in_any_pieces(pieces: list[bytes], count: int) -> None:
    content = b"".join(pieces)
    expected = content.split(b"\n")
    with pipe() as (reading, writing):
        reader = LineReader(reading)
        for piece in pieces:
            os.write(writing, piece)
        os.close(writing)
        read = [reader.line() for _ in range(count)]
        complete = expected[:-1]
        assert read == [*complete[:count], *([None] * (count - len(complete)))]
        left = reader.rest() + os.read(reading, 1 << 16)
        assert left == b"\n".join(expected[min(count, len(complete)) :])
        assert reader.rest() == b""


def test_block_ends_at_empty_line_and_truncated_block_is_none() -> None:
    with pipe() as (reading, writing):
        reader = LineReader(reading)
        os.write(writing, b"a\nb\n\nraw")
        assert reader.until_empty() == [b"a", b"b"]
        assert reader.rest() == b"raw"
        os.write(writing, b"\nc\n")
        assert reader.until_empty() == []
        os.close(writing)
        assert reader.until_empty() is None


def test_input_larger_than_a_pipe_is_pumped_through() -> None:
    content = bytes(range(256)) * (20 * STEP // 256)
    got = bytearray()
    with pipe() as (reading, writing):
        thread = threading.Thread(
            target=pump, args=(lambda size: os.read(reading, size), got.extend)
        )
        thread.start()
        write_all(writing, content)
        os.close(writing)
        thread.join()
    assert bytes(got) == content


# URLs.


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("/srv/git/x.git", "path"),
        ("../x", "path"),
        ("./a:b", "path"),
        ("/a:b", "path"),
        ("x", "path"),
        ("file:///srv/x", "file"),
        ("ssh://alex@host:22/x", "ssh"),
        ("host:x", "ssh"),
        ("alex@host:team/x", "ssh"),
        ("[::1]:x", "ssh"),
        ("git://host/x", "git"),
        ("http://host/x", "http"),
        ("https://host/x?y=ext::z", "https"),
    ],
)
def test_url_is_shown_as_by_git(url: str, kind: str) -> None:
    assert kind_of(url) == kind


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-oProxyCommand=touch x",
        "--upload-pack=touch x",
        "ext::sh -c touch% x",
        "EXT::sh",
        "fd::3",
        "datmo::datmo::/x",
        "datmo::/x",
        "transport::address",
        "ftp://host/x",
        "ext://host/x",
        "HTTPS://host/x",
        "git+ssh://host/x",
        "a.b-c+d::x",
    ],
)
def test_url_that_could_run_a_command_is_refused(url: str) -> None:
    with pytest.raises(DatmoError) as caught:
        kind_of(url)
    assert len(caught.value.what.splitlines()) == 1


@given(st.text())
def test_url_of_any_text_is_classified_or_refused(url: str) -> None:
    try:
        kind = kind_of(url)
    except DatmoError:
        return
    assert kind in {"path", "ssh", *SCHEMES.values()}
    assert not url.startswith("-")


def test_scheme_that_is_refused_runs_nothing(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    done = repo.run("git", "clone", "datmo::ext::sh -c touch% evil", "copy", ok=False)
    assert done.returncode != 0
    assert "transport 'ext' is not allowed behind datmo::" in done.stderr
    assert not (repo.cwd / "evil").exists()
