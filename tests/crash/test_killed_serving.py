"""Fill the disk of a server, and kill its worker and itself, while clients send requests."""

from __future__ import annotations

import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_datmo.serving.event_log import OUTCOME, PREDICTION
from git_datmo.serving.event_reader import log_files, read_events
from tests.support.commands import datmo
from tests.support.serving import Served, serving, write_model
from tests.support.shell import Shell


class Clients:
    """Predict and post outcomes in threads without a pause, until the server is gone.

    `predicted` and `told` have the ids of the predictions that were answered, and of those whose
    outcome was stored as the server says. `refused` counts other answers by path and status.
    """

    def __init__(self, served: Served) -> None:
        self.predicted: set[str] = set()
        self.told: set[str] = set()
        self.refused: dict[tuple[str, int], int] = {}
        self.broken: list[bytes] = []
        self._served, self._changed = served, threading.Condition()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self) -> None:
        try:
            while True:
                self._ask_once()
        except ConnectionError:
            # The server was killed.
            return

    def _ask_once(self) -> None:
        answer = self._served.rows(a=[1], b=[2])
        if answer.status != 200:
            self._note(lambda: self._refuse("/invocations", answer.status))
            return
        prediction = answer.headers["datmo-prediction"]
        if answer.document != {"predictions": [3.0]}:
            self.broken.append(answer.body)
        self._note(lambda: self.predicted.add(prediction))
        told = self._served.ask("/feedback", {"prediction": prediction, "outcome": {"y": 3.0}})
        if told.status == 202:
            self._note(lambda: self.told.add(prediction))
        else:
            self._note(lambda: self._refuse("/feedback", told.status))

    def _refuse(self, path: str, status: int) -> None:
        self.refused[path, status] = self.refused.get((path, status), 0) + 1

    def _note(self, change: Callable[[], None]) -> None:
        with self._changed:
            change()
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, timeout=60)

    def wait_for_more(self) -> None:
        """Wait until five more predictions are answered, and five more outcomes stored."""
        predicted, told = len(self.predicted) + 5, len(self.told) + 5
        self.wait_for(lambda: len(self.predicted) >= predicted and len(self.told) >= told)

    @contextmanager
    def asking(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._served.child.kill()
            for thread in self._threads:
                thread.join(60)


def limit_files(served: Served, size: int) -> None:
    """Limit the files that a running server writes; a write stops there, as on a full disk."""
    _, hard = resource.prlimit(served.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(served.child.pid, resource.RLIMIT_FSIZE, (size, hard))


def worker_of(served: Served) -> int:
    """Return the process id of the only worker."""
    tasks = Path(f"/proc/{served.child.pid}/task")
    (worker,) = [p for task in tasks.iterdir() for p in (task / "children").read_text().split()]
    return int(worker)


@pytest.mark.timeout(180)
def test_full_disk_and_kills_lose_no_acknowledged_event(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    datmo(repo, "init")
    write_model(repo)
    folder = repo.cwd / "events"
    with serving(repo, "--log", "events") as served:
        clients = Clients(served)
        with clients.asking():
            clients.wait_for_more()
            os.kill(worker_of(served), signal.SIGKILL)
            clients.wait_for_more()
            (file,) = folder.glob("*.jsonl")
            limit_files(served, file.stat().st_size + 5000)
            clients.wait_for(lambda: ("/feedback", 503) in clients.refused)
            answered = len(clients.predicted) + 5
            clients.wait_for(lambda: len(clients.predicted) >= answered)
            limit_files(served, resource.RLIM_INFINITY)
            clients.wait_for_more()
            metrics = served.ask("/metrics").body.decode()
            clients.wait_for_more()
        assert not clients.broken
        # The killed worker had one request at most, and a full disk refuses outcomes alone.
        assert clients.refused.pop(("/invocations", 503), 0) <= 1
        assert {*clients.refused} == {("/feedback", 503)}

    stored: dict[str, set[str]] = {PREDICTION: set(), OUTCOME: set()}
    for event in read_events(log_files(folder)):
        named = event["id"] if event["type"] == PREDICTION else event["data"]["prediction"]
        stored[event["type"]].add(named)
    assert clients.told <= stored[OUTCOME]
    lost = clients.predicted - stored[PREDICTION]
    assert lost
    assert f"\ndatmo_lost_events_total {len(lost)}\n" in metrics
