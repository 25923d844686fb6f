"""Test that progress is drawn during each long wait for a server."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.pair import Pair
from tests.support.terminal import SECONDS, Terminal, on_own_terminal

# Server program that waits at each start until the test writes to its FIFO.
GATE = """\
#!/bin/sh
echo begun >>"$0.starts"
read -r line <"$0.fifo"
exec git-upload-pack "$@"
"""


def make_gate(folder: Path) -> Path:
    """Return a server program that serves once the test has called `open_gate`."""
    gate = folder / "gate"
    gate.write_text(GATE)
    gate.chmod(0o755)
    os.mkfifo(f"{gate}.fifo")
    return gate


def open_gate(gate: Path) -> bool:
    """Let the server program go on; return False if it does not wait."""
    # Without a reader, an open that does not block fails.
    with suppress(OSError):
        fifo = os.open(f"{gate}.fifo", os.O_WRONLY | os.O_NONBLOCK)
        os.write(fifo, b"go\n")
        os.close(fifo)
        return True
    return False


def serve_after_redraws(shown: Terminal, gate: Path) -> int:
    """Serve each request once a bar was drawn twice; return the number of requests."""
    served = drawn = 0
    while data := shown.read():
        drawn += len(re.findall(rb"\r[A-Z]", data))
        if drawn >= 2 and open_gate(gate):
            served, drawn = served + 1, 0
    return served


@pytest.mark.parametrize("timeout", ["30", "0"])
def test_wait_for_slow_server_shows_progress(pair: Pair, tmp_path: Path, timeout: str) -> None:
    pair.alex.write("data/table.csv", "1\n")
    datmo(pair.alex, "add-data", "data")
    pair.alex.commit("code.py", "data")
    pair.alex.git("push", "-q", "origin", "main")
    gate = make_gate(tmp_path)
    pair.top.git("clone", "-q", f"file://{pair.hub.cwd}", "ignacio")
    ignacio = pair.top.at("ignacio")
    ignacio.git("config", "datmo.timeout", timeout)
    ignacio.git("config", "remote.origin.uploadpack", str(gate))
    served = 0
    for verb in ("init", "checkout"):
        with on_own_terminal(ignacio, verb) as shown:
            served += serve_after_redraws(shown, gate)
            assert shown.child.wait(SECONDS) == 0, shown.seen
        assert b"Waiting for 'origin' [" in shown.seen
    assert (ignacio.cwd / "data/table.csv").read_text() == "1\n"
    assert served == Path(f"{gate}.starts").read_text().count("begun") >= 2
