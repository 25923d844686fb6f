"""Test packages of one machine, repacked for another, with real installs of a wheel."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from git_datmo.environments.package_archive import (
    NotPackable,
    packed_source,
    packed_wheel,
    source_files,
)

FILES = {
    "tool/__init__.py": b"VALUE = 3\n",
    "tool/with, comma.txt": b"x\n",
    "tool-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n",
    "tool-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py2-none-any\nTag: py3-none-any\n",
    "tool-1.0.dist-info/entry_points.txt": b"[console_scripts]\ntool-main = tool:main\n",
    "tool-1.0.data/scripts/tool-script": b"#!python\nimport tool\nprint(tool.VALUE)\n",
    "tool-1.0.data/data/share/tool/config": b"y\n",
}


def wheel(folder: Path) -> Path:
    path = folder / "tool-1.0-py2.py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in FILES.items():
            archive.writestr(name, content)
        archive.writestr("tool-1.0.dist-info/RECORD", "".join(f'"{name}",,\n' for name in FILES))
    return path


def install(place: Path, file: Path) -> Path:
    """Install the file in a new environment; return the folder of its metadata."""
    venv.create(place, symlinks=True, with_pip=False)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(place / "bin" / "python"),
        "install",
        "--no-index",
        "--no-deps",
    ]
    subprocess.run([*pip, "-q", str(file)], check=True, stderr=subprocess.DEVNULL)
    (site,) = place.glob("lib/python*/site-packages")
    return site / "tool-1.0.dist-info"


def test_wheel_is_repacked_equal(tmp_path: Path) -> None:
    """Check for equal bytes on every machine, which install to the same files."""
    first = install(tmp_path / "one", wheel(tmp_path))
    name, content = packed_wheel(first)
    assert name == "tool-1.0-py2.py3-none-any.whl"
    archive = zipfile.ZipFile(io.BytesIO(content))
    packed = {path: archive.read(path) for path in archive.namelist()}
    record = packed.pop("tool-1.0.dist-info/RECORD").decode()
    assert packed == FILES
    assert '"tool/with, comma.txt",sha256=' in record

    (tmp_path / "again").mkdir()
    (tmp_path / "again" / name).write_bytes(content)
    second = install(tmp_path / "elsewhere", tmp_path / "again" / name)
    assert packed_wheel(second) == (name, content)
    said = subprocess.run(
        [tmp_path / "elsewhere" / "bin" / "tool-script"], capture_output=True, check=True
    )
    assert said.stdout == b"3\n"
    assert (tmp_path / "elsewhere" / "share" / "tool" / "config").read_bytes() == b"y\n"
    assert (tmp_path / "elsewhere" / "bin" / "tool-main").is_file()

    with pytest.raises(NotPackable, match="larger than 0 MiB"):
        packed_wheel(first, limit=20)
    (first.parent / "tool" / "__init__.py").unlink()
    with pytest.raises(NotPackable, match="__init__"):
        packed_wheel(first)


def test_package_without_a_list_of_its_files_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "x-1.0.dist-info"
    folder.mkdir()
    for files in ({}, {"WHEEL": "Tag: odd\n"}, {"WHEEL": "Tag: py3-none-any\n"}):
        for name, text in files.items():
            (folder / name).write_text(text)
        with pytest.raises(NotPackable):
            packed_wheel(folder)


def test_source_folder_is_packed_reproducibly(tmp_path: Path) -> None:
    for path in (
        "pyproject.toml",
        "near/a.py",
        "near/__pycache__/a.pyc",
        ".git/HEAD",
        "near.egg-info/PKG-INFO",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    tool = tmp_path / "run.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    paths = list(source_files(tmp_path))
    assert sorted(paths) == ["near/a.py", "pyproject.toml", "run.sh"]
    made = packed_source("near", "0.2.dev3+g12ab", tmp_path, paths)
    os.utime(tool)
    assert packed_source("near", "0.2.dev4+gffff", tmp_path, reversed(paths)) == made
    with tarfile.open(fileobj=io.BytesIO(made)) as archive:
        assert archive.getnames() == [
            "near/PKG-INFO",
            "near/near/a.py",
            "near/pyproject.toml",
            "near/run.sh",
        ]
        assert b"Version: 0.2\n" in archive.extractfile("near/PKG-INFO").read()  # type: ignore[union-attr]
        assert archive.getmember("near/run.sh").mode == 0o755
    with pytest.raises(NotPackable):
        packed_source("near", "1", tmp_path, paths, limit=10)
    with pytest.raises(NotPackable):
        packed_source("near", "1", tmp_path, ["gone.py"])
