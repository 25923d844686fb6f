"""Test that the filter of the page chooses the same experiments as `log --where`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from git_datmo.errors import DatmoError
from git_datmo.query.conditions import parse_condition, rename
from git_datmo.query.evaluate import matches
from git_datmo.query.names import Names
from tests.support.chromium import Page
from tests.support.page_documents import START, make_oid, make_table, write_site

ROWS: list[dict[str, Any]] = [
    {"params.lr": 0.01, "params.fast": True, "metrics.accuracy": 0.91, "data.data/train": "aa11"},
    {"params.lr": 1, "params.fast": False, "metrics.accuracy": "NaN", "params.part": "007"},
    {"params.lr": -3e-05, "params.part": "zoë", "metrics.accuracy": "Infinity"},
    {"params.lr": 1234567.5, "params.part": "\U0001f600", "metrics.accuracy": "-Infinity"},
    {"params.lr": 0.1, "params.part": "｡x", "metrics.accuracy": 0, "metrics.lr": 1},
    {"params.odd name": 'it\'s, "x"', "params.part": "True", "metrics.accuracy": 12},
    {"params.part": "", "params.list": "[1, 2]", "metrics.loss/val": 3},
    {"params.fast": True, "params.part": "1e3", "metrics.accuracy": 0.1 + 0.2},
]
FACTS: list[dict[str, Any]] = [
    {
        "id": make_oid(f"row {number}"),
        "commit": make_oid(f"commit {number // 2}"),
        "author": ("Ada", "Zoë")[number % 2],
        "mail": "a@example.com",
        "time": START + number,
        "message": ("Try Adam", "baseline", "naïve\nsecond line")[number % 3],
        "subject": "subject",
        "status": ("completed", "failed")[number % 2],
        "exit": number % 2,
        "seconds": 10.5 * number,
        "tags": ("paper\x1fbest", None, "Paper 2")[number % 3],
        "command": "python train.py --x",
        "engine": "host",
        "clean": number % 2 == 0,
    }
    for number in range(len(ROWS))
]
NUMBERS = [
    "0",
    "1",
    "0.01",
    "1e-2",
    "-3e-05",
    "+1",
    ".5",
    "5.",
    "1_000",
    "inf",
    "-inf",
    "Infinity",
    "nan",
    "NaN",
    "0x10",
    "1e999",
]
CONDITIONS = [
    *(f"accuracy {sign} {number}" for sign in ("<", ">=", "=", "!=") for number in NUMBERS),
    *(f"params.lr {sign} 0.1" for sign in ("<", "<=", "=", "==", "!=", ">", ">=", "~", "!~")),
    *(f"part {sign} '007'" for sign in ("<", "<=", "=", "!=", ">", ">=", "~", "!~")),
    *("part = 007", "part = 7", "part > '\U0001f5ff'", "part < '｢'", "part ~ ZO", "part = ''", "part = 1e3"),
    *("fast", "not fast", "fast = true", "fast = True", "fast = 1", "fast != false", "fast ~ true"),
    *("params.lr ~ 1.23457e", "params.lr ~ 3e-05", "params.lr ~ 1", "accuracy ~ 0.3", "accuracy ~ inf"),
    *("params.lr in (1, 0.1)", "params.lr not in (1, 'x')", "part in (007, '1e3')", "NOT fast AND part"),
    *("fast or part = '007' and params.lr = 1", "(fast or part) and not (params.lr = 1)", "not not fast"),
    *('params["odd name"] ~ "x"', "params['odd name'] = 'it\\'s, \"x\"'", "metrics['loss/val'] = 3", "loss/val"),
    *(f"id = {make_oid('row 2')[:8]}", f"commit = {make_oid('commit 1')[:6]}", f"id ~ {make_oid('row 2')[3:9]}"),
    *("tags = paper", "tags ~ paper", "tags != best", "tags !~ pap", "tags", "not tags", "tags in (best, x)"),
    *("message ~ adam", "message ~ 'naïve'", "author = Zoë", "email ~ example", "status = success", "status = failed"),
    *("exit_code = 0", "seconds > 20", "seconds", "clean", "engine = host", "command ~ 'train.py --x'"),
    *("data.data/train = aa11", "data.data/train = aa1", "list ~ '1, 2'", "list = '[1, 2]'"),
    *("accuracy >", "accuracy > > 1", "(accuracy", "accuracy )", "accuracy in 1", "accuracy in (1,)", "'x' = 1"),
    *("accuracy = 'open", "accuracy = 1 fast", "accuracy not 1", "params[x] = 1", "lr", "nothing = 1", "%$", ","),
    *("not", "and", "accuracy = (1)", "a\\b", "(" * 101 + "fast" + ")" * 101, "accuracy=1or fast", "fast and or part"),
]  # fmt: skip
_NAMES = {"time": "created", "mail": "email", "exit": "exit_code"}


def choose(condition: str) -> list[str] | str:
    """Return the ids of the rows that meet a condition, or the error, as the command line does."""
    rows = [_row(values, fact) for values, fact in zip(ROWS, FACTS, strict=True)]
    names = Names({name for row in rows for name in row})
    try:
        parsed = rename(parse_condition(condition), names.find)
    except DatmoError as error:
        return str(error)
    return [row["id"] for row in rows if matches(parsed, row)]


def _row(values: dict[str, Any], fact: dict[str, Any]) -> dict[str, Any]:
    named = {_NAMES.get(name, name): value for name, value in fact.items()}
    named["status"] = {"completed": "success"}.get(named["status"], named["status"])
    return {name: value for name, value in {**named, **values}.items() if value is not None}


@pytest.fixture(scope="module")
def table_site(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_site(tmp_path_factory.mktemp("table"), make_table(ROWS, FACTS), {})


SHOWN = """(async () => {
  const found = [];
  for (const condition of %s) {
    location.hash = '#/experiments?where=' + encodeURIComponent(condition);
    for (let tries = 0; tries < 500; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 4));
      const isShown = document.querySelector('#where')?.value === condition.trim();
      if (isShown && !document.querySelector('[aria-busy=true]')) break;
    }
    const error = document.querySelector('.notice.bad');
    const rows = [...document.querySelectorAll('.grid-row .name a')];
    found.push(error ? error.textContent : rows.map((row) => row.href.split('/').pop()));
  }
  return found;
})()"""


def test_filter_of_page_chooses_rows_of_command_line(page: Page, table_site: str) -> None:
    page.open(table_site)
    page.wait_for("document.querySelector('.grid-row')")
    shown = page.evaluate(SHOWN % json.dumps(CONDITIONS))
    expected = [choose(condition) for condition in CONDITIONS]
    different = []
    for condition, mine, theirs in zip(CONDITIONS, shown, expected, strict=True):
        same = sorted(mine) == sorted(theirs) if isinstance(theirs, list) else _same(mine, theirs)
        if not same:
            different.append((condition, mine, theirs))
    assert different == []


def _same(mine: object, theirs: str) -> bool:
    """Return whether the page shows an error that begins as the command line's does."""
    return (
        isinstance(mine, str)
        and mine.split(":")[0] == theirs.split("\n", maxsplit=1)[0].split(":", maxsplit=1)[0]
    )


def test_conditions_cover_rows_and_errors() -> None:
    results = [choose(condition) for condition in CONDITIONS]
    assert sum(isinstance(each, str) for each in results) > 15
    assert sum(0 < len(each) < len(ROWS) for each in results if isinstance(each, list)) > 60
