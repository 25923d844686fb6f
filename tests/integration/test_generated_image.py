"""Make a served image of an environment that is not frozen, from a registry and an index."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.oci.image_layout import write_layout
from tests.support.commands import datmo, refused
from tests.support.pair import Pair
from tests.support.servers.image_registry import serve_registry
from tests.support.shell import Shell
from tests.support.tiny_image import make_image, make_layer
from tests.support.virtual_environments import SERIES, with_packages

SITE = f"/usr/local/lib/{SERIES}/site-packages"
IMAGE = ("image", "--entry", "predict.py:predict", "--platform", "linux/amd64")
PREDICT = "def predict(model, inputs):\n    return inputs\n"
TRAIN = "open('model.bin', 'w').write('1' * 2_000_000)\n"


def write_wheel(folder: Path) -> None:
    """Write a package with a program, whose first line names the Python that installs it."""
    folder.mkdir()
    info = "small-1.0.dist-info"
    files = {
        "small.py": "def main(): pass\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: small\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\nsmall = small:main\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / "small-1.0-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


@pytest.fixture
def host(tmp_path: Path, sealed: dict[str, str]) -> Iterator[str]:
    """Serve a registry with a base image whose layers are compressed, and yield its address."""
    python = {f"/usr/local/bin/{SERIES}": b"", "/usr/local/bin/python": b""}
    layers = tmp_path / "layers"
    base = make_image(
        make_layer(layers, {"/etc/base": b"1"}),
        make_layer(layers, {**python, f"{SITE}/README.txt": b"2"}),
    )
    write_layout(base, tmp_path / "base", "base:1")
    with serve_registry(tmp_path / "registry", sealed) as served:
        words = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{tmp_path}/base:base:1"]
        target = f"docker://{served}/team/base:1"
        subprocess.run([*words, target], check=True, timeout=60, capture_output=True)
        yield served


@pytest.fixture
def prepared(host: str, tmp_path: Path) -> Callable[[Shell], Shell]:
    """Return a function that gives a shell the packages and the index."""
    write_wheel(tmp_path / "index")

    def prepare(shell: Shell) -> Shell:
        shell.git("config", "datmo.baseImage", f"{host}/team/base:1")
        index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "index")}
        return with_packages(shell, tmp_path / f"venv-{shell.cwd.name}", "small==1.0").having(
            **index
        )

    return prepare


def test_image_without_an_engine_is_the_same_from_two_clones(
    pair: Pair, prepared: Callable[[Shell], Shell], tmp_path: Path
) -> None:
    alex = prepared(pair.alex)
    alex.commit("predict.py", PREDICT)
    alex.commit("train.py", TRAIN)
    datmo(alex, "run", "--", "python", "train.py")
    first = json.loads(datmo(alex, *IMAGE, "--json", "--oci", "../layout").stdout)
    paths = paths_of(tmp_path / "layout", first)
    assert {"etc/base", f"{SITE[1:]}/README.txt", f"{SITE[1:]}/small.py"} <= paths
    assert f"{SITE[1:]}/small-1.0.dist-info/METADATA" in paths
    assert not [path for path in paths if "/bin/small" in path or "direct_url" in path]

    alex.git("push", "-q")
    ignacio = prepared(pair.clone())
    assert json.loads(datmo(ignacio, *IMAGE, "--json", "--oci", "../other").stdout) == first

    alex.commit("predict.py", f"{PREDICT}\n# more\n")
    datmo(alex, "run", "--", "python", "train.py")
    edited = json.loads(datmo(alex, *IMAGE, "--json", "--oci", "../layout").stdout)
    known = {layer["digest"] for layer in first["layers"]}
    added = [layer["size"] for layer in edited["layers"] if layer["digest"] not in known]
    assert (len(added), sum(added) < 1 << 20) == (1, True)


def paths_of(layout: Path, image: dict[str, list[dict[str, str]]]) -> set[str]:
    """Return the paths of the files in all layers, which the configuration must name."""
    found: set[str] = set()
    blobs = [path.read_bytes() for path in (layout / "blobs/sha256").iterdir()]
    (config,) = [json.loads(blob) for blob in blobs if blob.startswith(b"{") and b"rootfs" in blob]
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in image["layers"]]
    for layer in image["layers"]:
        blob = layout / "blobs/sha256" / layer["digest"].removeprefix("sha256:")
        with tarfile.open(blob) as archive:
            found |= {entry.name for entry in archive if entry.isfile()}
    return found


def test_environment_that_needs_an_engine_is_named_with_the_reason(
    repo: Shell, prepared: Callable[[Shell], Shell]
) -> None:
    shell = prepared(repo)
    shell.commit("predict.py", PREDICT)
    shell.commit("train.py", TRAIN)

    def refuse(reason: str, *words: str) -> None:
        datmo(shell, "run", "--", "python", "train.py")
        hint = "hint: freeze it once with an engine: git datmo env freeze"
        refused(shell, *IMAGE, *words, "-o", "x.tar", says=("is not frozen", reason, hint))

    shell.git("config", "datmo.baseImage", "127.0.0.1:1/team/base:1")
    refuse("the registry 127.0.0.1:1 cannot be reached")
    refuse("linux/s390x is none of", "--platform", "linux/s390x")
    shell.commit("apt.txt", "libgomp1\n")
    refuse("it has Debian packages (libgomp1)")
    shell.commit("Dockerfile", f"FROM python:{sys.version_info[0]}\n")
    refuse("it has a Dockerfile")
