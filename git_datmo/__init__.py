"""git-datmo: version data, models, environments and results with the code.

Training scripts use it as `import git_datmo as datmo`: see `docs/TRACKING.md`. The functions are
loaded when they are used first, since every command imports this module.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from git_datmo.tracking.artifacts import (
        log_artifact,
        log_figure,
        log_image,
        log_model,
        log_table,
        log_text,
    )
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
    "log_artifact",
    "log_figure",
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
    "track",
]


def __getattr__(name: str) -> object:
    """Import the module of a function of the training script's interface."""
    if name not in _HOME:
        raise AttributeError(f"module 'git_datmo' has no attribute '{name}'")
    from importlib import import_module

    found: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found
