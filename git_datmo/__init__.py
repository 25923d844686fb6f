"""git-datmo: version data, models, environments and results with the code.

Training scripts use it as `import git_datmo as datmo`: see `docs/TRACKING.md`. The functions are
loaded when they are used first, since every command imports this module.
"""

# Type checkers know this name. Importing `typing` would slow every command down.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from git_datmo.tracking import callbacks
    from git_datmo.tracking.artifacts import (
        log_artifact,
        log_figure,
        log_image,
        log_model,
        log_table,
        log_text,
    )
    from git_datmo.tracking.autolog import autolog
    from git_datmo.tracking.fitted_objects import log_fitted
    from git_datmo.tracking.training import (
        log_metric,
        log_metrics,
        log_param,
        log_params,
        run,
        set_tag,
        track,
    )

__version__ = "0.1.0"

_MODULES = {
    "git_datmo.tracking": ("callbacks",),
    "git_datmo.tracking.autolog": ("autolog",),
    "git_datmo.tracking.fitted_objects": ("log_fitted",),
    "git_datmo.tracking.notebook": ("load_ipython_extension", "unload_ipython_extension"),
    "git_datmo.script_api": ("curve", "data", "experiments", "snapshot", "ui"),
    "git_datmo.tracking.training": (
        *("log_metric", "log_metrics", "log_param", "log_params", "run", "set_tag", "track"),
    ),
    "git_datmo.tracking.artifacts": (
        *("log_artifact", "log_figure", "log_image", "log_model", "log_table", "log_text"),
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "__version__",
    "autolog",
    "callbacks",
    "curve",
    "data",
    "experiments",
    "log_artifact",
    "log_figure",
    "log_fitted",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_model",
    "log_param",
    "log_params",
    "log_table",
    "log_text",
    "run",
    "set_tag",
    "snapshot",
    "track",
    "ui",
]


def __getattr__(name: str) -> "Any":  # of whatever type it is
    """Import the module of a function of the training script's interface.

    The copy of this package that a run brings along has only the functions that log.
    """
    if name not in _HOME:
        raise AttributeError(f"module 'git_datmo' has no attribute '{name}'")
    from importlib import import_module

    try:
        module = import_module(_HOME[name])
    except ModuleNotFoundError as error:
        # A module that is missing deeper down is another error.
        if error.name != _HOME[name]:
            raise
        what = f"git_datmo.{name} needs git-datmo: install it in this environment"
        raise ImportError(what) from None
    # A module of the package, such as `callbacks`, may not be imported yet.
    found = getattr(module, name, None) or import_module(f"{_HOME[name]}.{name}")
    # The next access finds the function without a call of `__getattr__`.
    globals()[name] = found
    return found
