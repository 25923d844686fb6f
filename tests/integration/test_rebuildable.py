"""Test that a run reports packages that a rerun could not rebuild."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import datmo, experiments
from tests.support.dpkg import write_dpkg
from tests.support.shell import Shell


def install(repo: Shell, name: str, version: str, *, tag: str = "py3-none-any") -> None:
    """Install a package by hand in the environment 'venv'."""
    if not (repo.cwd / "venv").exists():
        repo.run("python", "-m", "venv", "--without-pip", "venv")
    place = (
        next((repo.cwd / "venv" / "lib").glob("python*"))
        / "site-packages"
        / f"{name}-{version}.dist-info"
    )
    place.mkdir()
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (place / "RECORD").write_text(f"{name}/__init__.py,,\n")
    (place / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    (place / "REQUESTED").write_text("")
    (place.parent / name).mkdir()
    (place.parent / name / "__init__.py").write_text("")


def indexes(repo: Shell) -> list[str]:
    """Return the indexes that the newest snapshot's environment names."""
    environment = experiments(repo)[0]["environment"]["object"]
    document = repo.git(
        "--git-dir=.git/datmo/store.git", "cat-file", "blob", f"{environment}:environment.json"
    )
    found: list[str] = json.loads(document).get("indexes", [])
    return found


def test_index_of_a_local_build_is_derived_or_asked_for(repo: Shell) -> None:
    repo.commit("t.py", "pass\n")
    install(repo, "torch", "2.3.1+cpu")
    said = datmo(repo, "run", "--", "venv/bin/python", "t.py").stderr
    assert "usual index" not in said
    assert [url.rpartition("/")[2] for url in indexes(repo)] == ["cpu"]

    install(repo, "ours", "1.0+build7")
    said = datmo(repo, "run", "--", "venv/bin/python", "t.py").stderr
    assert "'ours 1.0+build7' is a build that the usual index does not have" in said
    assert "git config --add datmo.index URL" in said

    configured = repo.having(PIP_EXTRA_INDEX_URL="https://me:pw@index.example/simple")
    assert "usual index" not in datmo(configured, "run", "--", "venv/bin/python", "t.py").stderr
    assert "https://index.example/simple" in indexes(repo)

    repo.git("config", "--add", "datmo.index", "https://named.example/simple")
    assert "usual index" not in datmo(repo, "run", "--", "venv/bin/python", "t.py").stderr
    assert "https://named.example/simple" in indexes(repo)


def test_system_packages_that_a_run_used_are_proposed(repo: Shell, tmp_path: Path) -> None:
    write_dpkg(tmp_path)
    (tmp_path / "make").write_text("#!/bin/sh\n")
    (tmp_path / "make").chmod(0o755)
    here = repo.having(PATH=f"{tmp_path}:{repo.env['PATH']}")
    repo.commit("t.py", "import subprocess; subprocess.run(['make'], check=True)\n")
    said = datmo(here, "run", "--", "python", "t.py").stderr
    assert (
        "the run used 'make', which an image of its environment does not have: add the line 'make' to apt.txt"
        in said
    )
    assert "used 'make'" in datmo(here, "run", "--", "make").stderr
    repo.write("apt.txt", "make\n")
    assert "used 'make'" not in datmo(here, "run", "--", "python", "t.py").stderr
    (repo.cwd / "apt.txt").unlink()
    repo.write("Dockerfile", "FROM scratch\n")
    assert "used 'make'" not in datmo(here, "run", "--", "python", "t.py").stderr


def test_packages_built_from_source_are_reported(repo: Shell) -> None:
    repo.commit("t.py", "pass\n")
    install(repo, "compiled", "1.0", tag="cp311-cp311-linux_x86_64")
    install(repo, "wheel_of_index", "1.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    install(repo, "renamed_for_index", "1.0", tag="py3-none-linux_x86_64")
    said = datmo(repo, "run", "--", "venv/bin/python", "t.py").stderr
    assert "'compiled' was built from source on this machine, and the run did not import it" in said
    assert "wheel-of-index" not in said
    said = datmo(repo, "run", "--", "sh", "-c", "venv/bin/python t.py").stderr
    assert (
        "'compiled' was built from source on this machine, for which an image needs a compiler"
        in said
    )
    repo.write("apt.txt", "build-essential\n")
    assert "compiled" not in datmo(repo, "run", "--", "venv/bin/python", "t.py").stderr
