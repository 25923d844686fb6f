"""Keep what an engine prints."""

from __future__ import annotations


class Heard:
    """Collect an engine's output by stream."""

    def __init__(self) -> None:
        self.streams = {"stdout": b"", "stderr": b""}

    def __call__(self, stream: str, data: bytes) -> None:
        self.streams[stream] += data
