"""Test parameters of a command, metrics of a file, and names of times."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.records.record_values import Value
from git_datmo.runs.figure_values import find_metrics
from git_datmo.runs.run_parameters import command_parameters
from git_datmo.runs.timed_names import is_timed, shape
from git_datmo.secrets.secret_files import is_secret_file

COMMANDS: dict[str, dict[str, Value]] = {
    "python -u t.py --lr 0.1 --name=x -v": {"lr": 0.1, "name": "x"},
    "python -m pkg.train --no-cuda --shift -3": {"no-cuda": True, "shift": -3},
    "python -W ignore t.py model.depth=4 +extra=1 ++force=2": {
        "model.depth": 4,
        "extra": 1,
        "force": 2,
    },
    "python -c pass --lr 1": {"lr": 1},
    "torchrun --nproc_per_node 2 t.py --a --b 1": {"nproc_per_node": 2, "a": True, "b": 1},
    "python -X dev t.py": {},
}


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_a_command_are_parameters(command: str) -> None:
    assert command_parameters(command.split()) == COMMANDS[command]


FILES: dict[str, tuple[str, dict[str, Value]]] = {
    "metrics.csv": ("epoch, loss,name\n0,.5,a\n1,.25,b\n2,,c\n", {"loss": 0.25}),
    "metrics.jsonl": (
        '{"step": 1, "a": 1}\n\n{"step": 2, "a": 2, "b": {"c": 3}}\n{"a":',
        {"a": 2, "b.c": 3},
    ),
    "results.json": ('{"f1": 0.5}', {"f1": 0.5}),
}


@pytest.mark.parametrize("name", FILES)
def test_last_figures_of_metrics_file_are_the_metrics(tmp_path: Path, name: str) -> None:
    text, figures = FILES[name]
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text(text)
    warnings: list[str] = []
    assert (
        find_metrics(tmp_path, "", ["out"], lambda path: (tmp_path / path).exists(), warnings)
        == figures
    )
    assert find_metrics(tmp_path, "", ["out"], lambda _: False, warnings) == {}
    assert warnings == []


def test_metrics_file_in_folder_of_command_takes_precedence(tmp_path: Path) -> None:
    for path in ("metrics.json", "deep/er/metrics.json", "sub/metrics.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f'{{"{path}": 1}}')

    def found(*missing: str) -> dict[str, Value]:
        return find_metrics(
            tmp_path,
            "sub",
            ["deep", "sub"],
            lambda p: (tmp_path / p).exists() and p not in missing,
            [],
        )

    assert found() == {"metrics.json": 1}
    assert found("metrics.json") == {"sub/metrics.json": 1}
    assert found("metrics.json", "sub/metrics.json") == {"deep/er/metrics.json": 1}


@pytest.mark.parametrize(
    "name",
    [
        "2026-05-01",
        "12-30-05",
        "run_20260501_1230",
        "events.out.tfevents.1767182400.host.7.0",
        "12:30",
    ],
)
def test_metric_named_as_time_is_recognised(name: str) -> None:
    assert is_timed(name)


@pytest.mark.parametrize("name", ["version_3", "fold-12", "resnet50", "v1.2.3", "checkpoint-12000"])
def test_metric_not_named_as_time_is_not_recognised(name: str) -> None:
    assert not is_timed(name)


def test_names_of_one_kind_have_one_shape() -> None:
    assert shape("2026-05-01") == shape("2024-12-31") != shape("2026-05")
    assert shape("events.out.tfevents.1.a.0") == shape("events.out.tfevents.22.other.3.v2")
    assert (
        shape("May01_12-30-05_host")
        == shape("Dec31_00-00-00_f46d21dd1889")
        != shape("May01_12-30-05")
    )


@pytest.mark.parametrize(
    "path", [".env", "a/.env.local", "id_rsa", "server.pem", "credentials.json", "my-secrets.yaml"]
)
def test_secret_file_is_recognised_by_name(path: str) -> None:
    assert is_secret_file(path)


@pytest.mark.parametrize(
    "path", [".env.example", "environment.yml", "keys.csv", "secret_santa.py", "token.py"]
)
def test_ordinary_file_is_not_taken_for_secret(path: str) -> None:
    assert not is_secret_file(path)
