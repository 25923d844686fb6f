"""Test that manifests which no git-datmo writes are refused."""

from __future__ import annotations

import json

import pytest

from git_datmo.environments.manifest_reader import read_environment
from git_datmo.environments.probed_environment import make_environment
from git_datmo.environments.project_files import project_environment
from git_datmo.errors import Damaged, DatmoError
from tests.support.manifests import JULIA, REPOSITORY, asked, probe_of


def strangers() -> list[tuple[str, object]]:
    return [
        ("version", 3),
        ("packages", {}),
        ("packages", [{"name": "../x", "version": "1", "source": "index"}]),
        ("packages", [{"name": "x", "version": "1\n--index-url http://evil", "source": "index"}]),
        ("packages", [{"name": "x", "version": "1", "source": "https://host/x\n-r /etc/passwd"}]),
        ("packages", [{"name": "x", "version": "1", "source": "../x"}]),
        ("packages", [{"name": "x", "version": "1", "source": "index"}]),  # not in the lock
        ("local", [{"name": "x", "path": "../../etc"}]),
        ("local", [{"name": "x", "path": "/etc"}]),
        ("base_image", "x\nRUN evil"),
        ("python", {"implementation": "cpython", "version": "3.11.7; evil"}),
        ("variables", {"A B": "x"}),
        ("variables", {"A": "x\ny"}),
        ("dockerfile", "mine"),
        ("dockerfile", None),
    ]


@pytest.mark.parametrize(("key", "value"), strangers())
def test_invalid_manifest_is_refused(key: str, value: object) -> None:
    files = dict(make_environment(probe_of(), repository=REPOSITORY).files)
    document = {**json.loads(files["environment.json"]), key: value}
    with pytest.raises(Damaged):
        read_environment({**files, "environment.json": json.dumps(document).encode()})


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null", b'{"version": 1}']
)
def test_invalid_manifest_bytes_are_refused(raw: bytes) -> None:
    files = make_environment(probe_of(), repository=REPOSITORY).files
    with pytest.raises(Damaged):
        read_environment({**files, "environment.json": raw})


@pytest.mark.parametrize(
    "line", [b"-e ../x\n", b"--index-url http://evil/\n", b"numpy\n", b"\xff\n"]
)
def test_lock_that_contradicts_manifest_is_refused(line: bytes) -> None:
    files = make_environment(probe_of(), repository=REPOSITORY).files
    with pytest.raises(Damaged, match=r"requirements\.txt"):
        read_environment({**files, "requirements.txt": line})


@pytest.mark.parametrize("name", ["environment.json", "requirements.txt", "Dockerfile"])
def test_missing_file_of_environment_is_named(name: str) -> None:
    files = dict(make_environment(probe_of(), repository=REPOSITORY).files)
    del files[name]
    with pytest.raises(Damaged, match=name):
        read_environment(files)


def second(**changed: object) -> dict[str, bytes]:
    """Return the files of an environment of version 2 with a foreign change."""
    made = make_environment(
        probe_of(asked("numpy", version="2.1.0")), repository=REPOSITORY, system=["libgomp1"]
    )
    document = json.loads(made.files["environment.json"])
    return {**made.files, "environment.json": json.dumps({**document, **changed}).encode()}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("system", ["x; evil"]),
        ("system", ["-o evil"]),
        ("system", "libgomp1"),
        ("indexes", ["https://host/x --trusted-host host"]),
        ("indexes", ["file:///etc"]),
        ("local", [{"name": "x", "path": None, "file": "../x.whl"}]),
        ("local", [{"name": "x", "path": None, "file": "x.whl --evil"}]),
        ("packages", [{"name": "numpy", "version": "2.1.0", "source": "index", "hashes": ["x"]}]),
        ("packages", [{"name": "numpy", "version": "2.1.0", "source": "index"}]),
        ("interpreter", None),
    ],
)
def test_invalid_manifest_of_version_2_is_refused(key: str, value: object) -> None:
    assert read_environment(second()).system == ("libgomp1",)
    with pytest.raises(Damaged):
        read_environment(second(**{key: value}))


@pytest.mark.parametrize(
    ("language", "files", "why"),
    [
        ("r", {"renv.lock": b"{"}, "no lock of renv"),
        ("r", {"renv.lock": b'{"R": {"Version": "4 RUN"}}'}, "no released version"),
        ("julia", {"Project.toml": b"", "Manifest.toml": b"x"}, "no manifest"),
        ("julia", {"Project.toml": b"", "Manifest.toml": b"[[deps]]"}, "which Julia"),
        (
            "julia",
            {"Project.toml": b"", "Manifest.toml": JULIA + b'[[deps.Near]]\npath = "../near"\n'},
            "'Near'",
        ),
    ],
)
def test_incomplete_lock_is_refused(language: str, files: dict[str, bytes], why: str) -> None:
    with pytest.raises(DatmoError, match=why):
        project_environment(language, files, variables={})
