"""Describe packages and make manifests of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from hypothesis import strategies as st

from git_datmo.environments.interpreter_probe import Distribution, Probe
from git_datmo.environments.user_packages import kept_distributions

REPOSITORY = PurePosixPath("/home/alex/faces")


def probe_of(*found: Distribution) -> Probe:
    return Probe("cpython", "3.11.7", found, "/home/alex/env/bin/python")


def needed(name: str, *requires: str, version: str = "1.0") -> Distribution:
    return Distribution(name, version, requested=False, requires=requires)


def asked(name: str, *requires: str, version: str = "1.0") -> Distribution:
    return Distribution(name, version, requires=requires)


def kept(*found: Distribution, imported: Sequence[str] = ()) -> list[str]:
    return [d.name for d in kept_distributions(probe_of(*found), imported=imported)]


OWN = (
    asked("git-datmo", "docker", "tqdm", "pytest"),
    needed("docker", "requests"),
    needed("requests", "urllib3"),
    needed("urllib3"),
    needed("tqdm"),
    needed("pytest", "pluggy"),
    needed("pluggy"),
)
names = st.sampled_from([f"p{n}" for n in range(8)] + ["git-datmo", "pip", "setuptools"])

distributions = st.lists(
    st.builds(
        Distribution,
        name=names,
        version=st.sampled_from(["1.0", "2.0+cu121"]),
        requested=st.booleans(),
        vendor=st.booleans(),
        requires=st.lists(names, max_size=4).map(tuple),
    ),
    unique_by=lambda d: d.name,
)
A, B = "a" * 64, "b" * 64

JULIA = b"""\
julia_version = "1.10.4"
manifest_format = "2.0"
[[deps.DataFrames]]
version = "1.6.1"
uuid = "a93c6f00-e57d-5684-b7b6-d8193f3e46c0"
[[deps.Dates]]
uuid = "ade2ca70-3891-5945-98fb-dc099432e06a"
"""
