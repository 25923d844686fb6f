"""Measure the pages of git-datmo, MLflow, TensorBoard and Trackio with the same experiments.

Run it by `python -m benchmarks.page_peers --peers PYTHON`, where PYTHON has the other three. Each
page is served by its own server, and opened in the same headless Chromium. The time runs from the
address until the first experiment is named.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import load
from benchmarks.page_experiments import make_repository
from tests.support.chromium import Chromium, Page, find_chromium
from tests.support.servers.server_process import free_port

REPEATS = 5
LIMIT = 120.0
"""Seconds until a server answers, and until a page names an experiment."""
NAMED = r"/\brun \d+/.test(document.body.innerText)"
READ = "performance.getEntriesByType('resource').reduce((sum, each) => sum + each.transferSize, 0)"
# The values are those of `benchmarks.page_experiments`, each run's last ones.
WRITE = """\
import os, random, sys
tool, folder, count, columns = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
dice, half = random.Random(1), columns // 2
rows = [
    (
        f"run {number}",
        {f"p{n}": dice.choice((1e-3, 1e-2, 64, "adam")) for n in range(half)},
        {f"m{n}": dice.random() for n in range(columns - half)},
    )
    for number in range(count)
]
if tool == "MLflow":
    from mlflow.entities import Metric, Param
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    home = client.create_experiment("bench")
    for name, params, metrics in rows:
        run = client.create_run(home, run_name=name).info.run_id
        client.log_batch(
            run,
            [Metric(key, value, 0, 0) for key, value in metrics.items()],
            [Param(key, str(value)) for key, value in params.items()],
        )
        client.set_terminated(run)
elif tool == "TensorBoard":
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    for name, params, metrics in rows:
        writer = EventFileWriter(os.path.join(folder, name))
        values = [Summary.Value(tag=key, simple_value=value) for key, value in metrics.items()]
        writer.add_event(Event(wall_time=1.7e9, step=0, summary=Summary(value=values)))
        writer.close()
else:
    import trackio

    for name, params, metrics in rows:
        trackio.init(project="bench", name=name, config=params)
        trackio.log(metrics, step=0)
        trackio.finish()
"""


@dataclass(frozen=True)
class Server:
    """The command that serves a page, and the part of the address behind the port."""

    name: str
    command: Callable[[int], list[str]]
    path: str
    folder: Path
    env: dict[str, str]


def main(words: list[str]) -> int:
    """Measure, and print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", required=True, metavar="PYTHON")
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--columns", type=int, default=200)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="datmo-pages-") as name:
        top = Path(name)
        browser = Chromium(find_chromium(), top / "profile")
        print(f"load before: {load()}")
        print(
            f"{'page':12} {'server':>8} {'first':>8} {'next, median':>13} {'longest':>8} {'read':>9}"
        )
        try:
            for server in _servers(options, top):
                _measure(browser, server)
        finally:
            browser.close()
        print(f"load after: {load()}")
    return 0


def _servers(options: argparse.Namespace, top: Path) -> Iterator[Server]:
    """Yield each server once its experiments are written."""
    size = (options.experiments, options.columns)
    shell = make_repository(top, *size)
    ours = ["git-datmo", "ui", "--no-browser", "--port"]
    yield Server("git-datmo", lambda port: [*ours, str(port)], "", shell.cwd, dict(shell.env))
    bin_ = Path(options.peers).parent
    for name in ("MLflow", "TensorBoard", "Trackio"):
        folder = top / name
        folder.mkdir()
        env = {**os.environ, "TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}
        env |= {"MLFLOW_DISABLE_TELEMETRY": "true", "GRADIO_ANALYTICS_ENABLED": "False"}
        words = [options.peers, "-c", WRITE, name, str(folder), *map(str, size)]
        subprocess.run(words, check=True, env=env, cwd=folder, capture_output=True, timeout=3600)
        yield _peer(name, bin_, folder, env)


def _peer(name: str, bin_: Path, folder: Path, env: dict[str, str]) -> Server:
    """Return the server of another tool."""
    if name == "MLflow":
        words = [
            str(bin_ / "mlflow"),
            "server",
            "--backend-store-uri",
            f"sqlite:///{folder}/mlflow.db",
        ]
        return Server(
            name, lambda port: [*words, "--workers", "1", "--port", str(port)],
            "#/experiments/1/runs", folder, env,
        )  # fmt: skip
    if name == "TensorBoard":
        words = [str(bin_ / "tensorboard"), "--logdir", str(folder)]
        return Server(name, lambda port: [*words, "--port", str(port)], "", folder, env)
    words = ["env", f"PATH={bin_}:{env['PATH']}"]
    return Server(
        name,
        lambda port: [*words, f"GRADIO_SERVER_PORT={port}", "trackio", "show", "--project", "bench"],
        "?project=bench", folder, env,
    )  # fmt: skip


def _measure(browser: Chromium, server: Server) -> None:
    """Print the milliseconds until the first experiment is named, and the bytes that were read."""
    began = time.perf_counter()
    with _running(server) as address:
        ready = time.perf_counter() - began
        times, sizes = [], []
        for _ in range(1 + REPEATS):
            page = Page(browser, width=1440, height=900)
            begin = time.perf_counter()
            page.open(address)
            _wait_for_name(page, server.name)
            times.append((time.perf_counter() - begin) * 1000)
            sizes.append(page.evaluate(READ))
            page.close()
    first, *later = times
    print(
        f"{server.name:12} {ready:6.1f} s {first:5.0f} ms {statistics.median(later):10.0f} ms"
        f" {max(later):5.0f} ms {sizes[0] / 1e6:6.2f} MB",
        flush=True,
    )


def _wait_for_name(page: Page, name: str) -> None:
    end = time.perf_counter() + LIMIT
    while not page.evaluate(NAMED):
        if time.perf_counter() > end:
            raise SystemExit(
                f"the page of {name} names no experiment: {page.evaluate('document.body.innerText')[:300]}"
            )


@contextmanager
def _running(server: Server) -> Iterator[str]:
    """Run a server; yield the address of its page once it answers."""
    port = free_port()
    log = server.folder.parent / f"{server.name}.log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            server.command(port), cwd=server.folder, env=server.env, stdin=subprocess.DEVNULL,
            stdout=file, stderr=file, start_new_session=True,
        )  # fmt: skip
    try:
        yield _address(server, port, log)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)


def _address(server: Server, port: int, log: Path) -> str:
    """Return the address of a page; wait until its server answers."""
    end = time.perf_counter() + LIMIT
    while time.perf_counter() < end:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError:
            pass
        except OSError:
            time.sleep(0.05)
            continue
        # Our server prints an address with a token.
        token = re.search(rb"http://\S+/\?token=\S+", log.read_bytes())
        return token[0].decode() if token else f"http://127.0.0.1:{port}/{server.path}"
    raise SystemExit(f"{server.name} does not answer: {log.read_text(errors='replace')[-500:]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
