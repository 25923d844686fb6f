"""Make runs of a notebook's cells: by a shell that stands for IPython, and by a real kernel.

The tests with a kernel are skipped where Jupyter is missing. `DATMO_TEST_TRACKERS` names a Python
that has ipykernel, nbclient, nbconvert, and what git-datmo itself needs.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell
from tests.support.source_modules import TOP

PYTHON = os.environ.get("DATMO_TEST_TRACKERS") or sys.executable

# As much of a shell of IPython as the extension uses.
SHELL = """
import ast, codeop, sys, types
import git_datmo as datmo

class Events:
    def __init__(self):
        self.known = {"pre_run_cell": [], "post_run_cell": []}
    def register(self, event, function):
        self.known[event].append(function)
    def unregister(self, event, function):
        self.known[event].remove(function)
    def fire(self, event, about):
        for function in self.known[event]:
            function(about)

class Compile(codeop.Compile):
    def ast_parse(self, code):
        return ast.parse(code)
    def cache(self, code, number):
        return f"cell {number}"

class Display:
    def publish(self, data):
        print(data["text/plain"])

class Shell:
    def __init__(self):
        self.events, self.compile, self.user_ns = Events(), Compile(), {"datmo": datmo}
        self.display_pub, self.displayhook = Display(), object()
        self.display_formatter = types.SimpleNamespace(format=lambda each: ({"text/plain": repr(each)}, {}))
        self.history_manager = types.SimpleNamespace(input_hist_raw=[""])
        self.magics_manager = types.SimpleNamespace(magics={"cell": {}})
    def register_magic_function(self, function, kind, name):
        self.magics_manager.magics[kind][name] = function
    def transform_cell(self, text):
        return text
    def transform_ast(self, tree):
        return tree
    def run(self, source):
        self.events.fire("pre_run_cell", types.SimpleNamespace(raw_cell=source, store_history=True, silent=False))
        self.history_manager.input_hist_raw.append(source)
        value = error = None
        try:
            if source.startswith("%%datmo"):
                line, _, body = source.partition("\\n")
                value = self.magics_manager.magics["cell"]["datmo"](line[7:], body)
            else:
                exec(source, self.user_ns)
        except Exception as raised:
            error = raised
        self.events.fire("post_run_cell", types.SimpleNamespace(
            error_before_exec=None, error_in_exec=error, result=value))

class UsageError(Exception):
    pass

sys.modules["IPython.core.error"] = types.SimpleNamespace(UsageError=UsageError)
shell = Shell()
shell.history_manager.input_hist_raw.append("import git_datmo as datmo")
datmo.load_ipython_extension(shell)
"""


def stored(repo: Shell, oid: str, path: str) -> str:
    """Return a file of a folder in the store."""
    return repo.git("--git-dir=.git/datmo/store.git", "cat-file", "blob", f"{oid}:{path}")


def run_cells(repo: Shell, *cells: str) -> str:
    """Execute cells in the shell that stands for IPython; return its output."""
    script = SHELL + "".join(f"shell.run({cell!r})\n" for cell in cells)
    (repo.cwd / ".git" / "notebook.py").write_text(script)
    return repo.run(sys.executable, ".git/notebook.py").stdout


def test_cell_is_a_run_with_all_cells_before_it(repo: Shell) -> None:
    repo.commit("README", "text")
    said = run_cells(
        repo,
        "def twice(x):\n    return 2 * x",
        "1/0",
        "%%datmo 'a message' -p lr=0.5 --tag first\n"
        "print('printed')\nwith datmo.run():\n    datmo.log_metric('loss', twice(1))\n"
        "datmo.log_metric('loss', 1)\ntwice(21)",
    )
    (found,) = experiments(repo)
    assert said.splitlines()[-1].startswith(f"snapshot {found['id'][:10]}")
    assert (found["message"], found["tags"]) == ("a message", ["first"])
    assert (found["parameters"], found["metrics"]) == ({"lr": 0.5}, {"loss": 1})
    assert found["run"]["command"] == ["python", "executed_cells.py"]
    code = stored(repo, found["code"]["object"], "executed_cells.py")
    assert re.findall(r"^# %% (.*)$", code, re.MULTILINE) == [
        "In [1]",
        "In [2]",
        "In [3], which failed",
        "In [4]",
    ]
    document = json.loads(
        stored(repo, found["run"]["artifacts"]["object"], "files/executed_cells.ipynb")
    )
    outputs = document["cells"][-1]["outputs"]
    assert outputs[0] == {"output_type": "stream", "name": "stdout", "text": "printed\n"}
    assert outputs[1]["data"] == {"text/plain": "42"}
    assert document["cells"][2]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert "printed" in datmo(repo, "show", "--log").stdout
    receipt = json.loads(datmo(repo, "reproduce", "--engine", "host", "--json", found["id"]).stdout)
    assert receipt["verdict"] == "identical"
    assert not (repo.cwd / "executed_cells.py").exists()


def test_failed_cell_is_a_failed_run_and_ends_earlier_calls_own(repo: Shell) -> None:
    repo.commit("executed_cells.py", "a file of the user\n")
    run_cells(
        repo,
        "datmo.log_metric('early', 1)",
        "%%datmo\ndatmo.log_metric('x', 2)\nraise ValueError('bad')",
    )
    failed, early = experiments(repo)
    assert (failed["metrics"], failed["run"]["exit_code"]) == ({"x": 2}, 1)
    assert early["metrics"] == {"early": 1}
    assert failed["run"]["command"][-1] == "executed_cells_1.py"
    assert "ValueError: bad" in datmo(repo, "show", "--log").stdout


def test_wrong_option_of_the_magic_is_one_line_and_no_run(repo: Shell) -> None:
    repo.commit("README", "text")
    script = (
        "for line in ('-p x', '--odd', '\"'):\n"
        "    try:\n        shell.magics_manager.magics['cell']['datmo'](line, '1')\n"
        "    except UsageError as error:\n        print(error)\n"
    )
    (repo.cwd / ".git" / "notebook.py").write_text(SHELL + script)
    said = repo.run(sys.executable, ".git/notebook.py").stdout
    assert said.splitlines() == [
        "%%datmo: 'x' is not NAME=VALUE",
        "%%datmo: unrecognized arguments: --odd",
        "%%datmo: No closing quotation",
    ]
    assert experiments(repo) == []


def jupyter(repo: Shell, cells: list[str]) -> Shell:
    """Write a notebook; return a shell with Jupyter, or skip the test."""
    needs = "import ipykernel, nbclient, nbconvert, git_datmo.cli.recorder"
    if repo.run(PYTHON, "-c", needs, ok=False).returncode:
        pytest.skip("Jupyter is not installed")
    document: dict[str, Any] = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "execution_count": None,
                "metadata": {},
                "outputs": [],
                "source": cell,
            }
            for number, cell in enumerate(cells)
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    repo.commit("work.ipynb", json.dumps(document))
    path = f"{Path(PYTHON).parent}{os.pathsep}{repo.env['PATH']}"
    return repo.having(PATH=path, IPYTHONDIR=str(repo.cwd / ".git" / "ipython"))


CONVERT = (PYTHON, "-m", "nbconvert", "--execute", "--to")


def test_kernel_makes_a_run_and_its_html_survives_nbconvert(repo: Shell) -> None:
    cells = [
        "import git_datmo as datmo",
        "%load_ext git_datmo",
        (
            "%%datmo '<script>alert(1)</script>' -p lr=0.5\n"
            "from IPython.display import HTML, display\n"
            "datmo.log_metric('loss', 0.25)\nprint('printed')\n"
            "display(HTML('<i>shown</i>'))\n6 * 7"
        ),
        "datmo.experiments()",
        "datmo.experiments()[0]",
    ]
    work = jupyter(repo, cells)
    work.run(*CONVERT, "html", "work.ipynb")
    (found,) = experiments(repo)
    assert found["metrics"] == {"loss": 0.25}
    page = (repo.cwd / "work.html").read_text("utf-8")
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert page.count(f"<div><strong>{escaped}</strong><table>") == 2
    assert f"<td>{escaped}</td>" in page
    assert "<script>alert" not in page
    document = json.loads(
        stored(repo, found["run"]["artifacts"]["object"], "files/executed_cells.ipynb")
    )
    assert [cell["execution_count"] for cell in document["cells"]] == [1, 2, 3]
    kinds = [each["output_type"] for each in document["cells"][-1]["outputs"]]
    assert kinds == ["stream", "display_data", "execute_result"]
    code = stored(repo, found["code"]["object"], "executed_cells.py")
    assert re.findall(r"^# %% (.*)$", code, re.MULTILINE) == ["In [1]", "In [3]"]
    work.run(
        PYTHON,
        "-m",
        "nbconvert",
        "--to",
        "html",
        "--stdin",
        "--output",
        "kept",
        stdin=json.dumps(document).encode(),
    )
    assert "<i>shown</i>" in (repo.cwd / "kept.html").read_text("utf-8")


def test_kernel_shows_the_page_as_a_widget_and_as_html(repo: Shell) -> None:
    if repo.run(PYTHON, "-c", "import anywidget", ok=False).returncode:
        pytest.skip("anywidget is not installed")
    datmo(repo, "run", "-m", "one", "--", "true")
    work = jupyter(repo, ["import git_datmo as datmo\ndatmo.ui('HEAD')"])
    work.run(*CONVERT, "notebook", "--inplace", "work.ipynb")
    document = json.loads((repo.cwd / "work.ipynb").read_text("utf-8"))
    (output,) = document["cells"][0]["outputs"]
    data = output["data"]
    assert set(data) >= {"application/vnd.jupyter.widget-view+json", "text/html"}
    assert "".join(data["text/plain"]) == "<page of 1 experiment>"
    assert "".join(data["text/html"]).startswith('<iframe title="Experiments" sandbox=')


def test_notebook_inside_a_surrounding_run_is_one_experiment(repo: Shell) -> None:
    cells = [
        "%load_ext git_datmo",
        "%%datmo one\nimport git_datmo as datmo\ndatmo.log_metric('a', 1)",
    ]
    cells += ["%%datmo two\ndatmo.log_metric('b', 2)"]
    work = jupyter(repo, cells)
    work.run("git-datmo", "run", "--", *CONVERT, "notebook", "--inplace", "work.ipynb")
    (found,) = experiments(repo)
    assert found["metrics"] == {"a": 1, "b": 2}
    assert found["run"]["artifacts"]["files"] == 1


def test_failing_cell_stops_the_notebook(repo: Shell) -> None:
    work = jupyter(repo, ["%load_ext git_datmo", "%%datmo\n1/0", "open('later', 'w')"])
    done = work.run(*CONVERT, "notebook", "work.ipynb", ok=False)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert not (repo.cwd / "later").exists()
    assert experiments(repo)[0]["run"]["exit_code"] == 1


def test_cells_of_the_documentation_run(repo: Shell) -> None:
    text = (TOP / "docs" / "NOTEBOOKS.md").read_text("utf-8")
    cells = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(cells) > 3
    jupyter(repo, cells).run(*CONVERT, "notebook", "--inplace", "work.ipynb")
    assert experiments(repo)[0]["metrics"]["loss"]
