"""Test `git datmo serve --follow`: deployments, rollbacks and refusals while requests come."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments, refused
from tests.support.serving import CONTRACT, PREDICT, HttpAnswer, Served, serving, write_model
from tests.support.shell import Shell

TENFOLD = PREDICT.replace("float(a) + float(b)", "10 * (float(a) + float(b))")
FOLLOW = ("--follow", "origin/production", "--every", "1")


@pytest.fixture
def maker(repo: Shell) -> Shell:
    """Return a repository whose branch `production` is on a remote, with a model that adds."""
    repo.git("init", "-q", "--bare", "../hub.git")
    repo.git("remote", "add", "origin", "../hub.git")
    repo.git("switch", "-q", "-c", "production")
    write_model(repo)
    push(repo)
    return repo


@pytest.fixture
def server(maker: Shell, shell: Callable[..., Shell]) -> Shell:
    """Return a clone of another person, which serves."""
    shell(".").git("clone", "-q", "-b", "production", "hub.git", "server")
    clone = shell("server")
    datmo(clone, "init")
    return clone


def push(maker: Shell, *options: str) -> str:
    """Push code and experiments; return the newest snapshot's beginning."""
    datmo(maker, "push")
    maker.git("push", "-q", *options, "origin", "HEAD:production")
    return str(experiments(maker)[0]["id"])[:10]


class Clients:
    """Send requests from threads, without a pause."""

    def __init__(self, served: Served) -> None:
        self.answers: list[HttpAnswer] = []
        self._served, self._end = served, threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self) -> None:
        while not self._end.is_set():
            self.answers.append(self._served.rows(a=[1], b=[2]))

    @contextmanager
    def asking(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in self._threads:
                thread.join(60)

    def pairs(self) -> set[tuple[str, float]]:
        """Return the snapshots and their predictions; check that each request was answered."""
        assert {answer.status for answer in self.answers} == {200}
        return {
            (answer.headers["datmo-snapshot"][:10], answer.document["predictions"][0])
            for answer in self.answers
        }


def test_push_deploys_and_revert_or_forced_push_rolls_back_under_load(
    maker: Shell, server: Shell
) -> None:
    first = str(experiments(maker)[0]["id"])[:10]
    with serving(server, "--trust", *FOLLOW) as served:
        clients = Clients(served)
        with clients.asking():
            write_model(maker, predict=TENFOLD, contract=CONTRACT.replace("name: adder", "name: x"))
            second = push(maker)
            served.wait_for(f"now serving snapshot {second} of 'origin/production'")
            served.wait_for(f"stopped snapshot {first}")
            # The name in URLs stays, so clients need not change.
            assert served.ask("/v2/models/adder").document["versions"] == [second]
            # The repository is free while the server runs.
            datmo(server, "gc")
            maker.git("revert", "--no-edit", "HEAD")
            push(maker)
            served.wait_for(f"now serving snapshot {first} of 'origin/production'")
            served.wait_for(f"stopped snapshot {second}")
            served.errors.clear()
            maker.git("reset", "-q", "--hard", "HEAD~1")
            push(maker, "--force")
            served.wait_for(f"now serving snapshot {second} of 'origin/production'")
            served.wait_for(f"stopped snapshot {first}")
            metrics = served.ask("/metrics").body.decode()
        assert clients.pairs() == {(first, 3.0), (second, 30.0)}
        assert "\ndatmo_swaps_total 3\n" in metrics
        assert f'datmo_workers{{snapshot="{second}"}} 1' in metrics
        assert served.end() == 0
    assert not list((server.cwd / ".git/datmo/scratch").iterdir())


def test_commit_of_older_data_rolls_back(maker: Shell, server: Shell) -> None:
    """Roll back a commit that changed data alone, of which git sees nothing to revert."""
    scaled = PREDICT.replace(
        "return sum(map(len, paths))", "return float(open('scale.txt').read())"
    )
    maker.write(
        "predict.py", scaled.replace("float(a) + float(b)", "model * (float(a) + float(b))")
    )
    maker.write("train.py", "open('scale.txt', 'w').write(open('data.txt').read())\n")
    maker.git("add", "-A")
    maker.write("data.txt", "1")
    datmo(maker, "add-data", "data.txt")
    maker.git("commit", "-q", "-m", "scale")
    datmo(maker, "run", "--", "python", "train.py")
    push(maker)
    with serving(server, "--trust", *FOLLOW) as served:
        assert served.rows(a=[1], b=[2]).document == {"predictions": [3.0]}
        maker.write("data.txt", "10")
        datmo(maker, "commit", "-m", "new data")
        datmo(maker, "run", "--", "python", "train.py")
        served.wait_for(f"now serving snapshot {push(maker)}")
        assert served.rows(a=[1], b=[2]).document == {"predictions": [30.0]}
        assert "nothing to commit" in maker.run("git", "revert", "--no-edit", "HEAD", code=1).stdout
        served.errors.clear()
        datmo(maker, "checkout", "HEAD~1", "--", ".")
        datmo(maker, "commit", "-m", "back to the first data")
        maker.git("push", "-q", "origin", "HEAD:production")
        served.wait_for("now serving snapshot")
        assert served.rows(a=[1], b=[2]).document == {"predictions": [3.0]}


def test_request_under_way_is_answered_by_the_model_that_began_it(
    maker: Shell, server: Shell, tmp_path: Path
) -> None:
    for name in ("arrived", "release"):
        os.mkfifo(tmp_path / name)
    shell = server.having(ARRIVED=str(tmp_path / "arrived"), RELEASE=str(tmp_path / "release"))
    first = str(experiments(maker)[0]["id"])[:10]
    answers: list[HttpAnswer] = []
    with serving(shell, "--trust", *FOLLOW) as served:
        thread = threading.Thread(
            target=lambda: answers.append(served.rows(a=[1], b=[2], wait=[1]))
        )
        thread.start()
        (tmp_path / "arrived").open("rb").close()
        write_model(maker, predict=TENFOLD)
        second = push(maker)
        served.wait_for(f"now serving snapshot {second}")
        assert served.rows(a=[1], b=[2]).document == {"predictions": [30.0]}
        assert not any("stopped snapshot" in line for line in served.errors)
        (tmp_path / "release").open("wb").close()
        thread.join(60)
        served.wait_for(f"stopped snapshot {first}")
    (answer,) = answers
    assert (answer.status, answer.document) == (200, {"predictions": [3.0]})
    assert answer.headers["datmo-snapshot"].startswith(first)


def test_refused_snapshots_leave_the_old_one_and_are_reported(maker: Shell, server: Shell) -> None:
    first = str(experiments(maker)[0]["id"])[:10]
    with serving(server, "--trust", *FOLLOW) as served:

        def refusal(reason: str) -> str:
            commit = maker.git("rev-parse", "HEAD").strip()[:10]
            line = served.wait_for(f"commit {commit} of 'origin/production' is refused ({reason})")
            assert f"snapshot {first} is served on" in line
            assert served.rows(a=[1], b=[2]).document == {"predictions": [3.0]}
            counted = f'datmo_refused_snapshots_total{{commit="{commit}",reason="{reason}"}} 1'
            assert counted in served.ask("/metrics").body.decode()
            return line

        write_model(maker, contract=CONTRACT.replace("maximum: 100", "maximum: 2"))
        push(maker)
        assert "y breaks maximum in row 1" in refusal("model")
        write_model(maker, predict=PREDICT.replace("return sum", "import nothing; return sum"))
        push(maker)
        assert "No module named 'nothing'" in refusal("model")
        write_model(maker, "--no-contract", contract="schema: [", predict=TENFOLD)
        push(maker)
        refusal("contract")
        maker.commit("README", "no experiment")
        push(maker)
        assert "has no snapshot" in refusal("record")

        # A model that is refused for its signature, or its author, can be approved later.
        server.git("config", "datmo.requireSigned", "true")
        write_model(maker, predict=TENFOLD)
        second = push(maker)
        assert "has no signature by a trusted key" in refusal("signature")
        server.git("config", "datmo.requireSigned", "false")
        served.wait_for(f"now serving snapshot {second}")

        (server.cwd.parent / "hub.git").rename(server.cwd.parent / "away.git")
        served.wait_for("'origin/production' cannot be fetched")
        (server.cwd.parent / "away.git").rename(server.cwd.parent / "hub.git")
        write_model(maker)
        push(maker)
        served.wait_for("now serving snapshot " + str(experiments(maker)[0]["id"])[:10])


def test_snapshot_of_a_stranger_is_not_deployed_without_trust(maker: Shell, server: Shell) -> None:
    server.git("config", "datmo.trust", "true")
    with serving(server, *FOLLOW) as served:
        server.git("config", "datmo.trust", "false")
        write_model(maker, predict=TENFOLD)
        second = push(maker)
        assert f"snapshot '{second}' was not made here" in served.wait_for("is refused (trust)")
        assert served.rows(a=[1], b=[2]).document == {"predictions": [3.0]}


def test_wrong_branch_to_follow_is_refused(server: Shell) -> None:
    words = ("serve", "--engine", "host", "--port", "0", "--follow")
    refused(server, *words, "production", code=129, says=("takes the branch of a remote",))
    refused(server, *words, "origin/production", "HEAD", code=129, says=("give no REV",))
    refused(server, *words, "origin/nothing", says=("nothing",))
