"""Start `git datmo serve` on the loopback address, and send it requests."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.shell import Shell

# Adds its inputs. Other inputs make it die, hang, fail, wait for the test, or tell of itself.
PREDICT = """\
import os, re

def load(paths):
    return sum(map(len, paths))

def predict(model, inputs):
    if "die" in inputs:
        os._exit(9)
    if "arrive" in inputs:
        open(os.environ["ARRIVED"], "w").close()
    if "hang" in inputs:
        # Holds the interpreter's lock for years.
        re.match("(a+)+$", "a" * 60 + "b")
    if "fail" in inputs:
        raise KeyError("secret-of-the-model")
    if "wait" in inputs:
        open(os.environ["ARRIVED"], "w").close()
        open(os.environ["RELEASE"]).close()
    if "pid" in inputs:
        return {"pid": [os.getpid()] * len(inputs["a"])}
    return {"y": [float(a) + float(b) for a, b in zip(inputs["a"], inputs["b"])]}
"""

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: adder
name: adder
version: 1.0.0
status: active
customProperties:
  - property: datmo.entry
    value: predict.py:predict
schema:
  - name: request
    customProperties:
      - property: datmo.port
        value: input
    properties:
      - name: a
        logicalType: number
        required: true
        logicalTypeOptions: {minimum: 0, maximum: 10}
        examples: [1.0, 2.0]
      - name: b
        logicalType: number
        required: true
        examples: [0.5, 1.5]
  - name: answer
    customProperties:
      - property: datmo.port
        value: output
    properties:
      - name: y
        logicalType: number
        required: true
        logicalTypeOptions: {maximum: 100}
"""


@dataclass(frozen=True)
class HttpAnswer:
    """Hold the answer to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Served:
    """Run a server, and end it with the test."""

    def __init__(self, shell: Shell, *words: str) -> None:
        self.errors: list[str] = []
        self._told = threading.Condition()
        engine = () if "--engine" in words else ("--engine", "host")
        argv = ["git-datmo", "serve", *engine, "--port", "0", *words]
        self.child = subprocess.Popen(
            argv,
            cwd=shell.cwd,
            env=shell.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._drain, daemon=True)
        self._reader.start()
        assert self.child.stdout is not None
        self.line = self.child.stdout.readline()
        if not self.line:
            self.child.wait()
            self._reader.join()
            raise AssertionError("".join(self.errors))
        self.port = int(self.line.rpartition(":")[2])

    def _drain(self) -> None:
        assert self.child.stderr is not None
        for line in self.child.stderr:
            with self._told:
                self.errors.append(line)
                self._told.notify_all()

    def wait_for(self, text: str) -> str:
        """Wait until the server writes a line with this text, and return the line."""

        def find() -> str:
            return next((line for line in self.errors if text in line), "")

        with self._told:
            if not self._told.wait_for(find, timeout=120):
                raise AssertionError(f"no line with {text!r} in:\n{''.join(self.errors)}")
            return find()

    def ask(
        self,
        path: str,
        body: object = None,
        *,
        kind: str = "application/json",
        method: str = "",
        **headers: str,
    ) -> HttpAnswer:
        """Send a request, with a body as JSON or bytes, and return its answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(
                method or ("GET" if body is None else "POST"),
                path,
                sent,
                {"Content-Type": kind, **named},
            )
            answer = connection.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return HttpAnswer(answer.status, found, answer.read())
        finally:
            connection.close()

    def rows(self, **columns: list[Any]) -> HttpAnswer:
        """Ask for the predictions of columns."""
        data = [list(row) for row in zip(*columns.values(), strict=True)]
        return self.ask(
            "/invocations", {"dataframe_split": {"columns": list(columns), "data": data}}
        )

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code."""
        self.child.send_signal(number)
        code = self.child.wait(60)
        self._reader.join(60)
        return code


@contextlib.contextmanager
def serving(shell: Shell, *words: str) -> Iterator[Served]:
    """Yield a server that is ready; kill it with its workers when the block ends."""
    served = Served(shell, *words)
    try:
        yield served
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.child.pid, signal.SIGKILL)
        served.child.wait()
        for pipe in (served.child.stdout, served.child.stderr):
            if pipe is not None:
                pipe.close()


def write_model(
    repo: Shell, *options: str, contract: str = CONTRACT, predict: str = PREDICT
) -> None:
    """Commit a model that adds, and its contract if it is not ''; give `options` to its run."""
    (repo.cwd / "predict.py").write_text(predict)
    (repo.cwd / "train.py").write_text("open('model.txt', 'w').write('trained')\n")
    if contract:
        (repo.cwd / "contracts").mkdir(exist_ok=True)
        (repo.cwd / "contracts" / "adder.odcs.yaml").write_text(contract)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "model")
    repo.run("git", "datmo", "run", *options, "--", "python", "train.py")


def with_interpreter(repo: Shell, folder: Path) -> Shell:
    """Return the shell with a `python` that has no packages, so that it has no NumPy either."""
    folder.mkdir()
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    path.chmod(0o755)
    return repo.having(PATH=f"{folder}:{repo.env['PATH']}")
