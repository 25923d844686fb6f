"""Log trainings without a line for each, once `datmo.autolog()` or `run --autolog` asks for it.

Two official ways need no change of a library. PyTorch Lightning asks entry points for callbacks:
`_Entries` answers for this process. All other libraries are read at the end of the run: trained
objects among the variables of the script's top level say by their public attributes what came of
them.
"""

from __future__ import annotations

import atexit
import os
import sys
from typing import TYPE_CHECKING, Any

from git_datmo.tracking import callbacks, fitted_objects
from git_datmo.tracking.run_logger import RunLogger, rank
from git_datmo.tracking.training import active

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "GIT_DATMO_AUTOLOG"
PLUGIN = "git-datmo-autolog"

ENTRY_POINTS = """\
[lightning.pytorch.callbacks_factory]
git-datmo = git_datmo.tracking.autolog:lightning_callbacks

[pytorch_lightning.callbacks_factory]
git-datmo = git_datmo.tracking.autolog:lightning_callbacks
"""


class _Switch:
    """The process that switched autologging on; 0 for none."""

    owner = 0


def autolog() -> None:
    """Log all trainings of this process from now on, as far as official hooks allow.

    Lightning is logged while it trains. For other libraries, trained objects of the script's top
    level are logged when the run ends.
    """
    if _Switch.owner:
        return
    _Switch.owner = os.getpid()
    # importlib.metadata asks each finder of this list for distributions.
    sys.meta_path.append(_Entries())
    RunLogger.before_end.append(log_top_level)
    # The variable reaches every Python process of a run, and most of them train nothing.
    if not os.environ.get(VARIABLE):
        active()
    # Of functions at exit, the one that was registered last is called first.
    atexit.register(_log_at_exit)


def _log_at_exit() -> None:
    """Log the trained objects of a script that ends; a run is begun only if there is one."""
    if os.getpid() == _Switch.owner and next(_found(), None) is not None:
        run = active()
        log_top_level(run)
        run.end(getattr(sys, "last_value", None))


def log_top_level(run: RunLogger) -> None:
    """Log the trained objects among the variables of the script's top level."""
    try:
        for name, known in list(_found()):
            fitted_objects.log_object(run, known, name)
    except Exception as error:  # whatever a library raises, the training goes on
        run.warn(f"autolog does not log everything: {error}")


def _found() -> Iterator[tuple[str, Any]]:
    """Yield the name and value of each trained object that is not logged yet."""
    main = sys.modules.get("__main__")
    if main is None or rank():
        return
    seen = set()
    for name, value in list(vars(main).items()):
        library = "" if name.startswith("_") else fitted_objects.library_of(value)
        # A callback has logged the trainings of its library already.
        if not library or library in callbacks.used():
            continue
        marks = fitted_objects.results_of(value)
        # Several names may stand for one object.
        if marks not in fitted_objects.logged and marks not in seen:
            seen.add(marks)
            yield name, value


def lightning_callbacks() -> list[Any]:
    """Return the callbacks that PyTorch Lightning adds to each Trainer."""
    if not _Switch.owner:
        return []
    base = callbacks.lightning_module("callbacks.callback").Callback
    functions = {"setup": _join_trainer, "on_train_end": _log_last_values}
    return [type("DatmoAutolog", (base,), functions)()]


def _join_trainer(_: Any, trainer: Any, *__: Any, **___: Any) -> None:
    """Add a logger to those of a Trainer, unless the user wants none, or has this one."""
    known = {type(each).__name__ for each in trainer.loggers}
    if known and callbacks.LOGGER not in known:
        trainer.loggers = [*trainer.loggers, callbacks.lightning()]


def _log_last_values(_: Any, trainer: Any, *__: Any) -> None:
    """Log the last values of a Trainer without loggers."""
    if not trainer.loggers and trainer.is_global_zero:
        active().log_metrics(dict(trainer.callback_metrics), trainer.global_step)


class _Entries:
    """A finder that answers `importlib.metadata` with the entry points, and finds no module."""

    def find_spec(self, *_: Any) -> None:
        """Find no module."""

    def find_distributions(self, context: Any = None) -> Iterable[Any]:
        """Return the distribution that has the entry points."""
        # Without a name, importlib.metadata asks for all distributions.
        return [_plugin()] if getattr(context, "name", None) in (None, PLUGIN) else []


def _plugin() -> Any:
    """Return a distribution without files that has entry points."""
    from importlib.metadata import Distribution

    texts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {PLUGIN}\nVersion: 0\n",
        "entry_points.txt": ENTRY_POINTS,
    }

    class Plugin(Distribution):
        """A distribution in memory."""

        def read_text(self, filename: str) -> str | None:
            """Return the text of one of its files."""
            return texts.get(filename)

        def locate_file(self, path: Any) -> Any:
            """Return the path of a file, of which there is none."""
            return path

    return Plugin()
