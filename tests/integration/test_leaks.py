"""Test the data that a push sends from this machine, and those that it refuses to send."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.commands import datmo, experiments, refusal
from tests.support.shell import Shell

TOKEN = "ghp_" + "a1B2c3" * 6


@pytest.fixture
def alex(make_repo: Callable[..., Shell]) -> Shell:
    alex, remote = make_repo(), make_repo("remote", bare=True)
    alex.git("remote", "add", "origin", str(remote.cwd))
    datmo(alex, "init")
    return alex


def test_push_dry_run_lists_files_and_sends_nothing(alex: Shell) -> None:
    alex.write("data", "1\n")
    alex.write("helper.py", "pass\n")
    datmo(alex, "add-data", "data")
    alex.commit("t.py", "import helper; open('m.pkl', 'w').write('m'); print('done')\n")
    datmo(alex, "run", "-m", "first", "--", "python", "t.py")
    oid = experiments(alex)[0]["id"]
    said = datmo(alex, "push", "--dry-run")
    lines = said.stdout.splitlines()
    assert f"snapshot {oid[:10]} first" in lines
    assert "  data data (2 bytes): tracked by 'git datmo add-data'" in lines
    assert "  model m.pkl (1 byte): written by the run" in lines
    assert (
        "  code helper.py (5 bytes): untracked; the command named, imported or executed it" in lines
    )
    assert "  log (5 bytes): what the command printed" in lines
    assert "would be shared with" in said.stderr
    assert alex.git("ls-remote", "origin") == ""
    alex.git("push", "-q", "origin", "main")
    assert "Everything up-to-date" in datmo(alex, "push", "-n").stderr


NOTEBOOK = json.dumps({"cells": [{"outputs": [{"text": [TOKEN]}]}]})


@pytest.mark.parametrize(
    ("program", "place"),
    [
        (f"open('out.txt', 'w').write('one\\n{TOKEN}\\n')", "line 2 of 'out.txt'"),
        (
            f"import os; os.mkdir('o'); open('o/n.ipynb', 'w').write('''{NOTEBOOK}''')",
            "line 1 of 'o/n.ipynb'",
        ),
        (f"open('results.csv', 'w').write('a,b\\n{TOKEN}')", "line 2 of 'results.csv'"),
    ],
)
def test_push_of_a_secret_in_an_output_is_refused_with_file_and_line(
    alex: Shell, program: str, place: str
) -> None:
    alex.commit("results.csv", "a,b\n")
    alex.commit("t.py", program)
    datmo(alex, "run", "--", "python", "t.py")
    refusal(alex.run("git", "push", "origin", "main", code=1), place, "GitHub Token")
    assert alex.git("ls-remote", "origin") == ""


def test_push_of_a_secret_in_uncommitted_code_is_refused(alex: Shell) -> None:
    alex.commit("t.py", "pass\n")
    alex.write("t.py", f"\n\nKEY = '{TOKEN}'\n")
    datmo(alex, "run", "--", "python", "t.py")
    refusal(alex.run("git", "push", "origin", "main", code=1), "line 3 of 't.py'", "GitHub Token")


def test_code_that_git_pushes_anyway_is_not_refused(alex: Shell) -> None:
    alex.commit("t.py", f"KEY = '{TOKEN}'\n")
    datmo(alex, "run", "--", "python", "t.py")
    alex.git("push", "-q", "origin", "main")


def test_output_with_words_that_name_secrets_is_pushed(alex: Shell) -> None:
    alex.commit(
        "t.py",
        'open(\'vocab.json\', \'w\').write(\'{"token": "ab12cd34", "secret_key": "x9y8z7w6"}\')\n',
    )
    datmo(alex, "run", "--", "python", "t.py")
    alex.git("push", "-q", "origin", "main")


def test_output_that_is_a_secret_by_its_name_is_not_kept(alex: Shell) -> None:
    alex.commit("t.py", "open('.env', 'w').write('A=1'); open('m.txt', 'w').write('m')\n")
    said = datmo(alex, "run", "--", "python", "t.py").stderr
    assert "'.env' looks like a secret by its name: it was not kept" in said
    assert experiments(alex)[0]["run"]["outputs"] == ["m.txt"]
