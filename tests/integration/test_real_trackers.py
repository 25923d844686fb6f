"""Test readers on files that the trackers themselves write.

Each test is skipped where its library is missing. `DATMO_TEST_TRACKERS` names a Python that has
them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from git_datmo.readers.reader_registry import find_sources
from git_datmo.readers.tool_runs import ToolRun
from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

PYTHON = os.environ.get("DATMO_TEST_TRACKERS") or sys.executable
VALUES = [1.0, 0.5, 0.25, 0.125]
LOOP = "for step, value in enumerate((1.0, 0.5, 0.25, 0.125)):\n    "

# The library, the script, the name that the reader gives to the metric, and its parameters.
SCRIPTS: dict[str, tuple[str, str, str, dict[str, object]]] = {
    "tensorboardX": (
        "tensorboardX",
        (
            "from tensorboardX import SummaryWriter\n"
            "w = SummaryWriter('runs')\n"
            f"{LOOP}w.add_scalar('val/loss', value, step)\n"
            "w.add_hparams({'lr': 0.5, 'kind': 'a'}, {'end': 1.0})\n"
            "w.close()\n"
        ),
        "val/loss",
        {"lr": 0.5, "kind": "a"},
    ),
    "tensorboard": (
        "tensorboard",
        (
            "from tensorboard.compat.proto.event_pb2 import Event\n"
            "from tensorboard.plugins.scalar.summary_v2 import scalar_pb\n"
            "from tensorboard.summary.writer.event_file_writer import EventFileWriter\n"
            "w = EventFileWriter('runs')\n"
            f"{LOOP}w.add_event(Event(wall_time=1.7e9, step=step, "
            "summary=scalar_pb('val/loss', value)))\n"
            "w.close()\n"
        ),
        "val/loss",
        {},
    ),
    "dvclive": (
        "dvclive",
        (
            "from dvclive import Live\n"
            "with Live(save_dvc_exp=False, dvcyaml=None, report=None) as live:\n"
            "    live.log_params({'lr': 0.5, 'model': {'depth': 2}})\n"
            "    for value in (1.0, 0.5, 0.25, 0.125):\n"
            "        live.log_metric('val/loss', value)\n"
            "        live.next_step()\n"
        ),
        "val/loss",
        {"lr": 0.5, "model.depth": 2},
    ),
    "trackio": (
        "trackio",
        (
            "import trackio\n"
            "trackio.init(project='sea', name='calm', config={'lr': 0.5, 'model': {'depth': 2}})\n"
            f"{LOOP}trackio.log({{'val/loss': value}}, step=step)\n"
            "trackio.finish()\n"
        ),
        "val/loss",
        {"lr": 0.5, "model.depth": 2},
    ),
    "wandb": (
        "wandb",
        (
            "import wandb\n"
            "run = wandb.init(project='sea', config={'lr': 0.5, 'model': {'depth': 2}})\n"
            f"{LOOP}run.log({{'val/loss': value}}, step=step)\n"
            "run.finish()\n"
        ),
        "val/loss",
        {"lr": 0.5, "model.depth": 2},
    ),
    **{
        f"mlflow {form}": (
            "mlflow",
            (
                "import mlflow\n"
                f"mlflow.set_tracking_uri('{uri}')\n"
                "with mlflow.start_run(run_name='calm'):\n"
                "    mlflow.log_params({'lr': 0.5, 'kind': 'a'})\n"
                "    for step, value in enumerate((1.0, 0.5, 0.25, 0.125)):\n"
                "        mlflow.log_metric('val/loss', value, step=step)\n"
            ),
            "val/loss",
            {"lr": 0.5, "kind": "a"},
        )
        for form, uri in {"folder": "mlruns", "database": "sqlite:///mlflow.db"}.items()
    },
    "lightning": (
        "lightning",
        (
            "from lightning.pytorch.loggers import CSVLogger\n"
            "logger = CSVLogger('logs')\n"
            "logger.log_hyperparams({'lr': 0.5, 'kind': 'a'})\n"
            f"{LOOP}logger.log_metrics({{'val/loss': value}}, step)\n"
            "logger.save()\n"
        ),
        "val/loss",
        {"lr": 0.5, "kind": "a"},
    ),
    "ultralytics": (
        "ultralytics",
        (
            "import time, types, pathlib\n"
            "from ultralytics.engine.trainer import BaseTrainer\n"
            "folder = pathlib.Path('runs/train')\n"
            "folder.mkdir(parents=True)\n"
            "(folder / 'args.yaml').write_text('imgsz: 640\\nmodel: yolo11n.pt\\n')\n"
            f"{LOOP}BaseTrainer.save_metrics(types.SimpleNamespace(csv=folder / 'results.csv', "
            "epoch=step - 1, train_time_start=time.time()), {'val/loss': value})\n"
        ),
        "val/loss",
        {"imgsz": 640, "model": "yolo11n.pt"},
    ),
    "transformers": (
        "transformers",
        (
            "from transformers.trainer_callback import TrainerState\n"
            "state = TrainerState(max_steps=4)\n"
            f"{LOOP}state.log_history.append({{'val/loss': value, 'step': step}})\n"
            "state.save_to_json('trainer_state.json')\n"
        ),
        "val/loss",
        {"max_steps": 4, "num_train_epochs": 0, "logging_steps": 500, "eval_steps": 500},
    ),
}


@cache
def has(library: str) -> bool:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({library!r}) is None)"
    return subprocess.run([PYTHON, "-c", code], check=False, timeout=60).returncode == 0


def found_runs(folder: Path) -> Iterator[ToolRun]:
    """Return the runs in all files that a reader claims."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    sources = {
        (kind.name, source): kind
        for path in paths
        for kind, source in find_sources(path.relative_to(folder).as_posix())
    }
    for (_, source), kind in sources.items():
        yield from kind.read(folder / source)


@pytest.mark.parametrize("name", SCRIPTS)
def test_run_of_an_unmodified_script_has_curves_and_parameters(
    repo: Shell, tmp_path: Path, name: str
) -> None:
    library, script, metric, parameters = SCRIPTS[name]
    if not has(library):
        pytest.skip(f"{library} is not installed")
    repo.commit("t.py", script)
    home = tmp_path / "cold"
    home.mkdir()
    work = repo.having(HOME=str(home), HF_HUB_OFFLINE="1", MLFLOW_ALLOW_FILE_STORE="1")
    datmo(work, "run", "--", PYTHON, "t.py")
    record = experiments(repo)[0]
    curve = record["curves"][metric]
    assert (curve["points"], curve["min"], curve["max"]) == (4, 0.125, 1)
    assert record["metrics"][metric] == 0.125
    assert record["parameters"] == parameters


@pytest.mark.parametrize("name", SCRIPTS)
def test_reader_finds_all_that_the_library_wrote(
    shell: Callable[..., Shell], tmp_path: Path, name: str
) -> None:
    library, script, metric, parameters = SCRIPTS[name]
    if not has(library):
        pytest.skip(f"{library} is not installed")
    work = shell(
        "work",
        HOME=str(tmp_path / "home"),
        WANDB_MODE="offline",
        TRACKIO_DIR=str(tmp_path / "work" / "trackio"),
        HF_HUB_OFFLINE="1",
        MLFLOW_ALLOW_FILE_STORE="1",
    )
    work.run(PYTHON, "-c", script)
    runs = list(found_runs(work.cwd))
    with_metric = [run for run in runs if metric in run.series]
    assert len(with_metric) == 1
    series = with_metric[0].series[metric]
    assert list(series.values) == VALUES
    assert list(series.steps) == [0, 1, 2, 3]
    assert {key: value for run in runs for key, value in run.parameters.items()} == parameters
    assert [run.problems for run in runs] == [[] for _ in runs]
