"""Run real servers for payload outside of git remotes: S3 (moto), SFTP (sshd), Git LFS (giftless),
and a folder."""

from __future__ import annotations

import getpass
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.servers.counting_proxy import Wire, wire_to
from tests.support.servers.server_process import start_on_free_port
from tests.support.servers.ssh_host import serve_ssh

BUCKET = "team"


@dataclass(frozen=True)
class StoreHost:
    """Hold the value of `datmo.<remote>.store`, the variables of a client, and a counter of
    bytes."""

    kind: str
    url: str
    environ: Mapping[str, str] = field(default_factory=dict)
    wire: Wire | None = None
    folder: Path | None = None


def require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        why = f"no {package} here: install git-datmo[test]"
        if os.environ.get("DATMO_REQUIRE_SERVERS") == "1":
            pytest.fail(why)
        pytest.skip(why)


@contextmanager
def serve_s3(env: Mapping[str, str]) -> Iterator[StoreHost]:
    """Yield an empty bucket. Each server has buckets of its own."""
    require("moto")
    require("s3fs")
    server, port = start_on_free_port(
        lambda port: [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        ready="Running on",
        env=env,
    )
    try:
        with wire_to(port) as wire:
            client = {
                "AWS_ACCESS_KEY_ID": "key",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{wire.port}",
            }
            make_bucket(client["AWS_ENDPOINT_URL"], BUCKET)
            yield StoreHost("s3", f"s3://{BUCKET}/datmo", client, wire)
    finally:
        server.stop()


def make_bucket(endpoint: str, name: str) -> None:
    import boto3

    keys = {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "region_name": "us-east-1",
    }
    boto3.client("s3", endpoint_url=endpoint, **keys).create_bucket(Bucket=name)


@contextmanager
def serve_sftp(folder: Path, env: Mapping[str, str]) -> Iterator[StoreHost]:
    """Yield a folder behind sshd, for a client whose own files name key and host."""
    require("sshfs")
    with serve_ssh(folder / "ssh", env) as ssh, wire_to(ssh.port) as wire:
        own = Path(env["HOME"]) / ".ssh"
        own.mkdir(mode=0o700, exist_ok=True)
        host_key = " ".join((folder / "ssh" / "host.pub").read_text().split()[:2])
        (own / "known_hosts").write_text(f"[127.0.0.1]:{wire.port} {host_key}\n")
        (own / "id_ed25519").write_bytes((folder / "ssh" / "user").read_bytes())
        (own / "id_ed25519").chmod(0o600)
        top = folder / "sftp"
        top.mkdir()
        yield StoreHost(
            "sftp", f"sftp://{getpass.getuser()}@127.0.0.1:{wire.port}{top}", {}, wire, top
        )


LFS_KEY = "a key that only the test's server and its clients know, long enough for HS256"


def lfs_token() -> str:
    """Return the client's password."""
    import jwt

    claims = {"sub": "alex", "scopes": ["obj:team/data/*:read,write"], "exp": 4_000_000_000}
    return jwt.encode(claims, LFS_KEY, algorithm="HS256", headers={"kid": "tests"})


def _transfer(kept: Path, s3: StoreHost | None) -> dict[str, object]:
    """Return where giftless keeps objects: with itself, as whole files, or in S3, to which it
    redirects clients."""
    if s3 is None:
        return {"options": {"storage_options": {"path": str(kept)}}}
    endpoint = {"endpoint": s3.environ["AWS_ENDPOINT_URL"]}
    options = {
        "storage_class": "giftless.storage.amazon_s3:AmazonS3Storage",
        "storage_options": {"bucket_name": BUCKET, **endpoint},
        "action_lifetime": 900,
    }
    return {"factory": "giftless.transfer.basic_external:factory", "options": options}


@contextmanager
def serve_lfs(
    folder: Path, env: Mapping[str, str], s3: StoreHost | None = None
) -> Iterator[StoreHost]:
    """Yield a server that requires credentials, and a client whose credential helper has them."""
    require("giftless")
    kept = folder / "lfs"
    kept.mkdir(parents=True)
    options = {"algorithm": "HS256", "private_key": LFS_KEY, "key_id": "tests"}
    config = {
        "AUTH_PROVIDERS": [{"factory": "giftless.auth.jwt:factory", "options": options}],
        "TRANSFER_ADAPTERS": {"basic": _transfer(kept, s3)},
        "LEGACY_ENDPOINTS": False,
    }
    server, port = start_on_free_port(
        lambda port: [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "giftless.wsgi_entrypoint",
            "run",
            "-p",
            str(port),
        ],
        ready="Running on",
        env={**env, **(s3.environ if s3 else {}), "GIFTLESS_CONFIG_STR": json.dumps(config)},
    )
    try:
        with wire_to(port) as wire:
            helper = Path(env["HOME"]) / "lfs-credentials"
            helper.write_text(f"#!/bin/sh\nprintf 'username=_jwt\\npassword={lfs_token()}\\n'\n")
            helper.chmod(0o755)
            with open(env["GIT_CONFIG_GLOBAL"], "a", encoding="utf-8") as file:
                file.write(f'[credential "http://127.0.0.1:{wire.port}"]\n\thelper = {helper}\n')
            url = f"lfs+http://127.0.0.1:{wire.port}/team/data.git/info/lfs"
            yield StoreHost("lfs", url, {}, s3.wire if s3 else wire, kept)
    finally:
        server.stop()


@contextmanager
def serve_store(kind: str, folder: Path, env: Mapping[str, str]) -> Iterator[StoreHost]:
    """Yield a store of one kind; `folder` holds its files, `env` is the client's sealed
    environment."""
    if kind == "s3":
        with serve_s3(env) as host:
            yield host
    elif kind == "sftp":
        with serve_sftp(folder, env) as host:
            yield host
    elif kind == "lfs":
        with serve_lfs(folder, env) as host:
            yield host
    elif kind == "lfs-on-s3":
        with serve_s3(env) as s3, serve_lfs(folder, env, s3) as host:
            yield host
    else:
        top = folder / "store"
        top.mkdir(parents=True)
        yield StoreHost("folder", str(top), folder=top)
