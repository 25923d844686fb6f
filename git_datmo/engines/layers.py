"""In which layers an image gets its packages: what is large and seldom changes comes first.

A changed package is installed again together with what is in its layer and in those behind it, and nothing else; images
of two environments that agree in the first layers share them. Which package is in which layer follows from its name and
source alone. The environment's files do not change by it: they say what is installed, not in how many steps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from git_datmo.engines.manifest import (
    DOCKERFILE,
    LOCK,
    Environment,
    Manifest,
    Package,
    generated_dockerfile,
    layered_dockerfile,
)

# By the first word of the name: frameworks and what they run on, which are gigabytes; then the compiled libraries that
# most programs stand on.
_FRAMEWORKS = re.compile(
    r"(?:bitsandbytes|cuda|cupy|flash|intel|jax|jaxlib|keras|libtpu|mkl|mxnet|nvidia|onnxruntime|paddlepaddle|rocm"
    r"|tensorflow|torch|torchaudio|torchvision|triton|vllm|xformers)(?:-|\Z)"
)
_LIBRARIES = re.compile(
    r"(?:catboost|faiss|h5py|lightgbm|llvmlite|matplotlib|numba|numpy|opencv|pandas|pillow|polars|pyarrow|ray|scikit"
    r"|scipy|spacy|statsmodels|sympy|tokenizers|transformers|xgboost)(?:-|\Z)"
)


def _layer(package: Package) -> int:
    """From 0, what changes least; what comes from elsewhere than an index is often the team's own."""
    if package.source != "index":
        return 3
    return 0 if _FRAMEWORKS.match(package.name) else 1 if _LIBRARIES.match(package.name) else 2


def group(packages: Iterable[Package]) -> tuple[tuple[Package, ...], ...]:
    """The packages of each layer, in the order of layers; none is empty."""
    layers: dict[int, list[Package]] = {}
    for package in packages:
        layers.setdefault(_layer(package), []).append(package)
    return tuple(tuple(layers[number]) for number in sorted(layers))


def build_files(environment: Environment, manifest: Manifest) -> Mapping[str, bytes]:
    """The Dockerfile and what it copies, to the effect of the environment's own."""
    files, groups = environment.files, group(manifest.installed_by_pip())
    if len(groups) < 2 or manifest.is_foreign or files[DOCKERFILE] != generated_dockerfile(manifest):
        return files
    locks = {f"requirements-{number}.txt": manifest.requirements(each) for number, each in enumerate(groups, 1)}
    beside = (name for name in manifest.files() if name != LOCK)
    return {**locks, **{name: files[name] for name in beside}, DOCKERFILE: layered_dockerfile(manifest, tuple(locks))}
