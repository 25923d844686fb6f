"""Make callbacks that log a training: `datmo.callbacks.LIBRARY()`.

Each function returns an object for the place where the library takes callbacks or loggers. The
script must have imported the library. What a callback cannot log is one warning, and the training
goes on. Only the first process of a distributed training logs.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from typing import Any, TypeVar, cast

from git_datmo.tracking import fitted_objects
from git_datmo.tracking.run_logger import rank
from git_datmo.tracking.training import active

F = TypeVar("F", bound=Callable[..., Any])

LOGGER = "DatmoLogger"
_used: set[str] = set()


def used() -> frozenset[str]:
    """Return the libraries whose callbacks have logged, so that nothing is logged twice."""
    return frozenset(_used)


def sklearn() -> Any:
    """Return a callback for `estimator.set_callbacks(…)` of scikit-learn 1.9 or later.

    After the fit, it logs the estimator as `log_fitted` does. Then it takes itself off the
    estimator, which is pickled as without it.
    """
    try:
        _require("sklearn", "sklearn.callback")
    except ModuleNotFoundError:
        what = (
            "datmo.callbacks.sklearn() needs scikit-learn 1.9: call datmo.log_fitted after the fit"
        )
        raise ImportError(what) from None
    return _SklearnCallback()


def lightning() -> Any:
    """Return a logger for `Trainer(logger=…)` of PyTorch Lightning."""
    base = lightning_module("loggers.logger").Logger
    first_only = lightning_module("utilities.rank_zero").rank_zero_only
    functions = {
        "name": property(lambda _: "datmo"),
        "version": property(lambda _: ""),
        "log_metrics": first_only(_log_metrics),
        "log_hyperparams": first_only(_log_hyperparameters),
    }
    return _made(LOGGER, base, functions, lightning)


def transformers() -> Any:
    """Return a callback for `Trainer(callbacks=[…])` of Transformers."""
    base = _require("transformers", "transformers.trainer_callback").TrainerCallback
    functions = {"on_train_begin": _transformers_begin, "on_log": _transformers_log}
    return _made("DatmoCallback", base, functions, transformers)


def keras() -> Any:
    """Return a callback for `model.fit(callbacks=[…])` of Keras."""
    base = _require("keras", "keras").callbacks.Callback
    functions = {"on_train_begin": _keras_begin, "on_epoch_end": _keras_epoch}
    return _made("DatmoCallback", base, functions, keras)


def xgboost() -> Any:
    """Return a callback for `xgboost.train(callbacks=[…])`, or for its estimators."""
    base = _require("xgboost", "xgboost.callback").TrainingCallback
    functions = {"before_training": _xgboost_begin, "after_iteration": _xgboost_iteration}
    return _made("DatmoCallback", base, functions, xgboost)


def lightgbm() -> Any:
    """Return a callback for `lightgbm.train(callbacks=[…])`, or for `fit` of its estimators."""
    _require("lightgbm", "lightgbm")
    return _LightgbmCallback()


def _made(name: str, base: Any, functions: dict[str, Any], maker: Any) -> Any:
    """Return an object of a new subclass of `base`; a copy of it is made by `maker`."""
    # Pickle finds a class by its name in a module, which this class does not have.
    return type(name, (base,), {**functions, "__reduce__": lambda _: (maker, ())})()


def _require(library: str, module: str) -> Any:
    """Return a module of a library that the script has imported."""
    found = sys.modules.get(module)
    if found is None and library in sys.modules:
        from importlib import import_module

        found = import_module(module)
    if found is None:
        what = f"datmo.callbacks.{library}() needs {library}: import it before"
        raise ImportError(what)
    return found


def lightning_module(name: str) -> Any:
    """Return a module of the package of Lightning that the script has imported."""
    # Lightning is published as two packages, each with classes of its own.
    for package, library in (("lightning.pytorch", "lightning"), ("pytorch_lightning",) * 2):
        if package in sys.modules:
            return _require(library, f"{package}.{name}")
    return _require("lightning", f"lightning.pytorch.{name}")


def _guarded(library: str) -> Callable[[F], F]:
    """Return a decorator for what a library calls: it never raises, and logs in one process."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def guarded(*args: Any, **named: Any) -> Any:
            if rank():
                return None
            if library != "sklearn":  # estimators are told apart one by one
                _used.add(library)
            try:
                return function(*args, **named)
            except Exception as error:  # whatever a library raises, the training goes on
                active().warn(f"a training of {library} is not logged as a whole: {error}")
                return None

        return cast("F", guarded)

    return decorate


class _SklearnCallback:
    """A callback of scikit-learn, which needs no class of it."""

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing at the beginning of a fit."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing at the beginning of a part of a fit."""

    def on_fit_task_end(self, estimator: Any, context: Any) -> None:
        """Do nothing at the end of a part of a fit."""

    @_guarded("sklearn")
    def teardown(self, estimator: Any, context: Any) -> None:  # noqa: ARG002
        """Log the estimator after the fit."""
        others = [each for each in getattr(estimator, "_skl_callbacks", ()) if each is not self]
        estimator.set_callbacks(*others)
        fitted_objects.log_object(active(), estimator, type(estimator).__name__)


@_guarded("lightning")
def _log_metrics(_: Any, metrics: Any, step: Any = None) -> None:
    """Log metrics of Lightning."""
    active().log_metrics(metrics, step)


@_guarded("lightning")
def _log_hyperparameters(_: Any, params: Any = None, *__: Any, **___: Any) -> None:
    """Log parameters of Lightning."""
    values = params if isinstance(params, dict) else vars(params) if params is not None else {}
    active().log_params(dict(values))


@_guarded("transformers")
def _transformers_begin(_: Any, args: Any, *__: Any, **___: Any) -> None:
    """Log the arguments of a Trainer."""
    active().log_params(fitted_objects.trainer_arguments(args))


@_guarded("transformers")
def _transformers_log(_: Any, __: Any, state: Any, ___: Any, logs: Any = None, **____: Any) -> None:
    """Log an entry of the history of a Trainer."""
    if state.is_world_process_zero:
        fitted_objects.log_entry(active(), "", logs or {}, state.global_step)


@_guarded("keras")
def _keras_begin(self: Any, _: Any = None) -> None:
    """Log the optimizer of a model."""
    active().log_params(fitted_objects.keras_parameters(self.model))


@_guarded("keras")
def _keras_epoch(_: Any, epoch: int, logs: Any = None) -> None:
    """Log the metrics of an epoch."""
    active().log_metrics(logs or {}, epoch)


XGBOOST_PARAMETERS = (
    *("eta", "gamma", "max_depth", "max_leaves", "min_child_weight", "max_delta_step"),
    *("subsample", "colsample_bytree", "lambda", "alpha"),
)


@_guarded("xgboost")
def _log_booster(model: Any) -> None:
    """Log the main parameters of a booster."""
    learner = json.loads(model.save_config())["learner"]
    booster = learner.get("gradient_booster", {})
    trees = booster.get("tree_train_param", {})
    values = {name: _number(trees[name]) for name in XGBOOST_PARAMETERS if name in trees}
    active().log_params(
        {
            "objective": learner["objective"]["name"],
            "booster": booster.get("name", ""),
            **values,
        }
    )


def _xgboost_begin(_: Any, model: Any) -> Any:
    """Log the parameters; XGBoost wants the model back."""
    _log_booster(model)
    return model


def _xgboost_iteration(_: Any, __: Any, epoch: int, evaluations: Any) -> bool:
    """Log an iteration; False lets the training go on."""
    _log_iteration(epoch, evaluations)
    return False


@_guarded("xgboost")
def _log_iteration(epoch: int, evaluations: Any) -> None:
    """Log the last value of each metric."""
    for data, metrics in evaluations.items():
        for metric, values in metrics.items():
            last = values[-1]
            # Cross-validation gives the mean and the deviation.
            active().log_metric(
                f"{data}/{metric}", last[0] if isinstance(last, tuple) else last, epoch
            )


class _LightgbmCallback:
    """A callback of LightGBM, which is any callable."""

    # LightGBM calls callbacks by `order`. Its early stopping has 30, and ends the training by an
    # exception.
    order = 20
    before_iteration = False

    @_guarded("lightgbm")
    def __call__(self, env: Any) -> None:
        """Log an iteration."""
        run = active()
        if env.iteration == env.begin_iteration:
            run.log_params(fitted_objects.scalars(env.params))
        for data, metric, value, is_higher_better, *_ in env.evaluation_result_list or ():
            goal = "max" if is_higher_better else "min"
            run.log_metric(f"{data}/{metric}", value, env.iteration, goal=goal)


def _number(text: str) -> Any:
    """Return a text as a number if it is one."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text
