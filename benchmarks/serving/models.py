"""Write the two models in the form that each server loads.

The same file has the model for all of them: a classifier of scikit-learn, and the weights of a
network of two layers.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

MODELS = ("digits", "network")

# The network in NumPy, as examples/network has it.
PREDICT = """\
import numpy as np

def load(paths):
    return dict(np.load(next(iter(paths.values()))))

def predict(weights, inputs):
    hidden = np.maximum(inputs["pixels"] @ weights["hidden"] + weights["hidden_bias"], 0)
    scores = hidden @ weights["output"] + weights["output_bias"]
    return {"digit": scores.argmax(axis=1)}
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: served
name: served
version: 1.0.0
status: active
{entry}schema:
  - name: request
    customProperties:
      - {{property: datmo.port, value: input}}
    properties:
      - name: pixels
        logicalType: array
        required: true
        classification: public
        customProperties:
          - {{property: datmo.tensor, value: {{datatype: FP64, shape: [-1, 64]}}}}
  - name: answer
    customProperties:
      - {{property: datmo.port, value: output}}
    properties:
      - name: digit
        logicalType: integer
        required: true
        classification: public
        customProperties:
          - {{property: datmo.tensor, value: {{datatype: INT64, shape: [-1]}}}}
"""
_ENTRY = "customProperties:\n  - {property: datmo.entry, value: 'predict.py:predict'}\n"

# Runs with the interpreter of MLflow: the folder of the model, and the file to load.
MLFLOW = """\
import sys
import joblib, mlflow
folder, path = sys.argv[1:]
if path.endswith(".joblib"):
    mlflow.sklearn.save_model(
        joblib.load(path), folder, serialization_format="cloudpickle", pip_requirements=["mlflow"])
else:
    class Network(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            import predict
            self.predict_arrays = predict.predict
            self.weights = predict.load({"network.npz": path})
        def predict(self, context, model_input, params=None):
            return self.predict_arrays(self.weights, {"pixels": model_input})["digit"]
    mlflow.pyfunc.save_model(folder, python_model=Network(), code_paths=["predict.py"], pip_requirements=["mlflow"])
"""

MLSERVER = """\
import predict
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Network(MLModel):
    async def load(self):
        self.weights = predict.load({"network.npz": self.settings.parameters.uri})
        return True

    async def predict(self, payload):
        pixels = NumpyCodec.decode_input(payload.inputs[0])
        digit = predict.predict(self.weights, {"pixels": pixels})["digit"]
        output = NumpyCodec.encode_output("digit", digit)
        return InferenceResponse(model_name=self.name, outputs=[output])
"""

BENTOML = """\
import bentoml
import numpy as np

@bentoml.service(workers=1)
class Served:
    def __init__(self):
        {load}

    @bentoml.api
    def predict(self, pixels: np.ndarray) -> np.ndarray:
        return {predict}
"""
_BENTOML = {
    "digits": {
        "load": "import joblib; self.model = joblib.load('digits.joblib')",
        "predict": "self.model.predict(pixels)",
    },
    "network": {
        "load": "import predict; self.code = predict; self.weights = predict.load({0: 'network.npz'})",
        "predict": "self.code.predict(self.weights, {'pixels': pixels})['digit']",
    },
}


def model_file(model: str) -> str:
    """Return the name of a model's file."""
    return "digits.joblib" if model == "digits" else "network.npz"


def train(folder: Path) -> np.ndarray:
    """Write both model files, and return images of digits that the models classify."""
    images, digits = load_digits(return_X_y=True)
    pixels = images / 16
    joblib.dump(LogisticRegression(max_iter=500).fit(pixels, digits), folder / "digits.joblib")
    with warnings.catch_warnings():
        # It need not converge to be served.
        warnings.simplefilter("ignore")
        layers = MLPClassifier((32,), max_iter=50, random_state=0).fit(pixels, digits)
    weights = dict(zip(("hidden", "output"), layers.coefs_, strict=True))
    weights |= dict(zip(("hidden_bias", "output_bias"), layers.intercepts_, strict=True))
    np.savez(folder / "network.npz", **weights)
    return pixels


def write_code(folder: Path, model: str) -> None:
    """Write the files that every server but git-datmo needs beside the model's file."""
    (folder / "predict.py").write_text(PREDICT)
    (folder / "save_mlflow.py").write_text(MLFLOW)
    (folder / "runtime.py").write_text(MLSERVER)
    (folder / "service.py").write_text(BENTOML.format(**_BENTOML[model]))


def write_mlserver_settings(folder: Path, model: str, ports: tuple[int, int, int]) -> None:
    """Write the two files of settings that MLServer reads."""
    http, grpc, metrics = ports
    settings = {
        "host": "127.0.0.1",
        "http_port": http,
        "grpc_port": grpc,
        "metrics_port": metrics,
        "debug": False,
    }
    runtime = "mlserver_sklearn.SKLearnModel" if model == "digits" else "runtime.Network"
    described = {
        "name": "served",
        "implementation": runtime,
        "parameters": {"uri": f"./{model_file(model)}"},
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(described))


def contract(model: str) -> str:
    """Return the contract for git-datmo."""
    return CONTRACT.format(entry="" if model == "digits" else _ENTRY)
