"""Test how the cells of a notebook become a script and a notebook with outputs."""

from __future__ import annotations

import json
from typing import Any

from git_datmo.tracking import notebook_cells
from git_datmo.tracking.notebook_cells import Cells


def outputs(cells: Cells) -> list[dict[str, Any]]:
    """Return the outputs of the last cell."""
    return list(json.loads(cells.document())["cells"][-1]["outputs"])


def one_cell() -> Cells:
    cells = Cells()
    cells.begin(1, "x")
    return cells


def plain(text: str) -> str:
    return text


def test_code_has_cells_in_the_order_of_execution() -> None:
    cells = Cells()
    for number, source in (
        (1, "a = 1"),
        (2, "%load_ext git_datmo\n"),
        (5, "%%datmo -p x=1\nb = 2"),
    ):
        cells.begin(number, source)
    assert cells.code(plain) == (
        "# Cells of a notebook in the order of their execution\n\n"
        "# %% In [1]\na = 1\n\n# %% In [5]\nb = 2\n"
    )


def test_failed_cell_is_a_comment_in_the_code() -> None:
    cells = Cells()
    cells.begin(1, "1/0\nprint()")
    cells.fail(ZeroDivisionError("division"))
    assert "# %% In [1], which failed\n# 1/0\n# print()\n" in cells.code(plain)
    assert outputs(cells)[0]["ename"] == "ZeroDivisionError"


def test_cell_that_is_no_python_is_a_comment_in_the_code() -> None:
    def refuse(text: str) -> str:
        raise SyntaxError(text)

    assert "# x\n" in one_cell().code(refuse)


def test_text_of_one_stream_is_one_output() -> None:
    cells = one_cell()
    for stream, text in (("stdout", "a"), ("stdout", "b\n"), ("stderr", "c")):
        cells.write(stream, text)
    assert [(each["name"], each["text"]) for each in outputs(cells)] == [
        ("stdout", "ab\n"),
        ("stderr", "c"),
    ]


def test_display_is_updated_by_its_name() -> None:
    cells = one_cell()
    name = {"display_id": "bar"}
    cells.display("display_data", {"data": {"text/plain": "1%"}, "transient": name})
    cells.begin(2, "y")
    cells.display("update_display_data", {"data": {"text/plain": "100%"}, "transient": name})
    first = json.loads(cells.document())["cells"][0]["outputs"]
    assert [each["data"] for each in first] == [{"text/plain": "100%"}]
    assert outputs(cells) == []


def test_cleared_output_is_left_out() -> None:
    cells = one_cell()
    cells.write("stdout", "old")
    cells.display("clear_output", {"wait": True})
    assert outputs(cells)[0]["text"] == "old"
    cells.write("stdout", "new")
    assert [each["text"] for each in outputs(cells)] == ["new"]


def test_outputs_beyond_the_limit_are_left_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(notebook_cells, "LIMIT", 10)
    cells = one_cell()
    cells.write("stdout", "123456")
    cells.write("stderr", "7" * 1000)
    cells.write("stdout", "more")
    assert [each["text"] for each in outputs(cells)] == ["123456", notebook_cells.LEFT_OUT]
