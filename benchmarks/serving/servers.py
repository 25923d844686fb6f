"""Start each server with a model, each in an environment of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bounds import OURS
from benchmarks.serving import models
from benchmarks.serving.load import Question, family
from tests.support.commands import datmo
from tests.support.shell import Shell, seal

# Seconds: on a machine with other work, the largest takes minutes.
START_LIMIT = 900
NAMES = {"mlflow": "MLflow", "mlserver": "MLServer", "bentoml": "BentoML"}


@dataclass(frozen=True, slots=True)
class Kind:
    """A server with one of its protocols: name, path of predictions, path that says it is ready."""

    name: str
    program: str
    path: str
    ready: str
    words: tuple[str, ...] = ()

    def body(self, pixels: np.ndarray) -> bytes:
        """Return the body of a request about some images."""
        rows = pixels.tolist()
        if self.path == "/invocations":
            return json.dumps({"inputs": rows}).encode()
        if self.path == "/predict":
            return json.dumps({"pixels": rows}).encode()
        flat = [value for row in rows for value in row]
        tensor = {"name": "pixels", "datatype": "FP64", "shape": list(pixels.shape), "data": flat}
        return json.dumps({"inputs": [tensor]}).encode()

    def digits(self, answer: bytes) -> list[int]:
        """Return the digits that an answer names."""
        document: Any = json.loads(answer)
        if isinstance(document, dict):
            document = document.get("predictions") or document["outputs"][0]["data"]
        return [int(value) for value in np.ravel(document)]


INFER = "/v2/models/served/infer"
KINDS = (
    Kind(f"{OURS}, infer", OURS, INFER, "/v2/health/ready"),
    Kind(f"{OURS}, infer, --log", OURS, INFER, "/v2/health/ready", ("--log", "events")),
    Kind(f"{OURS}, invocations", OURS, "/invocations", "/v2/health/ready"),
    Kind("MLflow, invocations", "mlflow", "/invocations", "/ping"),
    Kind("MLServer, infer", "mlserver", INFER, "/v2/models/served/ready"),
    Kind("BentoML", "bentoml", "/predict", "/readyz"),
)


class Server:
    """A server that is ready. `seconds` is the time that it took to start."""

    def __init__(self, kind: Kind, argv: Sequence[str], port: int, cwd: Path, env: dict[str, str]):
        self.kind, self.port = kind, port
        self._log = (cwd / "server.log").open("wb")
        began = time.perf_counter()
        self._child = subprocess.Popen(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            self._wait(cwd / "server.log")
        except BaseException:
            self.stop()
            raise
        self.seconds = time.perf_counter() - began

    @property
    def pid(self) -> int:
        return self._child.pid

    def _wait(self, log: Path) -> None:
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end and self._child.poll() is None:
            with contextlib.suppress(OSError):
                address = f"http://127.0.0.1:{self.port}{self.kind.ready}"
                with urllib.request.urlopen(address, timeout=5) as answer:
                    if answer.status == 200:
                        return
            time.sleep(0.01)
        raise ConnectionError(f"{self.kind.name} is not ready: {log.read_text()[-2000:]}")

    def question(self, pixels: np.ndarray) -> Question:
        """Return the request about some images."""
        return Question(self.port, self.kind.path, self.kind.body(pixels))

    def stop(self) -> None:
        """End the server with all its processes."""
        # Some servers start their workers in sessions of their own.
        for pid in family(self.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._child.wait()
        self._log.close()


def start(kind: Kind, model: str, folder: Path, source: Path, python: str) -> Server:
    """Start a server in a new folder. `source` has the model files, `python` the server's packages."""
    port = _free_port()
    if kind.program == OURS:
        shell = _repository(folder, model, source)
        argv = ["git-datmo", "serve", "--engine", "host", "--as", "served", "--port", str(port)]
        return Server(kind, [*argv, *kind.words], port, shell.cwd, shell.env)
    folder.mkdir(parents=True)
    file = folder / models.model_file(model)
    file.write_bytes((source / file.name).read_bytes())
    models.write_code(folder, model)
    scripts = Path(python).parent
    env = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "HOME": str(folder)}
    env |= {"BENTOML_DO_NOT_TRACK": "True", "MLFLOW_DISABLE_TELEMETRY": "true", "PYTHONPATH": "."}
    argv = [str(scripts / kind.program)]
    if kind.program == "mlflow":
        words = [python, "save_mlflow.py", "model", file.name]
        subprocess.run(words, cwd=folder, env=env, check=True, capture_output=True)
        argv += ["models", "serve", "-m", "model", "--env-manager", "local", "--workers", "1"]
        argv += ["--host", "127.0.0.1", "--port", str(port)]
    elif kind.program == "mlserver":
        models.write_mlserver_settings(folder, model, (port, _free_port(), _free_port()))
        argv += ["start", "."]
    else:
        argv += ["serve", "service:Served", "--host", "127.0.0.1", "--port", str(port)]
    return Server(kind, argv, port, folder, env)


def _repository(folder: Path, model: str, source: Path) -> Shell:
    """Return a repository whose newest snapshot has the model."""
    folder.mkdir(parents=True)
    shell = Shell(folder / "repo", seal(folder / "home", bare=False))
    shell.cwd.mkdir()
    shell.git("init", "-q", ".")
    shell.write("predict.py", models.PREDICT)
    shell.write("contracts/served.odcs.yaml", models.contract(model))
    file = models.model_file(model)
    shell.write("train.py", f"import shutil\nshutil.copy({str(source / file)!r}, {file!r})\n")
    shell.git("add", "-A")
    shell.git("commit", "-q", "-m", "model")
    datmo(shell, "init")
    datmo(shell, "run", "--", sys.executable, "train.py")
    return shell


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
