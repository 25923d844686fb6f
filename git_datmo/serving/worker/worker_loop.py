"""Answer the server's requests in the environment of a snapshot.

The module and those that it imports use the standard library alone, and run on Python 3.8 and
later. The server starts it with a folder that has its address, and says the rest over the socket.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from git_datmo.serving.worker.entry_points import EntryError, load_entry
from git_datmo.serving.worker.frames import receive_frame, send_frame
from git_datmo.serving.worker.lifeline import hold_lifeline
from git_datmo.serving.worker.model_arrays import arrays_of, find_module, tensors_of
from git_datmo.serving.worker.model_files import model_entry

if TYPE_CHECKING:
    from git_datmo.serving.worker.entry_points import Predict
    from git_datmo.serving.worker.model_arrays import Sent

SOCKET = "socket"
"""Name of the server's socket in the folder that the worker is started from."""


def main(folder: str, number: int) -> None:
    """Connect to the server, load the model, and answer requests until the server is gone."""
    # The code of the snapshot may have a package of this name, or import the installed one.
    for name in [name for name in sys.modules if name.split(".")[0] == "git_datmo"]:
        del sys.modules[name]
    sys.path[:] = [path for path in sys.path if not path.startswith(folder)]
    # Held until this process ends. It comes first, so that the model never runs without it.
    lifeline, connection = _connect(folder), _connect(folder)
    stream = connection.makefile("rb")
    try:
        hold_lifeline(lifeline, number)
        send_frame(connection, {"op": "hello", "number": number, "pid": os.getpid()})
        settings, _ = receive_frame(stream)
        # Before the model is loaded, since threads that it starts inherit the priority.
        os.nice(settings["niceness"])
        _serve(connection, stream, settings)
    except (EOFError, OSError):
        # Without a server there is nothing left to do. Threads of the model must not hold it up.
        os._exit(0)


def _connect(folder: str) -> socket.socket:
    """Connect to the server. The name is relative, since addresses have at most 107 bytes."""
    before = os.getcwd()
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    os.chdir(folder)
    try:
        connection.connect(SOCKET)
    finally:
        os.chdir(before)
    return connection


def _serve(connection: socket.socket, stream: BinaryIO, settings: dict[str, Any]) -> None:
    """Load the model, say that it is ready, and answer requests."""
    numpy = find_module("numpy")
    try:
        with TimeLimit(settings["load_seconds"]):
            model, predict = _load(settings)
    except Exception as error:  # noqa: BLE001 - the server reports every error of a model
        send_frame(connection, {"op": "failed", **_describe(error)})
        return
    _outlive_signals()
    send_frame(connection, {"op": "ready", "numpy": numpy is not None})
    while True:
        header, body = receive_frame(stream)
        try:
            with TimeLimit(header["seconds"]):
                inputs = arrays_of(header["tensors"], body, numpy)
                # The arrays are copies, and the model may need the memory.
                del body
                tensors = tensors_of(predict(model, inputs), settings["outputs"], numpy)
        except Exception as error:  # noqa: BLE001
            send_frame(connection, {"op": "error", "id": header["id"], **_describe(error)})
            continue
        # Outside of `try`: an error of the socket is none of the model.
        _answer(connection, header["id"], tensors)


def _outlive_signals() -> None:
    """Answer running requests after ^C or SIGTERM: the server closes the socket at its end.

    A terminal sends ^C to all processes of the command, and systemd sends SIGTERM to all of a unit.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        # Not SIG_IGN, which processes that the model starts would inherit.
        signal.signal(number, lambda *_: None)


def _answer(connection: socket.socket, number: int, tensors: Sequence[Sent]) -> None:
    entries = [entry for entry, _ in tensors]
    answer = {"op": "answer", "id": number, "tensors": entries}
    send_frame(connection, answer, [data for _, data in tensors])


def _load(settings: dict[str, Any]) -> tuple[Any, Predict]:
    """Return the loaded model and the function that predicts."""
    paths: list[str] = settings["paths"]
    entry = settings["entry"]
    load, predict = load_entry(entry) if entry else model_entry(settings["models"])
    return load({path: os.path.abspath(path) for path in paths}), predict


class TimeLimit:
    """End this process if a block takes longer than a number of seconds; 0 for no limit.

    `faulthandler` needs neither the interpreter's lock nor its main thread, so this holds for
    models that are stuck in C code, too.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        if self.seconds > 0:
            faulthandler.dump_traceback_later(self.seconds, exit=True)

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()


def _describe(error: Exception) -> dict[str, Any]:
    """Return the text of an error with the line of the snapshot's code, and the traceback.

    The traceback begins in the code of the snapshot or of its packages.
    """
    text = str(error).strip() or type(error).__name__
    if isinstance(error, EntryError):
        return {"error": text, "trace": ""}
    ours, trace = os.path.dirname(__file__), error.__traceback__
    while trace is not None and os.path.dirname(trace.tb_frame.f_code.co_filename) == ours:
        trace = trace.tb_next
    place, top = "", os.getcwd() + os.sep
    for frame in traceback.extract_tb(trace):
        if frame.filename.startswith(top):
            place = f" ({frame.filename[len(top) :]}:{frame.lineno})"
    shown = "".join(traceback.format_exception(type(error), error, trace))
    return {"error": f"{type(error).__name__}: {text}{place}", "trace": shown}
