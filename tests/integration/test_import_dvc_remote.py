"""Import data of DVC that are missing from its cache, from its remote."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.dvc_files import (
    cached,
    content_path,
    point,
    put_content,
    put_folder,
    set_remote,
)
from tests.support.servers.file_host import serve_files
from tests.support.servers.silent import serve_mute
from tests.support.servers.stores import BUCKET, serve_s3, serve_sftp
from tests.support.shell import Shell


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """Return the folder of a remote."""
    folder = tmp_path / "remote"
    folder.mkdir()
    return folder


@pytest.fixture
def dvc(repo: Shell, remote: Path) -> Shell:
    """Return a repository with two commits of data that only the remote has: a file, and a
    folder."""
    repo.write(".git/info/exclude", "/.dvc/cache\n/.dvc/config.local\n")
    point(repo, "data/faces.bin", put_content(remote, b"first"), size=5)
    files = {"a.png": b"a", "sub/b.png": b"bb"}
    point(repo, "data/images", put_folder(remote, files), size=3)
    return repo


def import_dvc(repo: Shell) -> str:
    """Import DVC's data; return the output. No scratch files stay, and the cache is unchanged."""
    cache = repo.cwd / ".dvc/cache"
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*")}
    said = datmo(repo, "import", "dvc").stderr
    assert {path: path.stat().st_mtime_ns for path in cache.rglob("*")} == before
    assert list((repo.cwd / ".git/datmo").glob("git-datmo-*")) == []
    return said


def check_data(repo: Shell) -> None:
    """Check the data of the newest commit in the working tree."""
    datmo(repo, "checkout")
    assert (repo.cwd / "data/faces.bin").read_bytes() == b"first"
    assert (repo.cwd / "data/images/sub/b.png").read_bytes() == b"bb"


def test_data_in_remote_folder_of_relative_path_are_imported(dvc: Shell, remote: Path) -> None:
    relative = Path("../..") / remote.relative_to(dvc.cwd.parent)
    dvc.write(".dvc/config", f"['remote \"only\"']\n    url = {relative}\n")
    assert "2 experiments imported" in import_dvc(dvc)
    check_data(dvc)


def test_data_on_web_server_are_imported_with_the_password(dvc: Shell, remote: Path) -> None:
    with serve_files(remote) as host:
        host.password = "geheim"
        address = host.url.replace("http://", "http://alex:falsch@")
        set_remote(dvc, address)
        said = import_dvc(dvc)
        assert f"does not give it: '{host.url}' answers '401 Unauthorized'" in said
        assert "falsch" not in said
        assert experiments(dvc) == []
        set_remote(dvc, host.url, user="alex", password="geheim")
        said = import_dvc(dvc)
        assert "2 experiments imported" in said
        assert "geheim" not in said
    check_data(dvc)


def test_data_on_ssh_server_are_imported_by_sshfs(
    dvc: Shell, remote: Path, tmp_path: Path, sealed: dict[str, str]
) -> None:
    # DVC 2 pushed this content.
    md5 = put_content(remote, b"first")
    (remote / md5[:2]).mkdir()
    content_path(remote, md5).rename(remote / md5[:2] / md5[2:])
    with serve_sftp(tmp_path / "served", sealed) as host:
        address = host.url.replace("sftp://", "ssh://").removesuffix(str(host.folder))
        set_remote(dvc, f"{address}{remote}")
        assert "2 experiments imported" in import_dvc(dvc)
    check_data(dvc)


def test_data_in_bucket_are_imported_with_keys_of_the_settings(
    repo: Shell, tmp_path: Path, sealed: dict[str, str]
) -> None:
    import boto3

    md5 = put_content(tmp_path / "upload", b"bucket")
    point(repo, "data/faces.bin", md5, size=6)
    with serve_s3(sealed) as host:
        endpoint = host.environ["AWS_ENDPOINT_URL"]
        keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
        boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).upload_file(
            str(content_path(tmp_path / "upload", md5)),
            BUCKET,
            f"dvc/files/md5/{md5[:2]}/{md5[2:]}",
        )
        options = {"access_key_id": "key", "secret_access_key": "secret", "region": "us-east-1"}
        set_remote(repo, f"s3://{BUCKET}/dvc", endpointurl=endpoint, **options)
        assert "1 experiment imported" in import_dvc(repo)


def test_text_that_earlier_dvc_hashed_without_returns_is_imported(
    repo: Shell, remote: Path
) -> None:
    md5 = hashlib.md5(b"one\ntwo\n", usedforsecurity=False).hexdigest()
    (remote / md5[:2]).mkdir()
    (remote / md5[:2] / md5[2:]).write_bytes(b"one\r\ntwo\r\n")
    point(repo, "data/labels.csv", md5, size=10)
    set_remote(repo, remote)
    assert "1 experiment imported" in import_dvc(repo)
    datmo(repo, "checkout")
    assert (repo.cwd / "data/labels.csv").read_bytes() == b"one\r\ntwo\r\n"


def test_content_that_the_remote_lacks_is_named_and_its_commit_left_out(
    dvc: Shell, remote: Path
) -> None:
    md5 = put_content(remote, b"bb")
    content_path(remote, md5).unlink()
    set_remote(dvc, remote)
    said = import_dvc(dvc)
    assert "1 experiment imported" in said
    assert (
        f"whose data 'data/images' are missing: {md5} is not in DVC's cache, and its remote"
        " 'storage' does not have it; push it there with DVC from a clone that has it, then import"
        " again" in said
    )
    put_content(remote, b"bb")
    assert "1 experiment imported, 1 known before" in import_dvc(dvc)
    check_data(dvc)


def test_content_that_is_damaged_in_the_remote_is_named_and_not_stored(
    dvc: Shell, remote: Path
) -> None:
    md5 = put_content(remote, b"first")
    content_path(remote, md5).write_bytes(b"fIrst")
    set_remote(dvc, remote)
    said = import_dvc(dvc)
    assert (
        f"{md5} is not in DVC's cache, and in its remote 'storage' its content has another" in said
    )
    assert "0 experiments imported" in said


def test_content_that_is_damaged_in_the_cache_comes_from_the_remote(
    dvc: Shell, remote: Path
) -> None:
    md5 = cached(dvc, b"first")
    content_path(dvc.cwd / ".dvc/cache", md5).write_bytes(b"fIrst")
    assert f"{md5} is damaged in DVC's cache; name its remote" in import_dvc(dvc)
    set_remote(dvc, remote)
    assert "2 experiments imported" in import_dvc(dvc)
    check_data(dvc)


def test_download_ends_at_the_size_that_dvc_says(dvc: Shell, remote: Path) -> None:
    md5 = put_content(remote, b"first")
    with serve_files(remote) as host:
        host.endless = md5[2:]
        set_remote(dvc, host.url)
        said = import_dvc(dvc)
    assert f"{md5} is not in DVC's cache, and in its remote 'storage' it has more than" in said
    assert "the 5 bytes that DVC says" in said


def test_download_that_breaks_off_is_repeated(dvc: Shell, remote: Path) -> None:
    md5 = put_content(remote, b"first")
    with serve_files(remote) as host:
        host.cut = md5[2:]
        set_remote(dvc, host.url)
        assert "2 experiments imported" in import_dvc(dvc)
        assert [path[-30:] for path in host.asked].count(md5[2:]) == 2
    check_data(dvc)


def test_remote_that_is_gone_is_named_without_its_password(dvc: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    set_remote(dvc, f"http://alex:geheim@127.0.0.1:{port}/store?key=geheim")
    said = import_dvc(dvc)
    gone = f"cannot be read: 'http://127.0.0.1:{port}/store': Connection refused"
    assert f"and its remote 'storage' {gone}" in said
    assert "geheim" not in said
    assert "0 experiments imported" in said


def test_remote_folder_that_is_gone_is_named(dvc: Shell, tmp_path: Path) -> None:
    set_remote(dvc, tmp_path / "unmounted")
    said = import_dvc(dvc)
    assert f"cannot be read: there is no folder '{tmp_path / 'unmounted'}'; mount it" in said


def test_silent_remote_ends_the_wait_for_all_contents(dvc: Shell) -> None:
    dvc.git("config", "datmo.timeout", "1")
    with serve_mute() as port:
        set_remote(dvc, f"http://127.0.0.1:{port}")
        said = import_dvc(dvc)
    assert f"'http://127.0.0.1:{port}' was silent for 1 second, twice" in said
    assert "0 experiments imported" in said


def test_import_without_a_store_is_refused_before_the_remote_is_asked(
    shell: Callable[..., Shell], remote: Path
) -> None:
    fresh = shell("fresh")
    fresh.git("init", "-q")
    point(fresh, "data/faces.bin", put_content(remote, b"first"), size=5)
    with serve_files(remote) as host:
        set_remote(fresh, host.url)
        said = datmo(fresh, "import", "dvc", code=128).stderr
        assert host.asked == []
    assert "make it with 'git datmo init'" in said


def test_missing_library_of_remote_is_named_with_its_extra(dvc: Shell, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/sshfs.py").write_text("raise ImportError('there is no sshfs')\n")
    set_remote(dvc, "ssh://alex:geheim@example.org/store")
    said = import_dvc(dvc.having(PYTHONPATH=str(tmp_path / "without")))
    assert "'ssh://alex@example.org/store' needs a library that is not installed" in said
    assert "pip install 'git-datmo[sftp]'" in said
    assert "geheim" not in said


def test_content_of_another_size_than_dvc_says_is_named(repo: Shell, remote: Path) -> None:
    md5 = put_content(remote, b"first")
    point(repo, "data/faces.bin", md5, size=7)
    set_remote(repo, remote)
    assert f"{md5} has 5 bytes, and DVC says 7" in import_dvc(repo)
    assert experiments(repo) == []
