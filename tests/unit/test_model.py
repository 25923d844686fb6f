"""Test ids, formats, and the errors that users see."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.cli.console import Console
from git_datmo.cli.main import tell
from git_datmo.errors import Damaged, DatmoError, EngineMissing, GitFailed, Incomplete, UsageError
from git_datmo.model import FORMATS, Content, Form, Oid, Payload, Role
from git_datmo.progress import QUIET, Progress
from tests.support.shell import Shell


@given(st.binary(min_size=20, max_size=20) | st.binary(min_size=32, max_size=32))
def test_id_is_read_as_written(raw: bytes) -> None:
    oid = Oid(raw)
    assert Oid.parse(str(oid)) == oid
    assert str(oid) == f"{oid}" == raw.hex()
    assert hash(oid) == hash(raw), "an id finds what raw bytes of an index name"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0" * 39,
        "0" * 41,
        "0" * 63,
        "0" * 65,
        "A" * 40,
        "0" * 40 + "\n",
        "g" * 40,
        " " + "0" * 39,
        "\u0660" * 40,
    ],
)
def test_invalid_id_raises_damaged(text: str) -> None:
    with pytest.raises(Damaged, match="not an object id"):
        Oid.parse(text)


@pytest.mark.parametrize("name", sorted(FORMATS))
@pytest.mark.parametrize("content", [b"", b"x", bytes(100_000)], ids=len)
def test_object_has_the_id_that_git_gives_it(
    make_repo: Callable[..., Shell], name: str, content: bytes
) -> None:
    repo = make_repo(object_format=name)
    expected = repo.git("hash-object", "--stdin", stdin=content)
    assert str(FORMATS[name].hash("blob", content)) == expected
    assert FORMATS[name].hash("blob", memoryview(content)).hex() == expected
    assert len(FORMATS[name].hash("blob", content)) == FORMATS[name].size


def test_roles_and_forms_are_parsed_from_words() -> None:
    assert [str(role) for role in Role] == ["data", "model", "output"]
    assert [str(form) for form in Form] == ["file", "executable", "folder"]
    content = Content(Oid(bytes(20)), Form.FILE, 1, 1)
    assert Payload("a", Role.DATA, content).object == content.object


def test_quiet_progress_is_accepted_as_progress() -> None:
    progress: Progress = QUIET
    progress.begin("x", 3, unit="obj")
    progress.advance(1)
    progress.finish()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DatmoError("x"), 128),
        (UsageError("x"), 129),
        (Incomplete("x", missing=["0" * 40]), 2),
        (Damaged("x"), 128),
        (EngineMissing("x"), 128),
        (GitFailed(["push"], 1, ""), 128),
    ],
    ids=lambda value: type(value).__name__,
)
def test_error_has_its_exit_code_and_line(error: DatmoError, code: int) -> None:
    err = io.StringIO()
    console = Console({}, Path.cwd(), io.StringIO(), err)
    assert tell(error, console) == code
    assert err.getvalue() == f"fatal: {error.what}\n"
    error.hint = "do this"
    err.truncate(0)
    err.seek(0)
    assert tell(error, console) == code
    assert err.getvalue() == f"fatal: {error.what}\nhint: do this\n"


def test_error_as_json_is_one_object_on_stderr() -> None:
    out, err = io.StringIO(), io.StringIO()
    error = Incomplete("cannot read \u00e4", "fetch it", missing=["0" * 40])
    assert tell(error, Console({}, Path.cwd(), out, err), as_json=True) == 2
    assert out.getvalue() == ""
    (line,) = err.getvalue().splitlines()
    assert json.loads(line) == {
        "error": "cannot read \u00e4",
        "hint": "fetch it",
        "exit_code": 2,
        "missing": ["0" * 40],
    }


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        ("fatal: not a repository\n", "not a repository"),
        ("warning: x\nerror: y\nfatal: z\n", "y"),
        ("remote: counting\nfatal: z\nhint: w\n", "z"),
        ("something else\n\n", "something else"),
        ("a\nb\n", "b"),
        ("", "exit status 3"),
        ("\n  \n", "exit status 3"),
    ],
)
def test_message_of_git_is_reported_in_one_line(stderr: str, said: str) -> None:
    error = GitFailed(["fetch", "--stdin"], 3, stderr)
    assert error.what == f"git fetch failed: {said}"
    assert (error.argv, error.status, error.stderr) == (("fetch", "--stdin"), 3, stderr)
