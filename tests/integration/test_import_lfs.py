"""Import the files that commits have in Git LFS."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.pair import Pair
from tests.support.servers.stores import serve_lfs
from tests.support.shell import Shell


def pointed(repo: Shell, path: str, content: bytes) -> str:
    """Commit a pointer to a content that is in `.git/lfs`; return its hash."""
    sha256 = hashlib.sha256(content).hexdigest()
    repo.write(f".git/lfs/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}", content)
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n"
    repo.commit(path, text)
    return sha256


@pytest.fixture
def lfs(repo: Shell) -> Shell:
    """Return a repository with three commits, of which two change files in Git LFS."""
    pointed(repo, "big.bin", b"first")
    repo.commit("code.py", "1\n")
    pointed(repo, "sub/more.bin", b"more")
    return repo


def test_each_commit_that_changes_files_has_an_experiment_with_them(lfs: Shell) -> None:
    head = lfs.git("rev-parse", "HEAD")
    assert "2 experiments imported, 0 known before" in datmo(lfs, "import", "lfs").stderr
    newest, oldest = experiments(lfs)
    assert [newest["commit"], oldest["commit"]] == [head, lfs.git("rev-parse", "HEAD~2")]
    paths = {payload["path"]: payload["size"] for payload in newest["payloads"]}
    assert paths == {"big.bin": 5, "sub/more.bin": 4}
    assert newest["side"] is True
    assert lfs.git("status", "--porcelain") == ""


def test_second_import_adds_nothing(lfs: Shell) -> None:
    datmo(lfs, "import", "lfs")
    refs = lfs.git("for-each-ref")
    assert "0 experiments imported, 2 known before" in datmo(lfs, "import", "lfs").stderr
    assert lfs.git("for-each-ref") == refs


def test_commit_with_a_missing_file_is_named_and_can_come_later(lfs: Shell) -> None:
    sha256 = hashlib.sha256(b"more").hexdigest()
    path = f".git/lfs/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}"
    (lfs.cwd / path).unlink()
    said = datmo(lfs, "import", "lfs").stderr
    assert "whose file 'sub/more.bin' is missing" in said
    assert "set a remote with an LFS server, then import again" in said
    assert "1 experiment imported" in said
    lfs.write(path, b"more")
    assert "1 experiment imported, 1 known before" in datmo(lfs, "import", "lfs").stderr


def test_imported_file_is_got_from_the_remote(pair: Pair) -> None:
    alex = pair.alex
    pointed(alex, "big.bin", b"large content")
    datmo(alex, "import", "lfs")
    alex.git("push", "-q", "origin", "main")
    identity = experiments(alex)[0]["id"]
    outside = pair.top.at("outside")
    outside.cwd.mkdir()
    datmo(outside, "get", f"{pair.hub.cwd}@{identity[:12]}", "big.bin")
    assert (outside.cwd / "big.bin").read_bytes() == b"large content"


def test_missing_files_are_fetched_from_the_lfs_server(
    pair: Pair, tmp_path: Path, sealed: dict[str, str]
) -> None:
    alex = pair.alex
    with serve_lfs(tmp_path / "server", sealed) as host:
        url = host.url.removeprefix("lfs+")
        alex.git("config", "lfs.url", url)
        alex.git("lfs", "install", "--local", "--skip-repo")
        alex.git("lfs", "track", "*.bin")
        for content in (b"first", b"second"):
            alex.commit("big.bin", content.decode())
        alex.git("push", "-q", "origin", "main")
        alex.git("lfs", "push", "--all", "origin")
        other = pair.clone()
        other.git("config", "lfs.url", url)
        other.git("config", "lfs.fetchexclude", "*")
        shutil.rmtree(other.cwd / ".git/lfs", ignore_errors=True)
        said = datmo(other, "import", "lfs").stderr
        assert "2 experiments imported, 0 known before" in said
    newest, oldest = experiments(other)
    for record, content in ((newest, b"second"), (oldest, b"first")):
        (payload,) = record["payloads"]
        assert (payload["path"], payload["size"]) == ("big.bin", len(content))


def test_server_that_is_gone_is_named_with_what_to_do(pair: Pair) -> None:
    alex = pair.alex
    sha256 = pointed(alex, "big.bin", b"first")
    (alex.cwd / f".git/lfs/objects/{sha256[:2]}/{sha256[2:4]}/{sha256}").unlink()
    alex.git("config", "lfs.url", "http://127.0.0.1:9/none")
    said = datmo(alex, "import", "lfs").stderr
    assert "0 experiments imported" in said
    assert "Git LFS cannot fetch from 'origin'" in said
    assert "make it work, then import again" in said
