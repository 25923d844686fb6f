"""Test the layers of an image: every listed package once, the most stable first."""

from __future__ import annotations

import re
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.environments.environment_files import Environment, assemble
from git_datmo.environments.image_layers import build_files, group
from git_datmo.environments.manifest import DOCKERFILE, LOCK, Manifest, Package

NAMES = [
    "click",
    "jaxlib",
    "numpy",
    "nvidia-cublas-cu12",
    "own",
    "ray",
    "scikit-learn",
    "torch",
    "torchtext",
    "zipp",
]
HASH = "0" * 64

packages = st.lists(st.sampled_from(NAMES), unique=True).map(
    lambda names: tuple(
        Package(name, "1.0", "https://example.com/own.whl" if name == "own" else "index")
        for name in sorted(names)
    )
)


def environment(packages: Sequence[Package], **more: object) -> tuple[Environment, Manifest]:
    manifest = Manifest("cpython", "3.11.7", tuple(packages), base_image="base:1", **more)  # type: ignore[arg-type]
    return assemble(manifest, None, {}), manifest


def installed(files: dict[str, bytes]) -> list[list[str]]:
    """Return the packages that a Dockerfile installs with pip, step by step, after copying their
    files."""
    steps = []
    for line in files[DOCKERFILE].decode().splitlines():
        if match := re.match(r"RUN python -m pip install .* -r /opt/datmo/(\S+)$", line):
            assert f"COPY {match[1]} /opt/datmo/{match[1]}" in files[DOCKERFILE].decode()
            steps.append(files[match[1]].decode().splitlines())
    return steps


@given(packages)
def test_layers_install_the_same_packages(packages: tuple[Package, ...]) -> None:
    made, manifest = environment(packages)
    steps = installed(dict(build_files(made, manifest)))
    assert sorted(line for step in steps for line in step) == sorted(
        made.files[LOCK].decode().splitlines()
    )
    assert len(steps) == len(group(packages))
    assert all(steps)


def test_layers_of_large_stable_packages_come_first() -> None:
    own = Package("own", "1.0", "git+https://example.com/own@abc")
    found = group([*(Package(name, "1.0") for name in NAMES if name != "own"), own])
    names = [[package.name for package in each] for each in found]
    heavy = ["jaxlib", "nvidia-cublas-cu12", "torch"]
    assert names == [
        heavy,
        ["numpy", "ray", "scikit-learn"],
        ["click", "torchtext", "zipp"],
        ["own"],
    ]


def test_changed_package_keeps_earlier_layers() -> None:
    def steps(version: str) -> list[str]:
        found = [Package("click", version), Package("numpy", "2.0"), Package("torch", "2.5")]
        made, manifest = environment(found, indexes=("https://example.com/simple",))
        files = dict(build_files(made, manifest))
        return [
            f"{line} {files.get(line.split()[1], b'')!r}"
            for line in files[DOCKERFILE].decode().splitlines()
        ]

    one, other = steps("8.0"), steps("8.1")
    (place,) = (number for number, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
    assert one[place].startswith("COPY requirements-3.txt")
    assert all("--extra-index-url" in line for line in one if line.startswith("COPY"))


def test_hashes_hold_in_every_layer_or_in_none() -> None:
    for hashes in ((HASH,), ()):
        made, manifest = environment(
            [Package("click", "8.0", hashes=hashes), Package("torch", "2.5", hashes=(HASH,))]
        )
        lines = [line for step in installed(dict(build_files(made, manifest))) for line in step]
        assert [f"--hash=sha256:{HASH}" in line for line in lines] == [bool(hashes)] * 2


def test_dockerfile_that_was_not_generated_is_built_as_it_is() -> None:
    made, manifest = environment([Package("click", "8.0"), Package("torch", "2.5")])
    other = Environment.of({**made.files, DOCKERFILE: b"FROM base:1\nRUN something\n"})
    assert build_files(other, manifest) == other.files
