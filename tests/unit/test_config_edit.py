"""Test that values of configuration files are set, and nothing else changes."""

from __future__ import annotations

import pytest

from git_datmo.errors import DatmoError
from git_datmo.records.record_values import Value
from git_datmo.runs.config_edit import edit_config
from git_datmo.runs.config_files import ConfigFile
from git_datmo.runs.sweep_grid import combine, parse_grid

YAML = "# top\nmodel:\n  rf: {n_estimators: 10, name: 'a b'}  # trees\n  lr: 0.1\nlist: [1, 2]\n"
TOML = '# top\nseed = 1\n[model.rf]\nn_estimators = 10  # trees\nname = "a#b"\n[model]\nlr = 0.1\n'
JSON = '{\n\t"model": {"rf": {"n_estimators": 10, "a.b": true}},\n\t"list": [1, 2]\n}\n'


@pytest.mark.parametrize(
    ("name", "content", "key", "value", "expected"),
    [
        ("c.yaml", YAML, "model.rf.n_estimators", 50, YAML.replace("10", "50")),
        ("c.yml", YAML, "model.lr", 1e-6, YAML.replace("0.1", "1.0e-06")),
        ("c.yaml", YAML, "model.rf.name", "x: y", YAML.replace("'a b'", '"x: y"')),
        ("c.yaml", YAML, "list.1", False, YAML.replace("2]", "false]")),
        ("c.toml", TOML, "model.rf.n_estimators", 50, TOML.replace("10", "50")),
        ("c.toml", TOML, "model.rf.name", "c", TOML.replace("a#b", "c")),
        ("c.toml", TOML, "model.lr", 0.5, TOML.replace("0.1", "0.5")),
        ("c.toml", TOML, "seed", True, TOML.replace("seed = 1", "seed = true")),
        ("c.json", '{\n  "a": 1\n}\n', "a", "é", '{\n  "a": "é"\n}\n'),
        ("c.json", '{"a": {"b.c": 1}}', "a.b.c", 2, '{"a": {"b.c": 2}}'),
    ],
)
def test_value_is_set_and_the_rest_stays(
    name: str, content: str, key: str, value: Value, expected: str
) -> None:
    assert edit_config(content.encode(), name, {key: value}).decode() == expected


def test_json_with_tabs_keeps_its_other_values() -> None:
    edited = edit_config(JSON.encode(), "c.json", {"model.rf.n_estimators": 50, "list.0": 7})
    assert edited.startswith(b'{\n\t"model"')
    assert b'"n_estimators": 50' in edited
    assert b'"a.b": true' in edited


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("c.yaml", "base: &base {lr: 1}\na: *base\nb: *base\n"),
        ("c.yaml", "base: &base {lr: 1}\na:\n  <<: *base\n"),
        ("c.toml", "a = {lr = 1}\n"),
        ("c.toml", "text = '''\n[a]\nlr = 1\n'''\na.x = {lr = 1}\n"),
        ("c.yaml", "a: [\n"),
    ],
)
def test_value_that_cannot_be_set_alone_is_refused(name: str, content: str) -> None:
    with pytest.raises(DatmoError, match=r"cannot set 'a\.lr'"):
        edit_config(content.encode(), name, {"a.lr": 2})


def test_parameter_goes_to_the_command_or_to_the_last_file_with_the_key() -> None:
    files = [
        ConfigFile("params.yaml", {"model.lr": 1, "seed": 1}, named=False),
        ConfigFile("config.json", {"model.lr": 1}, named=True),
    ]
    grid = parse_grid(["model.lr=0.5", "seed=1,2", "size=3"])
    first, second = combine(grid, ["train", "{size}"], files)
    assert first.command == ("train", "3")
    assert first.edits == {"config.json": {"model.lr": 0.5}, "params.yaml": {"seed": 1}}
    assert second.edits["params.yaml"] == {"seed": 2}
    assert first.key != second.key
