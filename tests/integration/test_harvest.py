"""Test metrics, curves and parameters that a script wrote to files, without calling git-datmo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments
from tests.support.event_files import event, simple, tfrecord, version_event
from tests.support.reader_package import install_diary
from tests.support.shell import Shell
from tests.support.tracker_files import mlflow_database, trackio_database, wandb_log

START = 1_700_000_000


def event_file(**curves: list[float]) -> bytes:
    """Return an event file with some curves."""
    events = [
        event(START + step, step, simple(tag, value))
        for tag, values in curves.items()
        for step, value in enumerate(values)
    ]
    return b"".join(map(tfrecord, (version_event(START), *events)))


def writes(repo: Shell, files: dict[str, bytes | str], more: str = "") -> None:
    """Commit a script that writes these files."""
    contents = {
        path: content.encode() if isinstance(content, str) else content
        for path, content in files.items()
    }
    repo.commit(
        "t.py",
        "import os\n"
        f"for path, content in {contents!r}.items():\n"
        "    os.makedirs(os.path.dirname(path) or '.', exist_ok=True)\n"
        "    with open(path, 'wb') as file:\n"
        "        file.write(content)\n" + more,
    )


def record_of(repo: Shell, files: dict[str, bytes | str], more: str = "") -> dict[str, Any]:
    writes(repo, files, more)
    datmo(repo, "run", "--", "python", "t.py", code=None, ok=False)
    return experiments(repo)[0]


def points(record: dict[str, Any]) -> dict[str, int]:
    return {name: curve["points"] for name, curve in record.get("curves", {}).items()}


def test_event_file_gives_a_curve_and_its_last_value(repo: Shell) -> None:
    record = record_of(repo, {"logs/events.out.tfevents.1.h": event_file(loss=[1, 0.5, 0.75])})
    curve = {"file": "0", "points": 3, "min": 0.5, "max": 1, "goal": "min"}
    assert record["curves"]["loss"] == curve
    assert record["metrics"] == {"loss": 0.75}
    assert "loss  3 values: last 0.75  min 0.5  max 1  best 0.5\n" in datmo(repo, "show").stdout


def test_event_files_of_an_earlier_run_do_not_count(repo: Shell) -> None:
    record_of(repo, {"logs/events.out.tfevents.1.h": event_file(old=[1, 2])})
    record = record_of(repo, {"logs/events.out.tfevents.2.h": event_file(new=[1, 2])})
    assert points(record) == {"new": 2}


def test_metric_in_two_folders_is_named_with_its_folder(repo: Shell) -> None:
    files: dict[str, bytes | str] = {
        "logs/train/events.out.tfevents.1.h": event_file(loss=[1, 2, 3], lr=[1, 1]),
        "logs/validation/events.out.tfevents.1.h": event_file(loss=[4, 5]),
    }
    record = record_of(repo, files)
    assert points(record) == {"train/loss": 3, "validation/loss": 2, "lr": 2}
    assert record["metrics"] == {"train/loss": 3, "validation/loss": 5, "lr": 1}


def test_files_of_one_folder_are_one_curve(repo: Shell) -> None:
    files: dict[str, bytes | str] = {
        "logs/events.out.tfevents.1.h": event_file(loss=[1, 2]),
        "logs/events.out.tfevents.2.h": event_file(loss=[3]),
    }
    assert points(record_of(repo, files)) == {"loss": 3}


def test_metrics_file_has_the_last_word_and_keeps_whole_numbers(repo: Shell) -> None:
    lines = "".join(json.dumps({"step": n, "loss": 1 / (n + 1), "n": n}) + "\n" for n in range(4))
    files: dict[str, bytes | str] = {"metrics.json": '{"loss": 9}', "out/metrics.jsonl": lines}
    record = record_of(repo, files)
    assert points(record) == {"loss": 4, "n": 4}
    assert record["metrics"] == {"loss": 9, "n": 3}


def test_table_of_ultralytics_is_found_with_its_arguments(repo: Shell) -> None:
    files: dict[str, bytes | str] = {
        "runs/detect/train/results.csv": "epoch,time,train/loss\n1,5,0.5\n2,9,0.25\n",
        "runs/detect/train/args.yaml": "imgsz: 640\n",
    }
    record = record_of(repo, files)
    assert points(record) == {"train/loss": 2}
    assert record["parameters"] == {"imgsz": 640}
    assert record["sources"] == {"imgsz": "script"}


def test_last_checkpoint_of_a_trainer_has_the_whole_history(repo: Shell) -> None:
    history = [{"loss": 3 - n, "step": n, "train_runtime": 7.5} for n in range(3)]
    files: dict[str, bytes | str] = {
        f"out/checkpoint-{n}/trainer_state.json": json.dumps({"log_history": history[: n + 1]})
        for n in range(3)
    }
    record = record_of(repo, files)
    assert points(record) == {"loss": 3, "train_runtime": 3}
    assert record["metrics"] == {"loss": 1}


@pytest.mark.parametrize("kind", ["mlflow", "trackio", "wandb"])
def test_store_of_a_tracker_is_read(repo: Shell, tmp_path: Path, kind: str) -> None:
    made = tmp_path / "made.file"
    path = {"mlflow": "mlflow.db", "trackio": "trackio/sea.db", "wandb": "wandb/o/run-r1.wandb"}
    {"mlflow": mlflow_database, "trackio": trackio_database, "wandb": wandb_log}[kind](made)
    record = record_of(repo, {path[kind]: made.read_bytes()})
    assert record["curves"]["loss"]["points"] in (2, 3)
    assert record["parameters"]["lr"] == 0.1
    assert record["sources"]["lr"] == "script"
    tags = {"mlflow": ["team=blue"], "wandb": ["blue"]}
    assert record.get("tags", []) == tags.get(kind, [])


def test_values_of_a_failed_run_are_kept(repo: Shell) -> None:
    files: dict[str, bytes | str] = {"logs/events.out.tfevents.1.h": event_file(loss=[1, 2])}
    record = record_of(repo, files, "raise SystemExit(3)\n")
    assert record["run"]["exit_code"] == 3
    assert points(record) == {"loss": 2}


def test_damaged_files_are_named_and_the_run_is_recorded(repo: Shell) -> None:
    files: dict[str, bytes | str] = {
        "logs/events.out.tfevents.1.h": b"no event file at all",
        "x.db": b"SQLite format 3\0" + b"no database" * 99,
        "w/run-a.wandb": b"no log",
        "out/trainer_state.json": "{",
    }
    writes(repo, files)
    said = datmo(repo, "run", "--", "python", "t.py").stderr
    for path in files:
        assert f"the metrics in '{path}' were not read: " in said
    assert experiments(repo)[0]["metrics"] == {}


def test_rerun_compares_the_metrics_of_trackers(repo: Shell) -> None:
    files: dict[str, bytes | str] = {"logs/events.out.tfevents.1.h": event_file(loss=[1, 0.5])}
    record_of(repo, files)
    said = datmo(repo, "reproduce", "HEAD", "--engine", "host").stdout
    assert "identical" in said
    assert "loss" in datmo(repo, "reproduce", "HEAD", "--engine", "host", "--json").stdout


def test_hostile_names_and_values_are_recorded_and_shown(repo: Shell) -> None:
    row = {"<b>\x1b[31m\ud800": float("nan"), "x" * 100_000: float("inf"), "step": -1}
    lines = json.dumps(row) + "\n" + json.dumps({**row, "step": -5}) + "\n"
    record = record_of(repo, {"metrics.jsonl": lines})
    assert len(record["curves"]) == 2
    assert "\x1b" not in datmo(repo, "show", "HEAD").stdout


def test_reader_of_another_package_is_used(repo: Shell, tmp_path: Path) -> None:
    work = repo.having(PYTHONPATH=install_diary(tmp_path / "site"))
    record = record_of(work, {"a.diary": "mood 1\nmood 0.5\n"})
    assert points(record) == {"mood": 2}


def test_package_with_a_broken_reader_does_not_lose_the_run(repo: Shell, tmp_path: Path) -> None:
    site = install_diary(tmp_path / "site", "diary = missing_module:KIND")
    writes(repo, {"metrics.json": '{"a": 1}'})
    said = datmo(repo.having(PYTHONPATH=site), "run", "--", "python", "t.py").stderr
    assert "the reader 'diary' cannot be imported" in said
    assert experiments(repo)[0]["metrics"] == {"a": 1}


def test_wandb_is_offline_unless_the_user_has_set_it_up(repo: Shell) -> None:
    repo.commit("t.py", "import os\nprint('mode', os.environ.get('WANDB_MODE'))\n")
    assert "mode offline" in datmo(repo, "run", "--", "python", "t.py").stdout
    key = repo.having(WANDB_API_KEY="k" * 40)
    assert "mode None" in datmo(key, "run", "--", "python", "t.py").stdout
    mode = repo.having(WANDB_MODE="disabled")
    assert "mode disabled" in datmo(mode, "run", "--", "python", "t.py").stdout
