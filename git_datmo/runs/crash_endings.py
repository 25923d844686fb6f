"""Compare the ends of a failed command and its rerun: the exception, else the last line printed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from git_datmo.engines.engine_contract import Output, Stream
from git_datmo.engines.terminal_screen import Screen
from git_datmo.errors import Incomplete
from git_datmo.model import Content
from git_datmo.objects.chunk_trees import read_chunks
from git_datmo.objects.tree_nodes import root_node
from git_datmo.records.receipt_record import ReceiptDifference
from git_datmo.repository.workspace import Workspace

TAIL = 1 << 20
LINE_LIMIT = 300
LAST = 8
LOG, NAME = "log", "last line of the log"

_EXCEPTION = re.compile(
    r"(?:[A-Za-z_]\w*\.)*[A-Za-z_]\w*(?:Error|Exception|Interrupt|Exit|Warning|Iteration)\b(?::.*)?\Z"
)
# Numbers, addresses and absolute paths differ between machines even if the crash is the same.
_VARYING = re.compile(r"(?:/[\w.+@-]+)+|0x[0-9a-f]+|\d+(?:\.\d+)?")


class Tail:
    """An output receiver that passes bytes on and keeps the last `TAIL` bytes.

    With `screen`, it keeps the text that a terminal finally shows.
    """

    def __init__(self, output: Output, *, screen: bool = False) -> None:
        self._output, self._kept = output, bytearray()
        self._screen = Screen() if screen else None

    def __call__(self, stream: Stream, data: bytes) -> None:
        self._output(stream, data)
        self._kept += self._screen.feed(data) if self._screen is not None else data
        # Cutting at twice the size moves each byte once; cutting at every call would move all of
        # them.
        if len(self._kept) > 2 * TAIL:
            del self._kept[:-TAIL]

    @property
    def text(self) -> bytes:
        """Return the kept bytes. With a screen, call it only after the last output."""
        if self._screen is not None:
            self._kept += self._screen.finish()
        return bytes(self._kept[-TAIL:])


def last_words(log: bytes) -> str:
    """Return the line that says why a command failed; '' for an empty log."""
    lines = [line.strip() for line in log.decode("utf-8", "replace").splitlines() if line.strip()]
    exceptions = [line for line in lines if _EXCEPTION.match(line)]
    # Of chained exceptions, Python prints the one that ended the program last.
    return (exceptions or lines or [""])[-1][:LINE_LIMIT]


def compare_endings(ws: Workspace, log: Content | None, rerun: bytes) -> ReceiptDifference:
    """Compare the recorded `log` with the end of a rerun's output.

    Numbers, addresses and absolute paths may differ.
    """
    recorded, now = last_words(_read_tail(ws, log)) if log is not None else "", last_words(rerun)
    same = _VARYING.sub("#", recorded) == _VARYING.sub("#", now)
    return ReceiptDifference(NAME, recorded, now, same, 0.0 if same else None)


def same_log(ws: Workspace, log: Content | None, rerun: bytes) -> Iterator[ReceiptDifference]:
    """Yield the log as an output if the rerun printed the same bytes.

    Logs that differ are no evidence, since times and chance change them.
    """
    # Of a longer log, only the end was kept from the rerun.
    if log is not None and 0 < log.size <= TAIL and _read_tail(ws, log) == rerun:
        yield ReceiptDifference(LOG, str(log.object), str(log.object), same=True, off=0.0)


def _read_tail(ws: Workspace, log: Content) -> bytes:
    """Return the last bytes of a stored log; none if it is not available."""
    node = root_node(log)
    try:
        blobs = list(read_chunks(node.oid, ws.store.read_tree)) if node.chunked else [node.oid]
        return b"".join(ws.store.read(blob, "blob") for blob in blobs[-LAST:])[-TAIL:]
    except Incomplete:
        return b""
