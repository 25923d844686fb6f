"""Test `git datmo serve --shadow` and `--canary`: a second model changes no answer of the first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.commands import experiments, refused
from tests.support.serving import PREDICT, Served, serving, write_model
from tests.support.shell import Shell

# Differs from the first model, as its inputs ask.
SECOND = PREDICT.replace(
    '    return {"y"',
    """\
    if inputs["a"][0] == 5:
        os._exit(9)
    if inputs["a"][0] == 6:
        open(os.environ["RELEASE"]).close()
    if inputs["a"][0] == 7:
        return {"y": [1000.0]}
    if inputs["a"][0] == 8:
        return {"y": [8.5]}
    return {"y\"""",
)


@pytest.fixture
def both(repo: Shell, tmp_path: Path) -> Shell:
    """Return a repository with two models; the second is at HEAD, the first at `first`."""
    os.mkfifo(tmp_path / "release")
    write_model(repo)
    repo.git("tag", "first")
    write_model(repo, predict=SECOND)
    return repo.having(RELEASE=str(tmp_path / "release"))


def counts(served: Served, role: str) -> dict[str, int]:
    """Return the results of the requests to the second model."""
    found = {}
    for line in served.ask("/metrics").body.decode().splitlines():
        if line.startswith(f"datmo_{role}_requests_total"):
            labels, _, count = line.rpartition(" ")
            found[labels.partition('result="')[2].partition('"')[0]] = int(count)
    return found


def wait_for(served: Served, role: str, **wanted: int) -> None:
    """Ask for the counts until they are those wanted: the second model answers in its own time."""
    found = {}
    for _ in range(5000):
        found = counts(served, role)
        if found == wanted:
            return
    raise AssertionError(f"{found} is not {wanted}")


def test_shadow_is_compared_and_changes_no_answer(both: Shell, tmp_path: Path) -> None:
    first = experiments(both)[-1]["id"]
    with serving(both, "first", "--shadow", "HEAD") as served:
        served.wait_for("the shadow, snapshot")

        def ask(value: float) -> None:
            answer = served.rows(a=[value], b=[0])
            assert (answer.status, answer.document) == (200, {"predictions": [value]})
            assert answer.headers["datmo-snapshot"] == first

        ask(1)
        wait_for(served, "shadow", same=1)
        ask(8)
        wait_for(served, "shadow", same=1, different=1)
        # It hangs until the test releases it, and gets no further request meanwhile.
        ask(6)
        ask(1)
        wait_for(served, "shadow", same=1, different=1, dropped=1)
        (tmp_path / "release").open("wb").close()
        wait_for(served, "shadow", same=2, different=1, dropped=1)
        ask(7)
        wait_for(served, "shadow", same=2, different=1, dropped=1, failed=1)
        ask(5)
        wait_for(served, "shadow", same=2, different=1, dropped=1, failed=2)
        ask(1)
        assert served.end() == 0


def test_canary_answers_or_the_main_model_does(both: Shell, tmp_path: Path) -> None:
    second, first = (each["id"] for each in experiments(both))
    with serving(both, "first", "--canary", "HEAD=100%") as served:
        served.wait_for("the canary, snapshot")

        def ask(value: float) -> tuple[float, str]:
            answer = served.rows(a=[value], b=[0])
            assert answer.status == 200
            snapshot = answer.headers["datmo-snapshot"]
            assert answer.headers["datmo-prediction"].startswith(snapshot[:10])
            return answer.document["predictions"][0], snapshot

        # On a busy machine, the canary may be slow by chance.
        assert (8.5, second) in (ask(8) for _ in range(100))
        before = counts(served, "canary")
        assert ask(7) == (7.0, first)
        while not any("worker 1 ended" in line for line in served.errors):
            assert ask(5) == (5.0, first)
        assert (8.5, second) in (ask(8) for _ in range(3000))
        # The canary hangs until the test releases it, and the client has its answer.
        assert ask(6) == (6.0, first)
        assert ask(8) == (8.0, first)
        found = counts(served, "canary")
        assert found["answered"] > before["answered"]
        assert found["busy"] >= 1
        late = found.get("slow", 0)
        (tmp_path / "release").open("wb").close()
        assert any(counts(served, "canary").get("slow", 0) > late for _ in range(5000))
        assert counts(served, "canary")["failed"] >= 2
        settled = counts(served, "canary")
        wrong = served.rows(a=[11], b=[0])
        assert (wrong.status, wrong.headers["datmo-snapshot"]) == (400, first)
        assert counts(served, "canary") == settled


def test_second_model_that_does_not_load_leaves_the_first_alone(repo: Shell) -> None:
    write_model(repo)
    repo.git("tag", "first")
    write_model(repo, predict=PREDICT.replace("return sum", "1 / 0; return sum"))
    with serving(repo, "first", "--shadow", "HEAD", "--canary", "HEAD=50%") as served:
        for role in ("shadow", "canary"):
            assert "ZeroDivisionError" in served.wait_for(f"the {role}, snapshot")
        answers = [served.rows(a=[1], b=[2]) for _ in range(20)]
        assert {answer.status for answer in answers} == {200}
        assert counts(served, "shadow") == {"dropped": 20}
    words = ("serve", "--engine", "host", "--port", "0", "--canary")
    for text in ("HEAD", "HEAD=10", "HEAD=0%", "=10%", "HEAD=x%"):
        refused(repo, *words, text, code=129, says=("--canary takes REV=PERCENT%",))
