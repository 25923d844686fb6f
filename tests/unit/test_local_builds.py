"""Test indexes of builds that are not on the usual index, and Debian packages for an image."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.engines.build_context import proxies
from git_datmo.environments.debian_packages import find_packages
from git_datmo.environments.local_build_indexes import (
    TORCH_INDEX,
    configured_indexes,
    requested_indexes,
    usual_index,
)
from tests.support.dpkg import write_dpkg


@pytest.mark.parametrize(
    ("name", "version", "build"),
    [
        ("torch", "2.13.0+cpu", "cpu"),
        ("torchvision", "0.18.1+cu121", "cu121"),
        ("torchaudio", "2.3.1+rocm6.0", "rocm6.0"),
        ("torch", "2.3.1", ""),
        ("torch", "2.3.1+mine", ""),
        ("ours", "1.0+cpu", ""),
    ],
)
def test_builds_of_torch_have_the_index_that_their_version_names(
    name: str, version: str, build: str
) -> None:
    assert usual_index(name, version) == (f"{TORCH_INDEX}/{build}" if build else "")


def test_indexes_of_requirements_are_read_without_passwords() -> None:
    text = b"--extra-index-url https://me:pw@index.example/simple\n-i=https://other.example/x # why\ntorch\n"
    assert list(requested_indexes([text])) == [
        "https://index.example/simple",
        "https://other.example/x",
    ]


def test_indexes_of_pips_variables_and_files_are_found(tmp_path: Path) -> None:
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[global]\nextra-index-url =\n  https://a.example/1\n  https://b.example/2\n"
    )
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pip.conf").write_text("[install]\nindex-url = https://u:p@c.example/3\n")
    variables = {
        "PIP_EXTRA_INDEX_URL": "https://d.example/4",
        "UV_INDEX": "ours=https://e.example/5",
    }
    found = list(configured_indexes({"HOME": str(tmp_path), **variables}, tmp_path / "env"))
    assert found[:2] == ["https://d.example/4", "https://e.example/5"]
    assert {"https://a.example/1", "https://b.example/2", "https://c.example/3"} <= set(found)


def test_packages_of_programs_and_libraries_are_those_that_no_image_has(tmp_path: Path) -> None:
    write_dpkg(tmp_path)
    for name in ("make", "sed", "tool"):
        (tmp_path / name).write_text("")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "libgomp.so.1.0.0").write_text("")
    (tmp_path / "libgomp.so.1").symlink_to("libgomp.so.1.0.0")
    environ = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    libraries = [str(tmp_path / "libgomp.so.1"), "/usr/lib/libz.so.1"]
    assert find_packages(["make", "sed", "tool", "missing"], libraries, environ) == (
        "libgomp1",
        "make",
    )
    assert find_packages(["missing"], [], environ) == ()
    assert find_packages(["make"], [], {"PATH": str(tmp_path / "none")}) == ()


def test_proxies_alone_are_arguments_of_a_build() -> None:
    environ = {
        "https_proxy": "http://p:1",
        "NO_PROXY": "x",
        "HTTP_PROXY": "",
        "PIP_INDEX_URL": "https://u:p@i.example",
    }
    assert proxies(environ) == {"https_proxy": "http://p:1", "NO_PROXY": "x"}
