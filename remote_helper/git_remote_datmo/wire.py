"""Read and write descriptors, and relay bytes between git and a service.

Bytes behind a line may belong to another reader, so each reader can return its unused bytes.
"""

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
    from git_datmo.timeouts import SilenceWatch
    from git_remote_datmo.service import Service

STEP = 1 << 16


class ServiceGoneError(Exception):
    """Error for a program that ended early and printed the reason.

    `status` is its exit status.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LineReader:
    """Reader of lines from a descriptor. `rest` returns the bytes after the last line.

    A `watch` limits the silence of a server. Without it, a read waits until git writes.
    """

    def __init__(self, descriptor: int, watch: SilenceWatch | None = None) -> None:
        self.descriptor = descriptor
        self._watch = watch
        self._ahead = b""

    def _read(self) -> bytes:
        """Read the next bytes: with the watch's timeout, or without a timeout from git."""
        return (
            self._watch.read(self.descriptor, STEP)
            if self._watch
            else os.read(self.descriptor, STEP)
        )

    def line(self) -> bytes | None:
        """Return the next line without its end; None if the writer has closed."""
        while b"\n" not in self._ahead:
            data = self._read()
            if not data:
                return None
            self._ahead += data
        line, _, self._ahead = self._ahead.partition(b"\n")
        return line

    def until_empty(self) -> list[bytes] | None:
        """Return the lines before the next empty line; None if the writer closes before it."""
        lines: list[bytes] = []
        while True:
            line = self.line()
            if line is None:
                return None
            if not line:
                return lines
            lines.append(line)

    def rest(self) -> bytes:
        """Return and forget the bytes that were read after the last line."""
        ahead, self._ahead = self._ahead, b""
        return ahead


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data` to a blocking descriptor."""
    view = memoryview(data)
    # A pipe can take a part of the bytes.
    while view:
        view = view[os.write(descriptor, view) :]


def pump(read: Callable[[int], bytes], write: Callable[[bytes], None]) -> None:
    """Copy bytes until `read` returns none."""
    while data := read(STEP):
        write(data)


def read_input(size: int) -> bytes:
    """Read at most `size` bytes from standard input."""
    return os.read(0, size)


def write_output(data: bytes) -> None:
    """Write all of `data` to standard output."""
    write_all(1, data)


def write_message(text: str) -> None:
    """Write lines for the user to standard error, without control characters."""
    sys.stderr.write("\n".join(map(make_printable, text.split("\n"))))
    sys.stderr.flush()


def complain(error: DatmoError) -> None:
    """Print an error in git's form, with its hint."""
    hint = f"hint: {make_printable(error.hint)}\n" if error.hint else ""
    write_message(f"fatal: {make_printable(error.what)}\n{hint}")


FLUSH = b"0000"
RESPONSE_END = b"0002"


class _Conversation:
    """Relay between git and a service. It knows whether the service owes git an answer.

    `ahead` are bytes that git has already written.
    """

    def __init__(self, service: Service, ahead: bytes) -> None:
        self._service = service
        self._ahead = ahead
        self._answered = b""
        self._unanswered = b""
        self.git_has_ended = False
        service.watch.excuse(self._is_answered)
        # A daemon thread, abandoned if the service ends first, since no reader is left for git's
        # bytes.
        self._asking = threading.Thread(target=self._pass_questions, daemon=True)

    def hold(self) -> int:
        """Relay both directions until the service ends; return its exit status."""
        self._asking.start()
        # If git has ended, it prints the reason itself. `finish` then hangs up, which ends the
        # service too.
        with contextlib.suppress(BrokenPipeError):
            pump(self._service.read, self._answer)
        return self._service.finish()

    def let_git_end(self) -> None:
        """Wait until git closes its end, unless git waits for more from the service."""
        if self._is_answered():
            # Git closes its end once it has processed the answer.
            self._asking.join()

    def _is_answered(self) -> bool:
        """Return True if the service owes git nothing.

        That is the case after a flush or response-end packet from the service, if git has then sent
        nothing but a flush.
        """
        return self._answered in (FLUSH, RESPONSE_END) and self._unanswered in (b"", FLUSH)

    def _pass_questions(self) -> None:
        """Copy git's bytes to the service until git closes; run by the thread."""
        with contextlib.suppress(OSError):
            self._service.write(self._ahead)
            pump(read_input, self._ask)
            self.git_has_ended = True
        with contextlib.suppress(OSError):
            self._service.close_asking()

    def _ask(self, data: bytes) -> None:
        """Pass git's bytes to the service; remember up to 8 bytes since the last answer."""
        # Eight bytes are enough to tell a lone flush packet from a longer request.
        self._unanswered = (self._unanswered + data)[:8]
        self._service.write(data)

    def _answer(self, data: bytes) -> None:
        """Pass the service's bytes to git; remember the last 4 bytes."""
        # Reset before git gets the answer, since the other thread can receive git's next request at
        # once.
        self._unanswered = b""
        self._answered = (self._answered + data)[-4:]
        write_output(data)


def relay(service: Service, ahead: bytes = b"") -> int:
    """Relay between git and a service until it ends; return its exit status.

    `ahead` are bytes that git has already written.
    """
    return _Conversation(service, ahead).hold()


def relay_reading(service: Service) -> int:
    """Relay like `relay`, and return only after git has ended the conversation.

    Raises `ServiceGoneError` if the service ended it. Git removes a failed clone before it closes
    its end, so the caller can then check whether the clone exists.
    """
    conversation = _Conversation(service, b"")
    status = conversation.hold()
    conversation.let_git_end()
    if not conversation.git_has_ended:
        raise ServiceGoneError(status)
    return status
