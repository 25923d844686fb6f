"""Test readers by the files that they claim: those of this package, and one that another adds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from git_datmo.errors import DatmoError
from git_datmo.readers import reader_registry
from git_datmo.readers.reader_registry import find_sources
from tests.support.reader_package import install_diary

RUN = "mlruns/1/0123456789abcdef0123456789abcdef"
CLAIMS = {
    "metrics.json": [("script", "metrics.json")],
    "out/metrics.csv": [("script", "out/metrics.csv")],
    "runs/detect/train/results.csv": [("script", "runs/detect/train/results.csv")],
    "logs/events.out.tfevents.1.host": [("tensorboard", "logs/events.out.tfevents.1.host")],
    "out/checkpoint-5/trainer_state.json": [
        ("transformers", "out/checkpoint-5/trainer_state.json")
    ],
    "dvclive/plots/metrics/train/loss.tsv": [("dvclive", "dvclive")],
    "dvclive/metrics.json": [("dvclive", "dvclive")],
    "plots/metrics/loss.tsv": [("dvclive", ".")],
    f"{RUN}/meta.yaml": [("mlflow", RUN)],
    f"{RUN}/metrics/val/loss": [("mlflow", RUN)],
    f"{RUN}/artifacts/model.bin": [],
    "mlruns/1/meta.yaml": [],
    "mlflow.db": [("mlflow", "mlflow.db"), ("trackio", "mlflow.db")],
    "mlflow.db-wal": [("mlflow", "mlflow.db"), ("trackio", "mlflow.db")],
    "x.sqlite": [("mlflow", "x.sqlite")],
    "wandb/offline-run-1/run-a.wandb": [("wandb", "wandb/offline-run-1/run-a.wandb")],
    "train.py": [],
    "data/table.csv": [],
}


@pytest.mark.parametrize("path", CLAIMS)
def test_file_is_claimed_by_the_readers_of_its_name(path: str) -> None:
    assert [(kind.name, source) for kind, source in find_sources(path)] == CLAIMS[path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Install the package with the reader `diary`."""

    def install(*points: str) -> None:
        monkeypatch.syspath_prepend(install_diary(tmp_path / "site", *points))
        reader_registry.all_readers.cache_clear()

    yield install
    sys.modules.pop("diary_reader", None)
    reader_registry.all_readers.cache_clear()


def test_reader_of_another_package_is_found(install: Callable[..., None], tmp_path: Path) -> None:
    install()
    path = tmp_path / "a.diary"
    path.write_text("mood 1\nmood 0.5\n")
    ((kind, source),) = find_sources("a.diary")
    (run,) = kind.read(tmp_path / source)
    assert list(run.series["mood"].values) == [1, 0.5]


@pytest.mark.parametrize("target", ["missing_module:KIND", "diary_reader:MISSING"])
def test_package_that_cannot_be_imported_is_named(
    install: Callable[..., None], target: str
) -> None:
    install(f"diary = {target}")
    with pytest.raises(DatmoError, match="the reader 'diary' cannot be imported") as refused:
        list(find_sources("x"))
    assert target.partition(":")[0] in refused.value.hint
