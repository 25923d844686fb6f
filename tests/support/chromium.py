"""Drive a headless Chromium by the DevTools protocol, over pipes: it needs no port and no library."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LIMIT = 60.0
"""Seconds that a page may take to do something."""
_KEYS = {"Enter": 13, " ": 32, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "End": 35}
_FLAGS = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions"),
    *(
        "--disable-sync",
        "--disable-default-apps",
        "--hide-scrollbars",
        "--force-device-scale-factor=1",
    ),
    *(
        "--metrics-recording-only",
        "--no-default-browser-check",
        "--allow-file-access-from-files=false",
    ),
)


def find_chromium() -> str:
    """Return the path of Chromium; skip the test without one, unless tests must not be skipped."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if os.environ.get("DATMO_REQUIRE_BROWSER"):
        pytest.fail("Chromium is not installed")
    pytest.skip("Chromium is not installed")


class Chromium:
    """Run Chromium, and exchange messages with it."""

    def __init__(self, program: str, profile: Path) -> None:
        self._to_browser, self._from_browser, its_in, its_out = _make_pipes()
        # The browser reads commands from descriptor 3, and writes answers to 4.
        script = f'exec 3<&{its_in} 4>&{its_out}; exec "$@"'
        words = [
            program,
            *_FLAGS,
            f"--user-data-dir={profile}",
            "--remote-debugging-pipe",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *words],
            pass_fds=(its_in, its_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(its_in)
        os.close(its_out)
        self._rest = b""
        self._number = 0
        self._listeners: list[Callable[[dict[str, Any]], None]] = []

    def close(self) -> None:
        """End the browser."""
        with contextlib.suppress(OSError, TimeoutError):
            self.call("Browser.close")
        for descriptor in (self._to_browser, self._from_browser):
            os.close(descriptor)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> None:
        """Call a function for each event."""
        self._listeners.append(listener)

    def call(self, method: str, session: str = "", **parameters: object) -> dict[str, Any]:
        """Return the answer to a command."""
        self._number += 1
        number = self._number
        message: dict[str, object] = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._to_browser, data) :]
        for answer in self._read(time.monotonic() + LIMIT):
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
        raise TimeoutError(method)

    def _read(self, end: float) -> Iterator[dict[str, Any]]:
        """Yield messages until a time; give events to the listeners."""
        while (left := end - time.monotonic()) > 0:
            if b"\0" not in self._rest:
                if not select.select([self._from_browser], [], [], left)[0]:
                    return
                data = os.read(self._from_browser, 1 << 20)
                if not data:
                    raise AssertionError("Chromium has ended")
                self._rest += data
                continue
            line, _, self._rest = self._rest.partition(b"\0")
            message = json.loads(line)
            if "method" in message:
                for listener in self._listeners:
                    listener(message)
            yield message


def _make_pipes() -> tuple[int, int, int, int]:
    its_in, to_browser = os.pipe()
    from_browser, its_out = os.pipe()
    return to_browser, from_browser, its_in, its_out


class Page:
    """Drive a page of Chromium, and record its console, its errors and its requests."""

    def __init__(
        self, browser: Chromium, *, width: int = 1280, height: int = 800, target: str = ""
    ) -> None:
        self.console: list[str] = []
        self.requests: list[str] = []
        self._browser = browser
        self._target = target or browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        browser.listen(self._record)
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        if not target:
            self.resize(width, height)

    def frame(self) -> Page:
        """Return the sandboxed frame in this page once the browser has made it."""
        self.wait_for("document.querySelector('iframe').srcdoc")
        end = time.monotonic() + LIMIT
        while time.monotonic() < end:
            for found in self._browser.call("Target.getTargets")["targetInfos"]:
                if (
                    found["type"] == "iframe"
                    and found.get("parentFrameId", self._target) == self._target
                ):
                    return Page(self._browser, target=found["targetId"])
        raise AssertionError("the page has no frame")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Return the answer to a command to this page."""
        return self._browser.call(method, self._session, **parameters)

    def close(self) -> None:
        """Close the page."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Set the size of the page; a scale of 2 is a zoom of 200%."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=round(width / scale),
            height=round(height / scale),
            deviceScaleFactor=scale,
            mobile=False,
        )

    def prefer(self, **features: str) -> None:
        """Set media features such as `color_scheme="dark"`."""
        found = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value}
            for name, value in features.items()
        ]
        self.call("Emulation.setEmulatedMedia", features=found)

    def forbid_network(self) -> None:
        """Let every request over the network fail."""
        self.call(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    def open(self, address: str) -> None:
        """Open an address, and wait until its script has run."""
        self.call("Page.navigate", url=address)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Return the value of an expression once it is true."""
        script = f"""new Promise((resolve, reject) => {{
          const end = performance.now() + {LIMIT * 500};
          const look = () => {{
            let value;
            try {{ value = {expression}; }} catch {{ value = undefined; }}
            if (value) resolve(typeof value === 'object' ? true : value);
            else if (performance.now() > end) reject(new Error('waited in vain'));
            else setTimeout(look, 10);
          }};
          look();
        }})"""
        return self.evaluate(script)

    def wait_for_text(self, text: str) -> None:
        """Wait until the page shows a text."""
        self.wait_for(f"document.body.innerText.includes({json.dumps(text)})")

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element for a selector that has a text."""
        find = f"""[...document.querySelectorAll({json.dumps(selector)})]
          .find((each) => each.textContent.includes({json.dumps(text)}))"""
        self.wait_for(find + " ? true : false")
        box = self.evaluate(
            f"(() => {{ const each = {find}; each.scrollIntoView({{block: 'center'}});"
            " const box = each.getBoundingClientRect();"
            " return [box.left + box.width / 2, box.top + box.height / 2]; })()"
        )
        self.press_mouse(box[0], box[1])

    def press_mouse(self, x: float, y: float, to: tuple[float, float] | None = None) -> None:
        """Click at a place, or drag from it to another."""
        end = to or (x, y)
        steps = [
            ("mouseMoved", (x, y)),
            ("mousePressed", (x, y)),
            ("mouseMoved", end),
            ("mouseReleased", end),
        ]
        for kind, (left, top) in steps:
            button = "none" if kind == "mouseMoved" and not to else "left"
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=left, y=top, button=button, clickCount=1
            )

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = _KEYS.get(key, ord(key.upper()[0]))
        self.call(
            "Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code
        )
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def type_into(self, selector: str, text: str) -> None:
        """Replace the text of a field."""
        self.evaluate(
            f"(() => {{ const field = document.querySelector({json.dumps(selector)});"
            " field.focus(); field.select(); })()"
        )
        self.call("Input.insertText", text=text)

    def save_picture(self, path: Path) -> None:
        """Save a picture of the page."""
        answer = self.call("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(answer["data"]))

    def _record(self, event: dict[str, Any]) -> None:
        if event.get("sessionId") != self._session:
            return
        found = event["params"]
        match event["method"]:
            case "Runtime.consoleAPICalled":
                self.console.append(str([each.get("value") for each in found["args"]]))
            case "Runtime.exceptionThrown":
                self.console.append(str(found["exceptionDetails"]))
            case "Log.entryAdded":
                self.console.append(found["entry"]["text"] + " " + found["entry"].get("url", ""))
            case "Network.requestWillBeSent":
                self.requests.append(found["request"]["url"])
