"""Send requests over several connections, and measure a server's processes by /proc."""

from __future__ import annotations

import os
import socket
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Question:
    """A request of a server: where, and the body with its media type."""

    port: int
    path: str
    body: bytes

    def wire(self) -> bytes:
        """Return the bytes of the HTTP request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n\r\n"
        )
        return head.encode() + self.body


class Connection:
    """A connection that is kept open. It costs the client little, whose time is no server's."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, wire: bytes) -> bytes:
        """Return the body of an answer; raise `ConnectionError` unless its status is 200."""
        self._socket.sendall(wire)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        size = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        while len(body) < size:
            body += self._receive()
        if lines[0].split()[1] != b"200":
            raise ConnectionError(f"{lines[0]!r}: {body[:500]!r}")
        return body

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server has closed the connection")
        return data

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def ask(question: Question) -> bytes:
    """Return the body of the answer to one request."""
    connection = Connection(question.port)
    try:
        return connection.ask(question.wire())
    finally:
        connection.close()


@dataclass(slots=True)
class Turn:
    """The seconds of each answered request, of the whole turn, and of the server's processors."""

    latencies: list[float] = field(default_factory=list)
    wall: float = 0
    cpu: float = 0


def take_turn(pid: int, question: Question, connections: int, seconds: float) -> Turn:
    """Send requests for some seconds. Each connection sends the next when it has its answer."""
    turn, wire = Turn(), question.wire()
    begin = threading.Barrier(connections + 1)
    end = [0.0]
    failures: list[BaseException] = []

    def run() -> None:
        connection = Connection(question.port)
        found = []
        try:
            # Not timed: some servers do more for the first request of a connection.
            connection.ask(wire)
            begin.wait()
            while (asked := time.perf_counter()) < end[0]:
                connection.ask(wire)
                found.append(time.perf_counter() - asked)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)
            begin.abort()
        finally:
            turn.latencies.extend(found)
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    for thread in threads:
        thread.start()
    used = cpu_seconds(pid)
    started = time.perf_counter()
    end[0] = started + seconds
    begin.wait(60)
    for thread in threads:
        thread.join()
    turn.wall, turn.cpu = time.perf_counter() - started, cpu_seconds(pid) - used
    if failures:
        raise failures[0]
    return turn


def family(pid: int) -> list[int]:
    """Return the ids of a process and of all processes below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of those below it."""
    total = 0
    for each in family(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def memory(pid: int) -> float:
    """Return the megabytes of a process and of those below it; shared pages count by their share."""
    total = 0
    for each in family(pid):
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1000
