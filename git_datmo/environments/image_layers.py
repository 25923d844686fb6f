"""Divide an image's packages into layers: large ones that seldom change come first.

A changed package is installed again with its layer and all later ones. Images that agree in their
first layers share them. The layer of a package follows from its name and source alone, so the
environment's files do not change.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from git_datmo.environments.environment_files import (
    Environment,
    generated_dockerfile,
    layered_dockerfile,
)
from git_datmo.environments.manifest import DOCKERFILE, LOCK, Manifest, Package

# By the first word of the name: frameworks of gigabytes with their base, then compiled libraries
# that most programs need.
_FRAMEWORKS = re.compile(
    r"(?:bitsandbytes|cuda|cupy|flash|intel|jax|jaxlib|keras|libtpu|mkl|mxnet|nvidia|onnxruntime|paddlepaddle|rocm"
    r"|tensorflow|torch|torchaudio|torchvision|triton|vllm|xformers)(?:-|\Z)"
)
_LIBRARIES = re.compile(
    r"(?:catboost|faiss|h5py|lightgbm|llvmlite|matplotlib|numba|numpy|opencv|pandas|pillow|polars|pyarrow|ray|scikit"
    r"|scipy|spacy|statsmodels|sympy|tokenizers|transformers|xgboost)(?:-|\Z)"
)


def _layer(package: Package) -> int:
    """Return a layer from 0, which changes least. Packages from outside an index are often the
    team's own."""
    if package.source != "index":
        return 3
    return 0 if _FRAMEWORKS.match(package.name) else 1 if _LIBRARIES.match(package.name) else 2


def group(packages: Iterable[Package]) -> tuple[tuple[Package, ...], ...]:
    """Return the packages of each layer in order, without empty layers."""
    layers: dict[int, list[Package]] = {}
    for package in packages:
        layers.setdefault(_layer(package), []).append(package)
    return tuple(tuple(layers[number]) for number in sorted(layers))


def build_files(environment: Environment, manifest: Manifest) -> Mapping[str, bytes]:
    """Return the Dockerfile with layers and the files that it copies. The result equals the
    environment's own."""
    files, groups = environment.files, group(manifest.installed_by_pip())
    if (
        len(groups) < 2
        or manifest.is_foreign
        # A Dockerfile from another version of git-datmo is built as it is.
        or files[DOCKERFILE] != generated_dockerfile(manifest)
    ):
        return files
    locks = {
        f"requirements-{number}.txt": manifest.requirements(each)
        for number, each in enumerate(groups, 1)
    }
    beside = (name for name in manifest.files() if name != LOCK)
    return {
        **locks,
        **{name: files[name] for name in beside},
        DOCKERFILE: layered_dockerfile(manifest, tuple(locks)),
    }
