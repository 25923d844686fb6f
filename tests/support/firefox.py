"""Drive a headless Firefox by its Marionette protocol, over a loopback socket: it needs no library."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

LIMIT = 60.0
"""Seconds that Firefox may take to start, or to do something."""
# Requests over the network go to a proxy that does not exist.
_PREFERENCES = {
    "marionette.port": 0,
    "remote.prefs.recommended": True,
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "browser.shell.checkDefaultBrowser": False,
}


def find_firefox() -> str:
    """Return the path of Firefox; skip the test without one."""
    for name in ("firefox-esr", "firefox"):
        if found := shutil.which(name):
            return found
    pytest.skip("Firefox is not installed")


class Firefox:
    """Run Firefox with one page, and exchange messages with it."""

    def __init__(self, program: str, profile: Path) -> None:
        lines = (f'user_pref("{name}", {json.dumps(v)});\n' for name, v in _PREFERENCES.items())
        (profile / "user.js").write_text("".join(lines))
        words = [program, "--headless", "--marionette", "--no-remote", "--profile", str(profile)]
        words.append("--remote-allow-system-access")
        self._process = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port(profile)), LIMIT)
            self._file = self._socket.makefile("rb")
            self._number = 0
            assert self._read()["marionetteProtocol"] == 3
            self.call("WebDriver:NewSession", capabilities={})
        except BaseException:
            self._process.kill()
            self._process.wait(LIMIT)
            raise

    def _port(self, profile: Path) -> int:
        """Return the port that Firefox writes into its profile."""
        end = time.monotonic() + LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                return int((profile / "MarionetteActivePort").read_text())
            time.sleep(0.05)
        raise TimeoutError("Firefox does not listen")

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, AssertionError, ValueError):
            self.call("Marionette:Quit", flags=["eForceQuit"])
        self._file.close()
        self._socket.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(LIMIT)

    def call(self, command: str, **parameters: object) -> Any:
        """Return the result of a command."""
        self._number += 1
        data = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(data), data))
        _, number, error, result = self._read()
        assert number == self._number
        if error:
            raise AssertionError(f"{command}: {error['message']}")
        return result

    def _read(self) -> Any:
        """Return a message: its length, a colon and JSON."""
        length = b""
        while (byte := self._file.read(1)) != b":":
            if not byte:
                raise AssertionError("Firefox has ended")
            length += byte
        return json.loads(self._file.read(int(length)))

    def open(self, address: str) -> None:
        """Open an address, and wait until it is loaded."""
        self.call("WebDriver:Navigate", url=address)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        words = {"script": f"return {expression}", "args": [], "sandbox": None}
        return self.call("WebDriver:ExecuteScript", **words)["value"]

    def wait_for(self, expression: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + LIMIT
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise TimeoutError(expression)
            time.sleep(0.01)

    def wait_for_text(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.wait_for(f"document.body.innerText.includes({json.dumps(text)})")

    def console(self) -> list[str]:
        """Return the errors of the page's scripts, and the requests that it was refused."""
        self.call("Marionette:SetContext", value="chrome")
        script = """Services.console.getMessageArray()
        .filter((each) => each instanceof Ci.nsIScriptError && each.sourceName.startsWith("file:"))
        .map((each) => each.errorMessage)"""
        found: list[str] = self.evaluate(script)
        self.call("Marionette:SetContext", value="content")
        return found
