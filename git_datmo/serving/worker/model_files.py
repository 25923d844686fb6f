"""Load model files that need no code of their own: scikit-learn, ONNX, and MLflow's folders.

A pickle runs code, so the server asks for trust before it starts a worker.
"""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from git_datmo.serving.worker.entry_points import EntryError
from git_datmo.serving.worker.model_arrays import find_module

if TYPE_CHECKING:
    from git_datmo.serving.worker.entry_points import Arrays, Load, Predict

PICKLES = (".joblib", ".pkl", ".pickle")
MLMODEL = "MLmodel"
# Other types are left as they are: texts are arrays of objects.
_ONNX_DTYPES = {
    "tensor(bool)": "?",
    "tensor(uint8)": "u1",
    "tensor(uint16)": "u2",
    "tensor(uint32)": "u4",
    "tensor(uint64)": "u8",
    "tensor(int8)": "i1",
    "tensor(int16)": "i2",
    "tensor(int32)": "i4",
    "tensor(int64)": "i8",
    "tensor(float16)": "f2",
    "tensor(float)": "f4",
    "tensor(double)": "f8",
}


def find_models(paths: Sequence[str]) -> list[str]:
    """Return the model files and folders at or below `paths` that `load_model` can load."""
    found: list[str] = []
    for path in paths:
        if not os.path.isdir(path):
            found += [path] if path.endswith((*PICKLES, ".onnx")) else []
            continue
        for base, folders, names in os.walk(path):
            folders.sort()
            if MLMODEL in names:
                found.append(base)
                # Files inside are parts of this model.
                folders.clear()
            else:
                ours = (name for name in sorted(names) if name.endswith((*PICKLES, ".onnx")))
                found += [os.path.join(base, name) for name in ours]
    return found


def model_entry(paths: Sequence[str]) -> tuple[Load, Predict]:
    """Return functions for the single model in `paths`; raise `EntryError` if it is not clear."""
    found = find_models(paths)
    if not found:
        raise EntryError("the snapshot has no model that can be served without an entry")
    if len(found) > 1:
        raise EntryError(f"the snapshot has several models: {', '.join(found[:5])}")
    path = found[0]
    if os.path.isdir(path):
        return (lambda _: _load_mlflow(path)), _predict_mlflow
    if path.endswith(".onnx"):
        return (lambda _: _load_onnx(path)), _predict_onnx
    return (lambda _: _unpickle(path)), _predict_table


def _unpickle(path: str) -> Any:
    """Load a pickle, with joblib if the environment has it."""
    joblib = find_module("joblib")
    if joblib is not None:
        return joblib.load(path)
    with open(path, "rb") as file:
        return pickle.load(file)  # noqa: S301 - the person who serves trusts the snapshot


def _load_mlflow(path: str) -> Any:
    """Load an MLflow model with MLflow, or its pickle if the environment has no MLflow."""
    mlflow = find_module("mlflow.pyfunc")
    if mlflow is not None:
        return mlflow.load_model(path)
    with open(os.path.join(path, MLMODEL), encoding="utf-8") as file:
        # The environment may have no reader of YAML.
        named = re.search(r"^\s+pickled_model: *(\S+)$", file.read(), re.MULTILINE)
    if named is None or not named[1].endswith(PICKLES):
        raise EntryError(f"'{path}' has no pickled model, and the environment has no MLflow")
    return _unpickle(os.path.join(path, named[1]))


def _load_onnx(path: str) -> Any:
    onnxruntime = find_module("onnxruntime")
    if onnxruntime is None:
        raise EntryError(f"'{path}' needs onnxruntime in the environment")
    return onnxruntime.InferenceSession(path, providers=onnxruntime.get_available_providers())


def _predict_onnx(model: Any, inputs: Arrays) -> Arrays:
    """Run an ONNX session. A single input may have another name or precision than the model's.

    Columns become the rows of a model with a single input.
    """
    numpy = find_module("numpy")
    wanted = model.get_inputs()
    if len(wanted) == 1 and wanted[0].name not in inputs:
        arrays = list(inputs.values())
        inputs = {wanted[0].name: arrays[0] if len(arrays) == 1 else numpy.column_stack(arrays)}
    feeds = {}
    for each in wanted:
        if each.name not in inputs:
            raise ValueError(f"the model needs the input '{each.name}'")
        array = numpy.asarray(inputs[each.name], dtype=_ONNX_DTYPES.get(each.type))
        # A column of a table, for a model that takes columns as arrays of one value a row.
        feeds[each.name] = array[:, None] if array.ndim == 1 and each.shape[1:] == [1] else array
    names = [output.name for output in model.get_outputs()]
    results = model.run(names, feeds)
    # scikit-learn's converter adds maps of probabilities, which are no tensors.
    return {n: r for n, r in zip(names, results) if hasattr(r, "dtype")}  # noqa: B905


def _predict_mlflow(model: Any, inputs: Arrays) -> Any:
    """Call the `predict` of an MLflow model with the numbers of its signature.

    JSON does not tell 1 from 1.0, nor single from double precision, and MLflow refuses
    numbers that could lose precision.
    """
    metadata = getattr(model, "metadata", None)
    schema = metadata.get_input_schema() if metadata is not None else None
    if schema is None:
        return _predict_table(model, inputs)
    names = schema.input_names() if schema.has_input_names() else list(inputs)
    wanted = dict(zip(names, schema.inputs))  # noqa: B905 - Python 3.8 has no `strict`
    cast = {n: _as_number(a, getattr(wanted.get(n), "type", None)) for n, a in inputs.items()}
    if schema.is_tensor_spec() and schema.has_input_names():
        return model.predict(cast)
    return _predict_table(model, cast)


def _as_number(array: Any, wanted: Any) -> Any:
    """Return an array of numbers as the number type of a signature, if that changes no integer."""
    # The type of a column is MLflow's own, and that of a tensor is NumPy's.
    dtype = wanted.to_numpy() if hasattr(wanted, "to_numpy") else wanted
    kind, wanted_kind = (
        getattr(getattr(array, "dtype", None), "kind", ""),
        getattr(dtype, "kind", ""),
    )
    if wanted_kind == "f" and kind in ("f", "i", "u"):
        return array.astype(dtype)
    if wanted_kind in ("i", "u") and kind in ("i", "u"):
        cast = array.astype(dtype)
        return cast if (cast == array).all() else array
    return array


def _predict_table(model: Any, inputs: Arrays) -> Any:
    """Call the `predict` of a model that takes one table."""
    predict: Callable[[Any], Any] = model.predict
    return predict(_table(inputs, getattr(model, "feature_names_in_", None)))


def _table(inputs: Arrays, names: Any) -> Any:
    """Return the inputs as one array, or as a data frame if they are named columns.

    `names` are the columns that the model was trained with, in order.
    """
    arrays = list(inputs.values())
    if len(arrays) == 1 and getattr(arrays[0], "ndim", 1) > 1:
        return arrays[0]
    order = list(inputs) if names is None else [str(name) for name in names]
    missing = [name for name in order if name not in inputs]
    if missing:
        raise ValueError(f"the model needs the column '{missing[0]}'")
    pandas = find_module("pandas")
    if pandas is not None:
        return pandas.DataFrame({name: inputs[name] for name in order})
    numpy = find_module("numpy")
    if numpy is None:
        rows = zip(*(inputs[name] for name in order))  # noqa: B905 - Python 3.8 has no `strict`
        return [list(row) for row in rows]
    return numpy.column_stack([inputs[name] for name in order])
