"""Test that readers meet damaged and hostile files with nothing but the documented error."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from git_datmo.errors import Damaged, DatmoError
from git_datmo.readers import (
    dvclive_reader,
    mlflow_reader,
    script_reader,
    tensorboard_reader,
    trackio_reader,
    trainer_reader,
    wandb_reader,
)
from git_datmo.readers.scalar_values import flatten
from git_datmo.readers.tool_runs import ToolRun
from git_datmo.runs.config_files import parse_config
from git_datmo.runs.figure_values import READERS
from tests.support.event_files import event, simple, tfrecord, version_event
from tests.support.tracker_files import (
    mlflow_database,
    mlflow_folder,
    trackio_database,
    wandb_log,
    write_all,
)

Read = Callable[[Path], Iterable[ToolRun]]


def event_file(path: Path) -> Path:
    events = [version_event(1e9), *(event(1e9 + n, n, simple("loss", n)) for n in range(3))]
    path.write_bytes(b"".join(map(tfrecord, events)))
    return path


def text_file(name: str, text: str, **beside: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        write_all(folder, {name: text, **{f"{stem}.yaml": more for stem, more in beside.items()}})
        return folder / name

    return make


def dvclive_folder(folder: Path) -> Path:
    write_all(
        folder / "dvclive",
        {
            "plots/metrics/train/loss.tsv": "step\tloss\n0\t1.0\n1\t0.5\n",
            "metrics.json": '{"train": {"loss": 0.5}, "f1": 1}',
            "params.yaml": "lr: 0.1\n",
        },
    )
    return folder / "dvclive"


HISTORY = '{"log_history": [{"loss": 1, "step": 1}], "max_steps": 7, "best_metric": 0.5}'
FORMATS: dict[str, tuple[Read, Callable[[Path], Path]]] = {
    "lines": (script_reader.read, text_file("metrics.jsonl", '{"a": {"b": [1, 2]}, "step": 1}\n')),
    "document": (script_reader.read, text_file("metrics.json", '{"a": [1, true, "x", null]}')),
    "table": (
        script_reader.read,
        text_file("metrics.csv", "epoch,loss\n1,0.5\n2,nan\n", hparams="lr: 0.1\nat: 2001-01-01\n"),
    ),
    "trainer": (trainer_reader.read, text_file("trainer_state.json", HISTORY)),
    "dvclive": (dvclive_reader.read, dvclive_folder),
    "mlflow folder": (mlflow_reader.read_folder, mlflow_folder),
    "mlflow": (mlflow_reader.read_database, lambda folder: mlflow_database(folder / "m.db")),
    "trackio": (trackio_reader.read, lambda folder: trackio_database(folder / "t.db")),
    "wandb": (wandb_reader.read, lambda folder: wandb_log(folder / "r.wandb")),
    "tensorboard": (tensorboard_reader.read, lambda folder: event_file(folder / "tfevents.1")),
}
PIECES = [
    *(b"\0", b"\xff\xfe", b"NaN", b"1e999", b"9" * 5000, b"{", b"]", b'"', b"\\ud800", b"&a [*a]"),
    *(
        b"!!bool x",
        b'!!int ""',
        b'!!float ""',
        b"!!timestamp x",
        b"\n",
        b"\t",
        b",",
        b": ",
        b"null",
    ),
]


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a content with a few bits turned, and pieces cut out, repeated and put in."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0 if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case 1:
                del made[at : at + chance.choice((1, 8, 4000))]
            case 2:
                made[at:at] = chance.choice(PIECES)
            case _:
                made[at:at] = made[: chance.choice((4, 30))]
    return bytes(made)


@pytest.mark.parametrize("name", FORMATS)
def test_mutated_file_raises_only_the_documented_error(tmp_path: Path, name: str) -> None:
    read, make = FORMATS[name]
    source = make(tmp_path)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    chance = random.Random(14)
    for _ in range(150):
        path = chance.choice(files)
        content = path.read_bytes()
        path.write_bytes(mutated(content, chance))
        with suppress(Damaged):
            check_values(read(source))
        path.write_bytes(content)


def check_values(runs: Iterable[ToolRun]) -> None:
    for run in runs:
        for points in run.series.values():
            assert len(points.values) == len(points.steps) == len(points.times) > 0
        texts = [run.id, run.name, run.author, run.commit, *run.command, *run.series]
        texts += [*run.parameters, *run.metrics, *run.tags, *run.tags.values()]
        assert all(isinstance(text, str) for text in texts)
        for value in (*run.parameters.values(), *run.metrics.values()):
            assert isinstance(value, bool | int | float | str)
            assert not isinstance(value, int) or math.isfinite(float(value))


CELLS = {
    "mlflow": {
        "runs": ("name", "user_id", "status", "start_time", "end_time", "experiment_id"),
        "metrics": ("key", "value", "timestamp", "step", "is_nan"),
        "params": ("key", "value"),
        "tags": ("key", "value"),
        "experiments": ("name",),
    },
    "trackio": {
        "configs": ("run_name", "config", "created_at"),
        "metrics": ("timestamp", "run_name", "step", "metrics"),
    },
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("value", ["NULL", "x'00ff'", "'text'", "9e999", "9223372036854775807"])
def test_odd_value_of_a_database_does_not_cost_the_other_values(
    tmp_path: Path, name: str, value: str
) -> None:
    read, make = FORMATS[name]
    path = make(tmp_path)
    content = path.read_bytes()
    for table, columns in CELLS[name].items():
        for column in columns:
            path.write_bytes(content)
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA synchronous = OFF")
                database.execute(f"UPDATE {table} SET {column} = {value}")
                database.commit()
            runs = list(read(path))
            check_values(runs)
            assert len(runs) == 1
            assert runs[0].parameters or column == "config"
            assert runs[0].series or table == "metrics"


@pytest.mark.parametrize(("name", "table"), [("mlflow", "metrics"), ("trackio", "configs")])
def test_database_without_a_column_is_refused_by_name(
    tmp_path: Path, name: str, table: str
) -> None:
    read, make = FORMATS[name]
    path = make(tmp_path)
    column = CELLS[name][table][1]
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
        database.commit()
    with pytest.raises(Damaged, match=f"table '{table}' has no column '{column}'"):
        list(read(path))


@pytest.fixture
def alarm() -> Iterator[None]:
    """Let a test that waits forever fail."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 20)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("name", FORMATS)
def test_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path, name: str) -> None:
    read, make = FORMATS[name]
    source = make(tmp_path)
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        with suppress(Damaged):
            check_values(read(source))
        path.unlink()
        path.write_bytes(content)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("name", READERS)
def test_pipe_with_the_name_of_a_metrics_file_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatmoError, match=f"'{name}': it is no regular file"):
        READERS[name](tmp_path / name)


def test_aliases_that_stand_for_millions_of_values_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 7)]
    assert parse_config("\n".join(lines).encode(), "params.yaml") == {}
    with pytest.raises(Damaged, match="too many values"):
        list(flatten("", {"k" * 100_000: dict.fromkeys(range(1000), 1)}))
    assert parse_config(b"a: &a\n  b: *a\n", "params.yaml") == {}


def test_deep_objects_are_read_as_far_as_python_can_parse_them(tmp_path: Path) -> None:
    deep: list[object] = []
    for _ in range(2000):
        deep = [deep, 1]
    assert len(list(flatten("", deep))) == 2000
    write_all(tmp_path, {"metrics.jsonl": "[" * 100_000 + '\n{"loss": 1}\n'})
    (run,) = script_reader.read(tmp_path / "metrics.jsonl")
    assert list(run.series) == ["loss"]


@pytest.mark.parametrize("text", ["a: !!bool maybe", 'a: !!int ""', "a: !!timestamp x", "a: 0o9"])
def test_yaml_with_a_wrong_tag_has_no_or_plain_values(text: str) -> None:
    assert parse_config(text.encode(), "params.yaml") in ({}, {"a": "0o9"})


def test_name_of_toml_with_too_many_parts_has_no_values() -> None:
    text = ".".join(["a"] * 5000)
    assert parse_config(f"{text} = 1".encode(), "params.toml") == {}
    assert parse_config(b"\xef\xbb\xbf[model]\nlr = 0.1", "params.toml") == {"model.lr": 0.1}


def test_huge_integers_of_configurations_are_kept_as_text() -> None:
    digits = "9" * 5000
    assert parse_config(json.dumps({"b": 1}).replace("1", digits).encode(), "c.json") == {
        "b": digits
    }
    assert parse_config(b"a: 0x" + b"f" * 5000 + b"\nb: 1", "c.yaml") == {
        "a": "0x" + "f" * 5000,
        "b": 1,
    }


def test_cell_of_a_table_that_is_too_long_is_refused(tmp_path: Path) -> None:
    write_all(tmp_path, {"metrics.csv": "epoch,loss\n1," + "x" * 200_000})
    with pytest.raises(Damaged, match="no table"):
        list(script_reader.read(tmp_path / "metrics.csv"))
    with pytest.raises(DatmoError, match=r"metrics\.csv"):
        READERS["metrics.csv"](tmp_path / "metrics.csv")


def test_time_that_no_curve_can_hold_is_left_out(tmp_path: Path) -> None:
    folder = mlflow_folder(tmp_path)
    (folder / "metrics/val/loss").write_text("99999999999999999999 1.0 0\n5 2.0 1\n")
    (run,) = mlflow_reader.read_folder(folder)
    assert list(run.series["val/loss"].times) == [0, 5000]


def test_metrics_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    for name, text in (("metrics.json", '{"f1": 1}'), ("metrics.jsonl", '{"f1": 1}\n')):
        (tmp_path / name).write_text(text, "utf-8-sig")
        assert READERS[name](tmp_path / name) == {"f1": 1}
