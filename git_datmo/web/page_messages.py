"""Answer the messages of a page in a notebook's frame, which has no server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from git_datmo.errors import DatmoError
from git_datmo.web.fetch_events import FetchProgress
from git_datmo.web.following import TICK, Event
from git_datmo.web.live_pages import LivePages
from git_datmo.web.live_server import media_type
from git_datmo.web.page_state import NoDocument

_Send = Callable[[dict[str, Any], list[bytes]], object]


@dataclass
class PageMessages:
    """The answers to the frames of one page. `send` passes a message with its bytes to all frames.

    Each message has the `frame` that asked and the `id` of its question.
    """

    pages: LivePages
    page: str
    send: _Send
    _frames: set[str] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)
    _follower: threading.Thread | None = None

    def receive(self, message: object) -> None:
        """Answer a message of a frame; leave out one of another form."""
        if not isinstance(message, dict):
            return
        kind, name = message.get("kind"), message.get("name")
        frame, number = message.get("frame"), message.get("id")
        if not (isinstance(kind, str) and isinstance(name, str) and isinstance(frame, str)):
            return
        answer: dict[str, Any] = {"frame": frame, "id": number, "kind": kind}
        content = b""
        try:
            content = self._answer(kind, name, frame, answer)
        except DatmoError as error:
            answer |= {"error": error.what, "hint": error.hint}
            answer["content"] = error.content if isinstance(error, NoDocument) else ""
        self.send(answer, [content])

    def _answer(self, kind: str, name: str, frame: str, answer: dict[str, Any]) -> bytes:
        """Return the bytes of an answer; may add to the answer itself."""
        if kind == "page":
            return self.page.encode()
        if kind == "document":
            return self.pages.document(name)
        if kind == "file":
            oid, _, suffix = name.partition(".")
            content = self.pages.file(oid)
            answer["media"] = media_type(content, suffix) or "application/octet-stream"
            return content
        if kind == "follow":
            self._follow(frame)
        elif kind == "leave":
            self._frames.discard(frame)
        elif kind == "fetch":
            threading.Thread(target=self._fetch, args=(name,), daemon=True).start()
        return b""

    def _follow(self, frame: str) -> None:
        """Send the events of the repository while a frame shows the page."""
        self._frames.add(frame)
        if self._follower is None or not self._follower.is_alive():
            self._follower = threading.Thread(target=self._look, daemon=True)
            self._follower.start()

    def _look(self) -> None:
        while self._frames and not self._ended.wait(TICK):
            for event in self.pages.look():
                self._tell(event)
        self.pages.close()

    def _fetch(self, oid: str) -> None:
        """Fetch a content, and tell the frames how far it is."""
        progress = FetchProgress(oid, self._tell)
        try:
            self.pages.fetch(oid, progress)
            self._tell(progress.event(is_done=True))
        except DatmoError as error:
            self._tell(progress.event(error=f"{error.what}; {error.hint}"))

    def _tell(self, event: Event) -> None:
        self.send({"event": event}, [])

    def close(self) -> None:
        """End the events, and close the repository."""
        self._ended.set()
        if self._follower is None:
            self.pages.close()
