"""Serve ONNX models and MLflow's models as the libraries themselves write them.

Each test is skipped where its library is missing. `DATMO_TEST_MODELS` names a Python that has
onnxruntime, skl2onnx, mlflow, skops and pandas.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.serving import Served, serving
from tests.support.shell import Shell

PYTHON = os.environ.get("DATMO_TEST_MODELS") or sys.executable

TRAIN = """\
import sys
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
x, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=500).fit(x, y)
"""
ONNX = """\
from skl2onnx import to_onnx
content = to_onnx(model, x[:1].astype(np.float32), options={"zipmap": ZIPMAP}).SerializeToString()
open("iris.onnx", "wb").write(content)
"""
ONNX_COLUMNS = """\
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
columns = [(name, FloatTensorType([None, 1])) for name in ("a", "b", "c", "d")]
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
import pandas as pd
frame = pd.DataFrame(x, columns=["a", "b", "c", "d"])
keep = ColumnTransformer([("keep", "passthrough", ["a", "b", "c", "d"])])
model = make_pipeline(keep, LogisticRegression(max_iter=500)).fit(frame, y)
open("iris.onnx", "wb").write(to_onnx(model, initial_types=columns).SerializeToString())
"""
MLFLOW = """\
import mlflow, pandas as pd
frame = pd.DataFrame(x, columns=["a", "b", "c", "d"])
named = LogisticRegression(max_iter=500).fit(frame, y)
signature = mlflow.models.infer_signature(frame, named.predict(frame))
mlflow.sklearn.save_model(
    named, "iris", signature=signature, serialization_format="FORMAT",
    skops_trusted_types=["sklearn.linear_model._logistic.LogisticRegression"])
"""
PYFUNC = """\
import mlflow
from mlflow.types import Schema, TensorSpec
class Predicting(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input.sum(axis=1) > 12).astype(np.int64) + 1
inputs = Schema([TensorSpec(np.dtype("float32"), (-1, 4))])
signature = mlflow.models.ModelSignature(inputs)
mlflow.pyfunc.save_model("iris", python_model=Predicting(), signature=signature)
"""

# Two flowers: the second has whole numbers, which JSON does not tell from integers.
ROWS = [[6.0, 3.0, 5.0, 2.0], [7, 3, 6, 2]]
MATRIX = {"inputs": ROWS}
COLUMNS = {
    "dataframe_split": {"columns": ["d", "c", "b", "a"], "data": [row[::-1] for row in ROWS]}
}
WHOLE = {"dataframe_records": [{"a": 7, "b": 3, "c": 6, "d": 2}] * 2}


def need(*modules: str) -> None:
    """Skip the test if the interpreter does not have these modules."""
    code = f"import importlib.util as u; raise SystemExit(not all(map(u.find_spec, {modules!r})))"
    if subprocess.run([PYTHON, "-c", code], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip(f"{PYTHON} has not all of {', '.join(modules)}")


def train(repo: Shell, code: str) -> Shell:
    """Run a training with the interpreter of the models."""
    repo.commit("train.py", TRAIN + code)
    shell = repo.having(PATH=f"{Path(PYTHON).parent}:{repo.env['PATH']}")
    datmo(shell, "run", "--", "python", "train.py")
    return shell


def predictions(served: Served, body: object) -> list[int]:
    answer = served.ask("/invocations", body)
    assert answer.status == 200, (answer.document, served.errors)
    found = answer.document["predictions"]
    # A classifier in ONNX has its labels as the first output.
    return [next(iter(each.values())) if isinstance(each, dict) else each for each in found]


@pytest.mark.parametrize("zipmap", [True, False])
def test_onnx_model_of_a_matrix_is_served(repo: Shell, zipmap: bool) -> None:
    need("onnxruntime", "skl2onnx")
    shell = train(repo, ONNX.replace("ZIPMAP", str(zipmap)))
    with serving(shell) as served:
        assert predictions(served, MATRIX) == [2, 2]
        assert predictions(served, WHOLE) == [2, 2]
    # The inferred contract has tensors, in single precision.
    datmo(shell, "contract", "infer", "iris.onnx", "-o", "contracts/iris.odcs.yaml")
    shell.git("add", "-A")
    shell.git("commit", "-qm", "contract")
    datmo(shell, "run", "--", "python", "train.py")
    if not zipmap:
        with serving(shell) as served:
            assert predictions(served, MATRIX) == [2, 2]


def test_onnx_model_of_columns_is_served(repo: Shell) -> None:
    need("onnxruntime", "skl2onnx", "pandas")
    with serving(train(repo, ONNX_COLUMNS)) as served:
        assert predictions(served, COLUMNS) == [2, 2]
        assert predictions(served, WHOLE) == [2, 2]


@pytest.mark.parametrize("kind", ["skops", "cloudpickle"])
def test_model_of_mlflow_is_served_with_its_signature(repo: Shell, kind: str) -> None:
    need("mlflow", "pandas", "skops")
    with serving(train(repo, MLFLOW.replace("FORMAT", kind)), "--model", "iris") as served:
        assert predictions(served, COLUMNS) == [2, 2]
        assert predictions(served, WHOLE) == [2, 2]


def test_python_function_of_mlflow_is_served(repo: Shell) -> None:
    need("mlflow")
    with serving(train(repo, PYFUNC)) as served:
        assert predictions(served, MATRIX) == [2, 2]
        assert predictions(served, {"instances": [[1, 2, 3, 4]]}) == [1]
