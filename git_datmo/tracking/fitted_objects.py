"""Log what a trained object of a library says by its public attributes.

It reads attributes of an object that the script has made, and imports no library.
"""

from __future__ import annotations

import sys
from math import isnan
from typing import TYPE_CHECKING, Any

from git_datmo.tracking.training import active

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from git_datmo.tracking.run_logger import RunLogger

SCALARS = (
    *("best_score_", "best_loss_", "best_validation_score_", "loss_", "inertia_", "oob_score_"),
    *("n_iter_", "lower_bound_", "noise_variance_", "kl_divergence_", "stress_"),
    *("reconstruction_err_", "best_index_", "n_estimators_"),
)
CURVES = (
    *("loss_curve_", "validation_scores_", "train_score_", "validation_score_"),
    *("oob_scores_", "lower_bounds_"),
)
CURVE_LIMIT = 1_000_000

logged: set[tuple[int, ...]] = set()
"""Results of trained objects that were logged."""


def log_fitted(fitted: Any, name: str = "") -> None:
    """Log the parameters and results of a trained object.

    That is an estimator of scikit-learn, XGBoost or LightGBM, a model of Keras that was fitted, or
    a Trainer of Transformers. Parameters and results are named `NAME.…`; NAME is the object's class
    unless it is given.
    """
    run = active()
    try:
        if not log_object(run, fitted, name or type(fitted).__name__):
            kind = type(fitted).__name__
            run.warn(f"log_fitted has nothing to log about an object of the class '{kind}'")
    except Exception as error:  # whatever a library raises, the training goes on
        run.warn(f"results of '{type(fitted).__name__}' are not logged: {error}")


def library_of(known: Any) -> str:
    """Return the library whose trained object this is; '' for any other object."""
    for library, (module, names) in _CLASSES.items():
        # Nothing is imported: without its module, a library has no objects.
        kinds = (getattr(sys.modules.get(module), name, None) for name in names)
        if isinstance(known, tuple(kind for kind in kinds if isinstance(kind, type))):
            return library if _MARKS[library](known) is not None else ""
    return ""


def results_of(known: Any) -> tuple[int, ...]:
    """Return what differs once the object was trained again."""
    marks = _MARKS.get(library_of(known), lambda _: None)(known)
    # A further training replaces the objects whose identities are the marks.
    return (id(known), *(marks or ()))


def log_object(run: RunLogger, known: Any, name: str) -> bool:
    """Log a trained object; return False for any other one."""
    write = _WRITERS.get(library_of(known))
    if write is None:
        return False
    logged.add(results_of(known))
    write(run, known, name)
    return True


def _estimator(run: RunLogger, fitted: Any, name: str) -> None:
    """Log an estimator: parameters, single values, curves, and the table of a search."""
    run.log_params({name: scalars(fitted.get_params(deep=True))})
    own = vars(fitted)
    for key in SCALARS:
        value = own.get(key)
        if getattr(value, "shape", None) == (1,):
            value = value[0]
        if _is_number(value):
            run.log_metric(f"{name}.{key.strip('_')}", value)
    for key in CURVES:
        log_curve(run, f"{name}.{key.strip('_')}", own.get(key))
    if isinstance(own.get("best_params_"), dict):
        run.log_params({f"{name}.best_params": scalars(own["best_params_"])})
    if isinstance(own.get("cv_results_"), dict):
        from git_datmo.tracking.artifacts import log_table

        log_table(name, own["cv_results_"])
    log_evaluations(run, name, _evaluations(fitted))


def _evaluations(fitted: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return the values of each metric for each data set of XGBoost or LightGBM."""
    if hasattr(fitted, "evals_result"):
        try:
            return dict(fitted.evals_result())
        except Exception:  # it was trained without data for evaluation
            return {}
    return getattr(fitted, "evals_result_", None) or {}


def log_evaluations(run: RunLogger, name: str, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Log the curves of metrics by data set."""
    for data, metrics in found.items():
        for metric, values in metrics.items():
            log_curve(run, f"{name}.{data}/{metric}", values)


def log_curve(run: RunLogger, name: str, values: Any) -> None:
    """Log a sequence of numbers as a metric with the steps 0, 1, 2…"""
    if not isinstance(values, (list, tuple)) and getattr(values, "ndim", 0) != 1:
        return
    for step, value in enumerate(values[:CURVE_LIMIT]):
        if value is not None:
            run.log_metric(name, value, step)


def _keras_model(run: RunLogger, model: Any, name: str) -> None:
    """Log a model of Keras: its optimizer, and what its last `fit` returned."""
    run.log_params({name: keras_parameters(model)})
    history = model.history
    for metric, values in history.history.items():
        for epoch, value in zip(history.epoch, values):
            run.log_metric(f"{name}.{metric}", value, epoch)


def keras_parameters(model: Any) -> dict[str, Any]:
    """Return the parameters of the optimizer of a model of Keras."""
    optimizer = getattr(model, "optimizer", None)
    return {"optimizer": scalars(optimizer.get_config())} if optimizer is not None else {}


def _trainer(run: RunLogger, trainer: Any, name: str) -> None:
    """Log a Trainer of Transformers: its arguments, and its history."""
    run.log_params({name: trainer_arguments(trainer.args)})
    for entry in trainer.state.log_history:
        log_entry(run, f"{name}.", entry, entry.get("step"))


def log_entry(run: RunLogger, prefix: str, entry: Mapping[str, Any], step: Any) -> None:
    """Log an entry of the history of a Trainer."""
    for key, value in entry.items():
        if key != "step" and _is_number(value):
            run.log_metric(prefix + key, value, step)


def trainer_arguments(arguments: Any) -> dict[str, Any]:
    """Return those arguments of a Trainer that differ from the default, and the usual ones."""
    usual = {"learning_rate", "num_train_epochs", "per_device_train_batch_size", "seed"}
    fields = getattr(type(arguments), "__dataclass_fields__", {})
    return scalars(
        {
            name: getattr(arguments, name, None)
            for name, field in fields.items()
            if name in usual or getattr(arguments, name, None) != field.default
        }
    )


def scalars(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the single values of a mapping; '__' in a name becomes a dot, as in nested names."""
    return {
        str(name).replace("__", "."): value
        for name, value in values.items()
        if isinstance(value, str) or (_is_number(value) and not isnan(value))
    }


def _is_number(value: Any) -> bool:
    """Return True for a number, also one of numpy."""
    is_scalar = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return isinstance(value.item() if is_scalar else value, (int, float))


def _fitted_marks(estimator: Any) -> tuple[int, ...] | None:
    """Return the identities of fitted attributes; None for an estimator that is not fitted."""
    own = vars(estimator)
    # scikit-learn ends the names of fitted attributes with an underscore (its developer's guide).
    found = [id(own[key]) for key in own if key.endswith("_") and not key.startswith("_")]
    return tuple(found) or None


def _booster_marks(estimator: Any) -> tuple[int, ...] | None:
    """Return the identity of the booster of an estimator; None for one that is not fitted."""
    if not estimator.__sklearn_is_fitted__():
        return None
    has_method = hasattr(estimator, "get_booster")
    return (id(estimator.get_booster() if has_method else estimator.booster_),)


def _keras_marks(model: Any) -> tuple[int, ...] | None:
    """Return the identity of the last training; None for a model that was not trained."""
    history = getattr(getattr(model, "history", None), "history", None)
    return (id(history),) if history else None


def _trainer_marks(trainer: Any) -> tuple[int, ...] | None:
    """Return the length of a Trainer's history; None if it is empty."""
    history = getattr(getattr(trainer, "state", None), "log_history", None)
    return (len(history),) if history else None


# Estimators of XGBoost and LightGBM are also a `BaseEstimator`, so they come before scikit-learn.
_CLASSES: dict[str, tuple[str, Iterable[str]]] = {
    "xgboost": ("xgboost.sklearn", ("XGBModel",)),
    "lightgbm": ("lightgbm.sklearn", ("LGBMModel",)),
    "sklearn": ("sklearn.base", ("BaseEstimator",)),
    "keras": ("keras", ("Model",)),
    "transformers": ("transformers.trainer", ("Trainer",)),
}
_MARKS: dict[str, Callable[[Any], tuple[int, ...] | None]] = {
    "xgboost": _booster_marks,
    "lightgbm": _booster_marks,
    "sklearn": _fitted_marks,
    "keras": _keras_marks,
    "transformers": _trainer_marks,
}
_WRITERS: dict[str, Callable[[RunLogger, Any, str], None]] = {
    "xgboost": _estimator,
    "lightgbm": _estimator,
    "sklearn": _estimator,
    "keras": _keras_model,
    "transformers": _trainer,
}
