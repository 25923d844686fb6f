"""Test readers of trackers' files in their documented layouts."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import pytest

from git_datmo.errors import Damaged
from git_datmo.readers import (
    dvclive_reader,
    mlflow_reader,
    script_reader,
    trackio_reader,
    trainer_reader,
    wandb_reader,
)
from git_datmo.readers.tool_runs import ToolRun
from tests.support.tracker_files import (
    RUN_ID,
    mlflow_database,
    mlflow_folder,
    trackio_database,
    wandb_log,
    write_all,
)

SECOND = 1_700_000_000_000_000


def points(run: ToolRun, name: str) -> list[tuple[float, float, int]]:
    series = run.series[name]
    return list(zip(series.values, series.steps, series.times, strict=True))


def read_script(folder: Path, name: str, text: str) -> ToolRun:
    write_all(folder, {name: text})
    (run,) = script_reader.read(folder / name)
    return run


def test_lines_are_points_by_their_step(tmp_path: Path) -> None:
    run = read_script(
        tmp_path,
        "metrics.jsonl",
        '{"step": 5, "loss": 1, "timestamp": 1700000000}\n\n'
        '{"step": 3, "loss": NaN, "val": {"f1": 0.5}, "note": "x"}\n{"step": 9, "lo',
    )
    loss = points(run, "loss")
    assert loss[0] == (1, 5, SECOND)
    assert loss[1][1:] == (3, 0)
    assert math.isnan(loss[1][0])
    assert points(run, "val.f1") == [(0.5, 3, 0)]
    assert set(run.series) == {"loss", "val.f1"}


def test_rows_without_a_step_are_numbered(tmp_path: Path) -> None:
    run = read_script(tmp_path, "metrics.csv", "loss,name\n1,a\n0.5,b\n")
    assert points(run, "loss") == [(1, 0, 0), (0.5, 1, 0)]


def test_table_of_lightning_has_gaps_and_hyperparameters(tmp_path: Path) -> None:
    write_all(tmp_path, {"hparams.yaml": "lr: 0.1\nmodel:\n  depth: 3\n"})
    run = read_script(
        tmp_path,
        "metrics.csv",
        "epoch,step,train_loss,val_loss\n0,49,0.9,\n0,49,,0.8\n1,99,0.7,\n",
    )
    assert points(run, "train_loss") == [(0.9, 49, 0), (0.7, 99, 0)]
    assert points(run, "val_loss") == [(0.8, 49, 0)]
    assert run.parameters == {"lr": 0.1, "model.depth": 3}


def test_table_of_ultralytics_has_padded_names_and_durations(tmp_path: Path) -> None:
    write_all(tmp_path, {"args.yaml": "model: yolo11n.pt\nimgsz: 640\nsave_dir: null\n"})
    run = read_script(
        tmp_path,
        "results.csv",
        "   epoch,   time,  train/box_loss, metrics/mAP50(B)\n  1, 12.5,  1.5,  0.25\n 2, 25, 1, inf\n",
    )
    assert points(run, "train/box_loss") == [(1.5, 1, 0), (1, 2, 0)]
    assert points(run, "metrics/mAP50(B)") == [(0.25, 1, 0), (math.inf, 2, 0)]
    assert run.parameters == {"model": "yolo11n.pt", "imgsz": 640}


def test_document_of_run_has_final_values(tmp_path: Path) -> None:
    run = read_script(tmp_path, "metrics.json", '{"acc": 0.5, "per": {"a": true}}')
    assert run.metrics == {"acc": 0.5, "per.a": True}
    assert run.series == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"', "[" * 100_000])
def test_document_that_is_no_object_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Damaged):
        read_script(tmp_path, "metrics.json", text)


def test_state_of_a_trainer_has_its_history(tmp_path: Path) -> None:
    history = [
        {"epoch": 0.5, "loss": 2.5, "learning_rate": 1e-5, "step": 10},
        {"epoch": 1.0, "eval_loss": 2.0, "step": 20},
        {"epoch": 1.0, "loss": 1.5, "step": 20},
    ]
    state = {"log_history": history, "best_metric": 2.0, "max_steps": 20, "global_step": 20}
    write_all(tmp_path, {"trainer_state.json": json.dumps(state)})
    (run,) = trainer_reader.read(tmp_path / "trainer_state.json")
    assert points(run, "loss") == [(2.5, 10, 0), (1.5, 20, 0)]
    assert points(run, "eval_loss") == [(2, 20, 0)]
    assert run.parameters == {"max_steps": 20}
    assert run.metrics == {"best_metric": 2}


def test_folder_of_dvclive_has_full_names_and_final_values(tmp_path: Path) -> None:
    write_all(
        tmp_path,
        {
            "plots/metrics/train/loss.tsv": "step\tloss\n0\t1.0\n2\t0.5\n",
            "plots/metrics/acc.tsv": "timestamp\tstep\tacc\n1700000000000\t0\t0.25\n",
            "metrics.json": '{"train": {"loss": 0.5}, "acc": 0.25, "step": 2, "best": 3}',
            "params.yaml": "lr: 0.1\n",
        },
    )
    (run,) = dvclive_reader.read(tmp_path)
    assert points(run, "train/loss") == [(1, 0, 0), (0.5, 2, 0)]
    assert points(run, "acc") == [(0.25, 0, SECOND)]
    assert run.metrics == {"best": 3}
    assert run.parameters == {"lr": 0.1}


def test_run_of_an_mlflow_folder_is_whole(tmp_path: Path) -> None:
    (run,) = mlflow_reader.read_folder(mlflow_folder(tmp_path))
    assert (run.id, run.name, run.author, run.status) == (RUN_ID, "calm", "ada", "failed")
    assert (run.started, run.ended) == (SECOND, SECOND + 1_000_000)
    assert (run.commit, run.command) == ("c" * 40, ("train.py",))
    assert run.parameters == {"lr": 0.1}
    assert run.tags == {"team": "blue"}
    assert run.lost == ["the artifacts"]
    first, second = points(run, "val/loss")
    assert first == (1, 0, SECOND + 500_000)
    assert math.isnan(second[0])
    assert second[1:] == (10, SECOND + 600_000)


def test_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    run = mlflow_folder(tmp_path)
    (run / "meta.yaml").write_text("- x")
    with pytest.raises(Damaged):
        list(mlflow_reader.read_folder(run))


def test_run_of_an_mlflow_database_is_whole(tmp_path: Path) -> None:
    path = mlflow_database(tmp_path / "mlflow.db")
    (run,) = mlflow_reader.read_database(path)
    assert (run.id, run.name, run.author, run.status) == (RUN_ID, "calm", "ada", "killed")
    assert run.parameters == {"lr": 0.1}
    assert run.tags == {"experiment": "sea", "team": "blue"}
    loss = run.series["loss"]
    assert loss.values[0] == 1
    assert math.isnan(loss.values[1])
    assert loss.values[2] == -math.inf
    assert list(loss.steps) == [0, 1, 2]
    assert loss.times[0] == SECOND + 500_000
    assert os.listdir(tmp_path) == ["mlflow.db"]


def test_run_of_a_trackio_database_is_whole(tmp_path: Path) -> None:
    path = trackio_database(tmp_path / "sea.db")
    (run,) = trackio_reader.read(path)
    assert (run.id, run.name, run.author) == ("r1", "calm", "ada")
    assert run.started == SECOND
    assert run.parameters == {"lr": 0.1, "model.depth": 2}
    assert points(run, "best.f1") == [(2, 0, SECOND + 250_000)]
    assert math.isnan(run.series["loss"].values[1])
    assert run.lost == ["text 'note'"]
    assert run.tags == {"project": "sea"}
    assert os.listdir(tmp_path) == ["sea.db"]


def test_database_of_another_program_has_no_runs(tmp_path: Path) -> None:
    trackio_database(tmp_path / "t.db")
    mlflow_database(tmp_path / "m.db")
    assert list(mlflow_reader.read_database(tmp_path / "t.db")) == []
    assert list(trackio_reader.read(tmp_path / "m.db")) == []


def test_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"SQLite format 3\0" + b"no database" * 100)
    with pytest.raises(Damaged):
        list(trackio_reader.read(tmp_path / "x.db"))


def test_file_of_another_kind_with_the_name_of_a_database_has_no_runs(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    (tmp_path / "empty.db").touch()
    for name in ("x.db", "empty.db"):
        assert list(trackio_reader.read(tmp_path / name)) == []
        assert list(mlflow_reader.read_database(tmp_path / name)) == []


def test_table_of_results_without_epochs_has_no_metrics(tmp_path: Path) -> None:
    write_all(tmp_path, {"results.csv": "id,prediction\n1,0.5\n2,0.75\n"})
    assert list(script_reader.read(tmp_path / "results.csv")) == []


def test_log_of_wandb_is_whole(tmp_path: Path) -> None:
    (run,) = wandb_reader.read(wandb_log(tmp_path / "run-r1.wandb"))
    assert (run.id, run.name, run.status, run.commit) == ("r1", "calm", "failed", "c" * 40)
    assert run.started == SECOND + 500_000
    assert run.parameters == {"lr": 0.1, "model.depth": 2}
    assert points(run, "loss") == [
        (1 / (step + 1), step * 2, SECOND + (step + 1) * 1_000_000) for step in range(3)
    ]
    assert list(run.series["best.f1"].values) == [0, 1, 2]
    assert run.metrics == {"total": 7}
    assert run.lost == ["image-file 'picture'"]
    assert run.tags == {"blue": "", "project": "sea"}


def test_log_of_wandb_of_many_blocks_is_whole(tmp_path: Path) -> None:
    path = wandb_log(tmp_path / "run-r1.wandb", rows=1500)
    assert path.stat().st_size > 4 * 32768
    (run,) = wandb_reader.read(path)
    assert len(run.series["loss"]) == 1500
    assert run.problems == []


def test_log_of_wandb_that_is_cut_off_has_its_whole_records(tmp_path: Path) -> None:
    path = wandb_log(tmp_path / "run-r1.wandb", rows=1500)
    path.write_bytes(path.read_bytes()[:100_000])
    (run,) = wandb_reader.read(path)
    assert 0 < len(run.series["loss"]) < 1500
    assert run.problems == []
    assert run.status == ""


def test_damaged_part_of_a_wandb_log_is_left_out_and_named(tmp_path: Path) -> None:
    path = wandb_log(tmp_path / "run-r1.wandb", rows=1500)
    content = bytearray(path.read_bytes())
    content[50_000] ^= 1
    path.write_bytes(content)
    (run,) = wandb_reader.read(path)
    assert len(run.series["loss"]) in (1498, 1499)
    assert len(run.problems) == 1
