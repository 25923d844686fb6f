"""Projects whose environment is made otherwise: by `uv run`, or with packages of the repository's
own."""

from __future__ import annotations

from benchmarks.projects.project import Project

UV = """\
[project]
name = "uv-example"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["attrs==24.2.0", "numpy==1.26.4"]
"""
UV_TRAIN = """\
import json
import attrs, numpy

@attrs.define
class Result:
    mean: float

values = numpy.random.default_rng(5).normal(size=1000)
result = Result(float(values.mean()))
numpy.save("values.npy", values)
with open("metrics.json", "w") as file:
    json.dump(attrs.asdict(result), file)
"""

LIBRARY = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "shared-features"
version = "0.3.0"
dependencies = ["numpy==1.26.4"]

[tool.setuptools.packages.find]
where = ["src"]
"""
FEATURES = """\
import numpy


def features(count):
    return numpy.random.default_rng(11).normal(size=(count, 4))
"""
APP = """\
import json
from shared_features import features

table = features(100)
with open("metrics.json", "w") as file:
    json.dump({"norm": float((table**2).sum())}, file)
table.tofile("features.bin")
"""


def projects() -> tuple[Project, ...]:
    return (
        Project(
            name="uv",
            title="`uv run`, uv.lock",
            files={"pyproject.toml": UV, "train.py": UV_TRAIN},
            tools=("uv==0.5.11",),
            setup=(("uv", "lock", "-q"),),
            command=("uv", "run", "train.py"),
        ),
        Project(
            name="monorepo",
            title="monorepo, editable install",
            files={
                "packages/features/pyproject.toml": LIBRARY,
                "packages/features/src/shared_features/__init__.py": FEATURES,
                "apps/train/train.py": APP,
            },
            setup=(("python", "-m", "pip", "install", "-q", "-e", "packages/features"),),
            folder="apps/train",
            command=("python", "train.py"),
        ),
    )
