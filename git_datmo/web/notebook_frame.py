"""Make the page as one HTML document, for a frame in a notebook.

The frame is sandboxed and has an origin of its own, so its scripts cannot reach the notebook. Its
policy lets it run the page's own script and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable

from git_datmo.web.document_text import compress
from git_datmo.web.page_files import SCRIPT, STYLES, read_page

INLINE, HOSTED = "inline", "hosted"
SANDBOX = "allow-scripts allow-downloads allow-popups allow-popups-to-escape-sandbox"
STYLE = "width: 100%; box-sizing: border-box; border: 1px solid #8884; border-radius: 6px"
HEIGHT = 640
"""Height of the frame in CSS pixels."""
# The page's script is compressed, as each output of a notebook has a copy.
_LOADER = """\
const packed = document.getElementById("page-script").textContent;
const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
new Response(stream).text().then((text) => {
  const script = document.createElement("script");
  script.textContent = text;
  document.head.append(script);
});
"""


def page_html(mode: str, documents: Iterable[tuple[str, bytes]] = (), address: str = "") -> str:
    """Return the page as HTML, with documents as JSON by their names.

    `mode` is `INLINE`, or `HOSTED` for a page that asks the page around it for documents.
    `address` is the hash of the view that is shown first.
    """
    page = read_page(mode)
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in (_LOADER.encode(), page[SCRIPT]))
    policy = (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';"
        " img-src data: blob:; media-src data: blob:"
    )
    packed = "".join(
        f'<script type="application/gzip" data-name="{name}">{_pack(content)}</script>\n'
        for name, content in documents
    )
    return (
        "<!doctype html>\n"
        f'<html lang="en" data-mode="{mode}" data-address="{html.escape(address)}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>Experiments</title>\n<style>{page[STYLES].decode()}</style>\n</head>\n"
        f'<body>\n<div id="page"></div>\n{packed}'
        f'<script type="application/gzip" id="page-script">{_pack(page[SCRIPT])}</script>\n'
        f"<script>{_LOADER}</script>\n</body>\n</html>\n"
    )


def frame_html(page: str, height: int = HEIGHT) -> str:
    """Return a sandboxed frame that has the page in itself."""
    return (
        f'<iframe title="Experiments" sandbox="{SANDBOX}" srcdoc="{html.escape(page)}"'
        f' style="{STYLE}; height: {height}px">'
        "</iframe>"
    )


def _digest(content: bytes) -> str:
    """Return the hash of a script as a policy has it (Content Security Policy, level 2)."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def _pack(content: bytes) -> str:
    return base64.b64encode(compress(content)).decode()
