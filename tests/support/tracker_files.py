"""Write files in the documented layouts of trackers, without the trackers."""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from tests.support.event_files import nested, number

RUN_ID = "0123456789abcdef0123456789abcdef"
BLOCK = 32768


def write_all(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def mlflow_folder(folder: Path) -> Path:
    """Write a run of `mlruns`."""
    run = folder / "mlruns" / "1" / RUN_ID
    meta = f"run_id: {RUN_ID}\nrun_name: calm\nuser_id: ada\nstatus: 4\n"
    write_all(
        run,
        {
            "meta.yaml": f"{meta}start_time: 1700000000000\nend_time: 1700000001000\n",
            "params/lr": "0.1",
            "metrics/val/loss": "1700000000500 1.0 0\n1700000000600 nan 10\n17000000",
            "tags/team": "blue",
            "tags/mlflow.source.git.commit": "c" * 40,
            "tags/mlflow.source.name": "train.py",
            "artifacts/model.bin": "x",
        },
    )
    return run


def mlflow_database(path: Path) -> Path:
    """Write a database with one run."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            f"""
            CREATE TABLE experiments (experiment_id INTEGER, name TEXT);
            CREATE TABLE runs (run_uuid TEXT, name TEXT, user_id TEXT, status TEXT,
              start_time BIGINT, end_time BIGINT, experiment_id INTEGER);
            CREATE TABLE metrics (key TEXT, value DOUBLE, timestamp BIGINT, run_uuid TEXT,
              step BIGINT, is_nan BOOLEAN);
            CREATE TABLE params (key TEXT, value TEXT, run_uuid TEXT);
            CREATE TABLE tags (key TEXT, value TEXT, run_uuid TEXT);
            INSERT INTO experiments VALUES (1, 'sea');
            INSERT INTO runs VALUES ('{RUN_ID}', 'calm', 'ada', 'KILLED', 1700000000000,
              1700000001000, 1);
            INSERT INTO metrics VALUES ('loss', 1.0, 1700000000500, '{RUN_ID}', 0, 0),
              ('loss', 0.0, 1700000000600, '{RUN_ID}', 1, 1),
              ('loss', -1.7976931348623157e308, 1700000000700, '{RUN_ID}', 2, 0);
            INSERT INTO params VALUES ('lr', '0.1', '{RUN_ID}');
            INSERT INTO tags VALUES ('team', 'blue', '{RUN_ID}'),
              ('mlflow.user', 'bob', '{RUN_ID}');
            """
        )
    return path


def trackio_database(path: Path) -> Path:
    """Write a project with one run."""
    config = {"lr": 0.1, "model": {"depth": 2}, "_Username": "ada"}
    rows = [{"loss": 1.0, "best": {"f1": 2}}, {"loss": "NaN", "note": "text"}]
    with closing(sqlite3.connect(path)) as database:
        database.executescript(
            """
            CREATE TABLE configs (id INTEGER PRIMARY KEY, run_id TEXT, run_name TEXT, config TEXT,
              created_at TEXT);
            CREATE TABLE metrics (id INTEGER PRIMARY KEY, run_id TEXT, timestamp TEXT,
              run_name TEXT, step INTEGER, metrics TEXT);
            """
        )
        database.execute(
            "INSERT INTO configs VALUES (1, 'r1', 'calm', ?, '2023-11-14T22:13:20+00:00')",
            (json.dumps(config),),
        )
        for step, row in enumerate(rows):
            time = f"2023-11-14T22:13:2{step}.250000+00:00"
            database.execute(
                "INSERT INTO metrics VALUES (NULL, 'r1', ?, 'calm', ?, ?)",
                (time, step, json.dumps(row).encode()),
            )
        database.commit()
    return path


def wandb_log(path: Path, rows: int = 3) -> Path:
    """Write the log of an offline run. With many rows, records cross the blocks of the log."""
    config = _items(1, {("lr",): 0.1, ("model",): {"depth": 2}, ("_wandb",): {"x": 1}})
    run = (
        nested(1, b"r1")
        + nested(3, b"sea")
        + nested(4, config)
        + nested(8, b"calm")
        + nested(10, b"blue")
        + nested(17, number(1, 1_700_000_000) + number(2, 500_000_000))
        + nested(18, nested(2, b"c" * 40))
    )
    records = [nested(17, run)]
    for step in range(rows):
        row: dict[tuple[str, ...], object] = {
            ("_step",): step * 2,
            ("_timestamp",): 1_700_000_001 + step,
            ("loss",): 1 / (step + 1),
            ("best", "f1"): step,
            ("picture",): {"_type": "image-file"},
        }
        records.append(nested(2, _items(1, row)))
    records += [nested(3, _items(1, {("total",): 7, ("loss",): 0.1})), nested(18, number(1, 3))]
    path.write_bytes(b":W&B\xe1\xbe\x00" + _in_blocks(records))
    return path


def _items(field: int, values: Mapping[tuple[str, ...], object]) -> bytes:
    made = b""
    for names, value in values.items():
        key = nested(1, names[0].encode()) if len(names) == 1 else b""
        key = key or b"".join(nested(2, name.encode()) for name in names)
        made += nested(field, key + nested(16, json.dumps(value).encode()))
    return made


def _in_blocks(records: Iterable[bytes]) -> bytes:
    """Split records into blocks as LevelDB's log does; the file's header is in the first block."""
    made = bytearray(7)
    for record in records:
        begin, rest = True, record
        while begin or rest:
            room = BLOCK - len(made) % BLOCK
            if room < 7:
                made += bytes(room)
                continue
            part, rest = rest[: room - 7], rest[room - 7 :]
            kind = {(True, True): 2, (True, False): 1, (False, True): 3, (False, False): 4}[
                begin, bool(rest)
            ]
            made += struct.pack("<IHB", zlib.crc32(bytes([kind]) + part), len(part), kind) + part
            begin = False
    return bytes(made[7:])
