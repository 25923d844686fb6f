"""Load the functions of a snapshot that load its model and predict with it."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Python 3.8 cannot evaluate these.
    from collections.abc import Callable

    Arrays = dict[str, Any]
    Load = Callable[[dict[str, str]], Any]
    Predict = Callable[[Any, Arrays], Any]


class EntryError(Exception):
    """Error in the entry that the person who wrote it can correct."""


def load_entry(entry: str) -> tuple[Load, Predict]:
    """Return the functions of an entry `FILE.py:FUNCTION`.

    The function `load` of the same file loads the model. A file without one has no model.
    """
    file, _, function = entry.partition(":")
    if not file.endswith(".py") or not function.isidentifier():
        raise EntryError(f"the entry '{entry}' is not of the form FILE.py:FUNCTION")
    if not os.path.isfile(file):
        raise EntryError(f"the snapshot has no file '{file}', which the entry names")
    path = os.path.abspath(file)
    # As when Python runs the file: modules beside it can be imported.
    if os.path.dirname(path) not in sys.path:
        sys.path.insert(0, os.path.dirname(path))
    name = os.path.splitext(os.path.basename(path))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise EntryError(f"'{file}' is no Python file")
    module = importlib.util.module_from_spec(spec)
    # Pickled objects name the module of their class.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    predict = getattr(module, function, None)
    if not callable(predict):
        raise EntryError(f"'{file}' has no function '{function}'")
    load = getattr(module, "load", None)
    return (load if callable(load) else _no_model), predict


def _no_model(_paths: dict[str, str]) -> None:
    """Load nothing, for an entry that needs no model."""
