"""Stand for a notebook and its kernel: pass the messages of the page's widget over HTTP."""

from __future__ import annotations

import base64
import json
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

from git_datmo.web.notebook_frame import HEIGHT, HOSTED, SANDBOX, STYLE, page_html
from git_datmo.web.page_messages import PageMessages
from tests.support.servers.in_thread import serve_in_thread

# As much of a widget's model as the module for the notebook uses (anywidget).
NOTEBOOK = """<!doctype html><title>Notebook</title><link rel="icon" href="data:,"><div id="output"></div>
<script type="module">
import widget from "/page_widget.js";
const values = VALUES;
const listeners = new Set();
const model = {
  get: (name) => values[name],
  send: (message) => fetch("/send", { method: "POST", body: JSON.stringify(message) }),
  on: (name, listener) => listeners.add(listener),
  off: (name, listener) => listeners.delete(listener),
};
window.leave = widget.render({ model, el: document.getElementById("output") });
while (true) {
  const [message, bytes] = await (await fetch("/receive")).json();
  const buffers = bytes.map((text) => new DataView(Uint8Array.from(atob(text), (each) => each.charCodeAt(0)).buffer));
  for (const listener of listeners) listener(message, buffers);
}
</script>
"""


@contextmanager
def serve_notebook(open_messages: Callable[..., PageMessages]) -> Iterator[str]:
    """Serve a notebook with a widget; yield its address."""
    waiting: queue.Queue[Any] = queue.Queue()
    messages = open_messages(page_html(HOSTED), lambda *sent: waiting.put(sent))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/receive":
                message, buffers = waiting.get()
                packed = [base64.b64encode(each).decode() for each in buffers]
                self.answer("application/json", json.dumps([message, packed]).encode())
            elif self.path == "/page_widget.js":
                script = (files("git_datmo.web") / "page_widget.js").read_bytes()
                self.answer("text/javascript", script)
            else:
                values = {"height": HEIGHT, "sandbox": SANDBOX, "style": STYLE}
                self.answer("text/html", NOTEBOOK.replace("VALUES", json.dumps(values)).encode())

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            messages.receive(json.loads(self.rfile.read(size)))
            self.answer("text/plain", b"")

        def answer(self, media: str, content: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with serve_in_thread(server):
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            messages.close()
            waiting.put(({}, []))
