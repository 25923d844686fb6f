"""Test `git datmo serve`: protocols, contract, limits, and workers and servers that end."""

from __future__ import annotations

import json
import os
import queue
import select
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from git_datmo.serving.worker.tensor_bytes import pack_values
from tests.support.commands import datmo, experiments, refused
from tests.support.serving import (
    CONTRACT,
    PREDICT,
    HttpAnswer,
    Served,
    serving,
    with_interpreter,
    write_model,
)
from tests.support.shell import Shell

INFER = "/v2/models/adder/infer"


@pytest.fixture
def adder(repo: Shell) -> Shell:
    """Return a repository with a model that adds, and a contract."""
    write_model(repo)
    return repo


@pytest.fixture
def served(adder: Shell) -> Iterator[Served]:
    """Return a server of the model that adds."""
    with serving(adder) as server:
        yield server


def tensors(**columns: list[float]) -> list[dict[str, object]]:
    return [
        {"name": name, "datatype": "FP64", "shape": [len(values)], "data": values}
        for name, values in columns.items()
    ]


def test_model_answers_every_format_of_both_protocols(served: Served, adder: Shell) -> None:
    snapshot = experiments(adder)[0]["id"]
    assert served.line == (
        f"serving snapshot {snapshot[:10]} as 'adder' at http://127.0.0.1:{served.port}\n"
    )
    split = {"dataframe_split": {"columns": ["a", "b"], "data": [[1, 2], [3, 4.5]]}}
    records = {"dataframe_records": [{"a": 1, "b": 2}, {"a": 3, "b": 4.5}]}
    columns = {"inputs": {"a": [1, 3], "b": [2, 4.5]}}
    for body in (split, records, columns, {"instances": records["dataframe_records"]}):
        answer = served.ask("/invocations", body)
        assert (answer.status, answer.document) == (200, {"predictions": [3.0, 7.5]})
        assert answer.headers["datmo-snapshot"] == snapshot
        assert answer.headers["datmo-prediction"].startswith(f"{snapshot[:10]}-")
    csv = served.ask("/invocations", b"a,b\n1,2\n3,4.5\n", kind="text/csv; charset=utf-8")
    assert csv.document == {"predictions": [3.0, 7.5]}

    plain = served.ask(INFER, {"id": "mine", "inputs": tensors(a=[1, 3], b=[2, 4.5])})
    assert plain.document["outputs"] == [
        {"name": "y", "datatype": "FP64", "shape": [2], "data": [3.0, 7.5]}
    ]
    assert plain.document["id"] == "mine"
    assert plain.document["model_version"] == snapshot[:10]
    assert plain.document["parameters"]["snapshot"] == snapshot
    assert ask_in_bytes(served) == (3.0, 7.5)

    assert served.ask("/v2").document["extensions"] == ["binary_tensor_data"]
    metadata = served.ask("/v2/models/adder").document
    assert metadata["inputs"][0] == {"name": "a", "datatype": "FP64", "shape": [-1]}
    assert metadata["versions"] == [snapshot[:10]]
    for path in ("/ping", "/v2/health/live", "/v2/health/ready", "/v2/models/adder/ready"):
        assert served.ask(path).status == 200
    assert served.ask("/v2/models/other/infer", {"inputs": []}).status == 404
    described = served.ask("/openapi.json").document
    assert described["components"]["schemas"]["Row"]["properties"]["a"]["maximum"] == 10
    sent = described["paths"][INFER]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert sent["properties"]["inputs"]["minItems"] == 1
    page = served.ask("/")
    assert b'name="a"' in page.body
    assert "default-src 'none'" in page.headers["content-security-policy"]


def ask_in_bytes(served: Served) -> tuple[float, ...]:
    """Return the answer to a request whose arrays are bytes, as Triton's client sends them."""
    parts = [pack_values("FP64", [1, 3]), pack_values("FP32", [2, 4.5])]
    inputs = [
        {
            "name": name,
            "datatype": datatype,
            "shape": [2],
            "parameters": {"binary_data_size": len(part)},
        }
        for name, datatype, part in zip("ab", ("FP64", "FP32"), parts, strict=True)
    ]
    outputs = [{"name": "y", "parameters": {"binary_data": True}}]
    text = json.dumps({"inputs": inputs, "outputs": outputs}).encode()
    answer = served.ask(
        INFER,
        b"".join([text, *parts]),
        kind="application/octet-stream",
        Inference_Header_Content_Length=str(len(text)),
    )
    size = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.body[:size])["outputs"]
    assert output["parameters"] == {"binary_data_size": 16}
    return struct.unpack("<2d", answer.body[size:])


def test_request_and_answer_that_break_the_contract_are_refused(served: Served) -> None:
    wrong = served.rows(a=[1, 11, 2], b=[1, 2, None])
    assert wrong.status == 400
    assert wrong.document == {
        "error": "the request breaks the contract",
        "violations": [
            {"field": "a", "row": 1, "rule": "maximum", "got": 11.0},
            {"field": "b", "row": 2, "rule": "required", "got": None},
        ],
    }
    assert served.rows(b=[1]).document["violations"] == [
        {"field": "a", "row": None, "rule": "missing", "got": None}
    ]
    text = served.ask("/invocations", {"dataframe_records": [{"a": "x", "b": 1}]})
    assert text.document["violations"] == [{"field": "a", "row": 0, "rule": "datatype", "got": "x"}]
    for body in (b"{", b"[]", b"{}", b'{"inputs": 3}'):
        assert served.ask("/invocations", body).status == 400
        assert served.ask(INFER, body).status == 400
    assert served.ask("/invocations", b"a", kind="text/plain").status == 415

    # Whatever the client sends, the server answers, and counts no names that clients make up.
    odd = [
        b'{"inputs": {"\\ud800": ["\\ud800"], "a": [NaN], "b": [[NaN, true]]}}',
        b'{"inputs": [{"name": "a", "datatype": "BOOL", "shape": [1], "data": [NaN]}]}',
        b'{"inputs": [{"name": "a", "datatype": "FP64", "shape": [9999999999, 0], "data": []}]}',
        b"[" * 100_000,
        b'{"inputs": {"a": [1' + b"0" * 400 + b'], "b": [1]}}',
    ]
    for body in odd:
        assert {served.ask(path, body).status for path in ("/invocations", INFER)} == {400}
    assert b"ud800" not in served.ask("/metrics").body

    broken = served.rows(a=[1], b=[1000])
    assert (broken.status, broken.document) == (500, {"error": "the model broke its contract"})
    failed = served.ask(INFER, {"inputs": tensors(a=[1], b=[1], fail=[1])})
    assert (failed.status, failed.document) == (500, {"error": "the model failed"})
    counts = served.ask("/metrics").body.decode()
    version = served.ask("/v2/models/adder").document["versions"][0]
    assert f'datmo_broken_outputs_total{{snapshot="{version}"}} 1' in counts
    assert f'datmo_violations_total{{snapshot="{version}",field="a",rule="maximum"}} 1' in counts
    assert f'datmo_requests_total{{snapshot="{version}",status="500"}} 2' in counts
    assert served.end() == 0
    log = "".join(served.errors)
    assert f"prediction {broken.headers['datmo-prediction']}: the model broke its contract" in log
    assert "secret-of-the-model" in log


def test_worker_that_dies_is_replaced_and_its_request_refused(served: Served) -> None:
    first = pid_of(served)
    assert served.ask(INFER, {"inputs": tensors(a=[1], b=[1], die=[1])}).status == 503
    # The next request waits for the new worker.
    assert served.rows(a=[1], b=[2]).document == {"predictions": [3.0]}
    assert pid_of(served) != first
    assert "datmo_worker_deaths_total" in served.ask("/metrics").body.decode()


def test_worker_that_hangs_is_replaced_after_the_timeout(adder: Shell) -> None:
    with serving(adder, "--timeout", "2") as served:
        hung = served.ask(INFER, {"inputs": tensors(a=[1], b=[1], hang=[1])})
        assert (hung.status, hung.document["error"]) == (504, "the model did not answer within 2 s")
        # On a busy machine, requests may end before the new worker has started.
        answers = (served.rows(a=[1], b=[2]).status for _ in range(30))
        assert 200 in answers


def pid_of(served: Served) -> int:
    """Return the process id of the worker, whose answer then breaks the contract."""
    served.ask(INFER, {"inputs": tensors(a=[1], b=[1], pid=[1])})
    children = Path(f"/proc/{served.child.pid}/task")
    found = [p for task in children.iterdir() for p in (task / "children").read_text().split()]
    return int(found[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_server_after_the_running_request(
    adder: Shell, tmp_path: Path, number: int
) -> None:
    for name in ("arrived", "release"):
        os.mkfifo(tmp_path / name)
    shell = adder.having(ARRIVED=str(tmp_path / "arrived"), RELEASE=str(tmp_path / "release"))
    answers: list[HttpAnswer] = []
    with serving(shell) as served:
        body = {"inputs": tensors(a=[1], b=[2], wait=[1])}
        thread = threading.Thread(target=lambda: answers.append(served.ask(INFER, body)))
        thread.start()
        (tmp_path / "arrived").open("rb").close()
        # To all processes, as a terminal and systemd do.
        os.killpg(served.child.pid, number)
        (tmp_path / "release").open("wb").close()
        assert served.child.wait(60) == 0
        thread.join(60)
    assert [answer.status for answer in answers] == [200]
    assert not list((adder.cwd / ".git/datmo/scratch").iterdir())


def test_worker_that_hangs_ends_with_its_killed_server(adder: Shell, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "arrived")
    with serving(adder.having(ARRIVED=str(tmp_path / "arrived")), "--timeout", "600") as served:
        worker = os.pidfd_open(pid_of(served))
        body = {"inputs": tensors(a=[1], b=[1], arrive=[1], hang=[1])}

        def ask() -> None:
            with suppress(ConnectionError):
                served.ask(INFER, body)

        lost = threading.Thread(target=ask)
        try:
            lost.start()
            (tmp_path / "arrived").open("rb").close()
            served.child.kill()
            served.child.wait()
            # The descriptor is readable when the process has ended.
            assert select.select([worker], [], [], 60)[0]
        finally:
            os.close(worker)
        lost.join(60)


def test_requests_beyond_limits_are_refused(adder: Shell, tmp_path: Path) -> None:
    for name in ("arrived", "release"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "token").write_text("sesame\n")
    shell = adder.having(ARRIVED=str(tmp_path / "arrived"), RELEASE=str(tmp_path / "release"))
    words = ("--token", f"@{tmp_path / 'token'}", "--max-body", "1k", "--queue", "1")
    with serving(shell, *words) as served:
        good = {"Authorization": "Bearer sesame"}
        body = {"inputs": tensors(a=[1], b=[1])}
        assert served.ask(INFER, body).status == 401
        assert served.ask("/metrics", Authorization="Bearer other").status == 401
        assert served.ask("/ping").status == 200
        assert served.ask(INFER, body, **good).status == 200
        assert served.ask(INFER, body, Origin="http://elsewhere.example", **good).status == 403
        assert served.ask(INFER, b" " * 1025, **good).status == 413
        answers: queue.Queue[int] = queue.Queue()

        def ask(**columns: list[float]) -> threading.Thread:
            sent = {"inputs": tensors(**columns)}
            thread = threading.Thread(
                target=lambda: answers.put(served.ask(INFER, sent, **good).status)
            )
            thread.start()
            return thread

        # The first holds the worker, one of the others waits, and the last is one too many.
        threads = [ask(a=[1], b=[1], wait=[1])]
        (tmp_path / "arrived").open("rb").close()
        threads += [ask(a=[1], b=[1]), ask(a=[1], b=[1])]
        assert answers.get(timeout=30) == 503
        (tmp_path / "release").open("wb").close()
        for thread in threads:
            thread.join(60)
        assert [answers.get_nowait(), answers.get_nowait()] == [200, 200]


def test_worker_without_numpy_gets_lists(adder: Shell, tmp_path: Path) -> None:
    shell = with_interpreter(adder, tmp_path / "bare")
    with serving(shell, "--workers", "2", "--batch", "8") as served:
        assert served.rows(a=[1, 3], b=[2, 4.5]).document == {"predictions": [3.0, 7.5]}
        answers: list[object] = []
        threads = [
            threading.Thread(target=lambda: answers.append(served.rows(a=[1], b=[2]).document))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert answers == [{"predictions": [3.0]}] * 12


def test_scikit_learn_model_is_found_without_entry(repo: Shell) -> None:
    train = (
        "import joblib, sklearn.linear_model as lm\n"
        "for name in NAMES:\n"
        "    joblib.dump(lm.LinearRegression().fit([[0, 0], [1, 1], [2, 0]], [0, 2, 2]), name)\n"
    )
    repo.commit("train.py", train.replace("NAMES", "['a.joblib']"))
    datmo(repo, "run", "--", "python", "train.py")
    with serving(repo) as served:
        answer = served.ask("/invocations", {"inputs": [[3, 4], [1, 0]]})
        assert [round(each, 6) for each in answer.document["predictions"]] == [7, 1]
        assert served.ask("/v2/models/model").status == 200
    repo.commit("train.py", train.replace("NAMES", "['a.joblib', 'b.joblib']"))
    datmo(repo, "run", "--", "python", "train.py")
    refused(repo, "serve", "--engine", "host", says=("several models", "--model a.joblib"))
    with serving(repo, "--model", "b.joblib") as served:
        assert served.rows(x=[1], y=[0]).status == 200


def test_model_that_fails_its_examples_is_not_served(repo: Shell) -> None:
    write_model(repo, contract=CONTRACT.replace("maximum: 100", "maximum: 2"))
    refused(repo, "serve", "--engine", "host", "--port", "0", says=("y breaks maximum in row 1",))
    write_model(repo, predict=PREDICT.replace("def load(paths):", "def load(paths):\n    1 / 0"))
    refused(
        repo,
        "serve",
        "--engine",
        "host",
        "--port",
        "0",
        says=("ZeroDivisionError", "(predict.py:4)"),
    )
    words = ("--entry", "nothing.py:predict", "--port", "0")
    refused(repo, "serve", "--engine", "host", *words, says=("no file 'nothing.py'",))
    refused(repo, "serve", "--workers", "0", code=129)


def test_snapshot_of_a_stranger_is_not_served_without_trust(
    adder: Shell, shell: Callable[..., Shell]
) -> None:
    adder.git("clone", "-q", "--bare", ".", "../hub.git")
    adder.git("remote", "add", "origin", "../hub.git")
    datmo(adder, "push")
    other = shell(".")
    other.git("clone", "-q", "hub.git", "other")
    clone = other.at("other")
    datmo(clone, "init")
    words = ("serve", "--engine", "host", "--port", "0")
    refused(clone, *words, says=("was not made here", "--trust"))
    with serving(clone, "--trust") as served:
        assert served.rows(a=[1], b=[2]).status == 200


def test_missing_libraries_are_named_in_one_line(adder: Shell, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "uvicorn.py").write_text("raise ImportError(name='uvicorn')\n")
    bare = adder.having(PYTHONPATH=str(tmp_path / "without"))
    says = ("needs the package 'uvicorn'", "pip install 'git-datmo[serve]'")
    refused(bare, "serve", code=129, says=says)
