"""Bytes over descriptors, never read further than asked: what comes behind a line may belong to
another reader."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from git_datmo.errors import DatmoError
from git_datmo.terminal_text import make_printable

if TYPE_CHECKING:
    from git_datmo.waits import SilenceWatch
    from git_remote_datmo.service import Service

STEP = 1 << 16


class ServiceGoneError(Exception):
    """The program that did the work has ended early and said why; `status` is what it exited
    with."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LineReader:
    """Lines of a descriptor; `rest` gives up what was read beyond the last one."""

    def __init__(self, descriptor: int, watch: SilenceWatch | None = None) -> None:
        self.descriptor = descriptor
        self._watch = watch
        self._ahead = b""

    def _read(self) -> bytes:
        """Read on: by the watch, or for as long as git takes to say something."""
        return (
            self._watch.read(self.descriptor, STEP)
            if self._watch
            else os.read(self.descriptor, STEP)
        )

    def line(self) -> bytes | None:
        """The next line without its end, or None where the other side has closed."""
        while b"\n" not in self._ahead:
            data = self._read()
            if not data:
                return None
            self._ahead += data
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line

    def until_empty(self) -> list[bytes] | None:
        """The lines up to the next empty one, or None where the other side closes before it."""
        lines: list[bytes] = []
        while True:
            line = self.line()
            if line is None:
                return None
            if not line:
                return lines
            lines.append(line)

    def rest(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        return ahead


def write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def pump(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    """Pass everything on until the reading side ends."""
    while data := read(STEP):
        write(data)


def read_input(size: int) -> bytes:
    return os.read(0, size)


def write_output(data: bytes) -> None:
    write_all(1, data)


def write_message(text: str) -> None:
    """Write lines for the person; what a terminal would obey is left out of each."""
    sys.stderr.write("\n".join(map(make_printable, text.split("\n"))))
    sys.stderr.flush()


def complain(error: DatmoError) -> None:
    """Tell the user, in the one line that git's own errors take, and what to do next."""
    hint = f"hint: {make_printable(error.hint)}\n" if error.hint else ""
    write_message(f"fatal: {make_printable(error.what)}\n{hint}")


FLUSH = b"0000"
RESPONSE_END = b"0002"


class _Conversation:
    """Passes on what git says and what a service answers, and holds how the last of it ended."""

    def __init__(self, service: Service, ahead: bytes) -> None:
        self._service = service
        self._ahead = ahead
        self._answered = b""
        self._unanswered = b""
        self.git_has_ended = False
        service.watch.excuse(self._is_answered)
        # Left behind when the service ends first: nothing that git still sends would be read.
        self._asking = threading.Thread(target=self._pass_questions, daemon=True)

    def hold(self) -> int:
        """Join both ends until the service ends; return its exit status."""
        self._asking.start()
        # Where git has gone away, it says itself why; hanging up ends the service too.
        with contextlib.suppress(BrokenPipeError):
            pump(self._service.read, self._answer)
        return self._service.finish()

    def let_git_end(self) -> None:
        """Wait until git has closed its end, unless git waits for more from the service."""
        if self._is_answered():
            # Git ends, or closes its end, at the latest when it has done with what it got.
            self._asking.join()

    def _is_answered(self) -> bool:
        """Return True while the service owes git nothing."""
        return self._answered in (FLUSH, RESPONSE_END) and self._unanswered in (b"", FLUSH)

    def _pass_questions(self) -> None:
        with contextlib.suppress(OSError):
            self._service.write(self._ahead)
            pump(read_input, self._ask)
            self.git_has_ended = True
        with contextlib.suppress(OSError):
            self._service.close_asking()

    def _ask(self, data: bytes) -> None:
        self._unanswered = (self._unanswered + data)[:8]
        self._service.write(data)

    def _answer(self, data: bytes) -> None:
        # Before git has the answer, and can ask again.
        self._unanswered = b""
        self._answered = (self._answered + data)[-4:]
        write_output(data)


def relay(service: Service, ahead: bytes = b"") -> int:
    """Join git's pipes to a service until it ends; return its exit status. `ahead` is what git has
    said before."""
    return _Conversation(service, ahead).hold()


def relay_reading(service: Service) -> int:
    """Do as `relay`, until git itself has ended the conversation; raise `ServiceGoneError` where
    the service did.

    A clone that fails is removed before git closes its end, so that the caller can tell whether it
    has one.
    """
    conversation = _Conversation(service, b"")
    status = conversation.hold()
    conversation.let_git_end()
    if not conversation.git_has_ended:
        raise ServiceGoneError(status)
    return status
