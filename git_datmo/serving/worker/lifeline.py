"""End this process when the server does, even if the model never returns.

A request that hangs in C code can hold the interpreter's lock, so no thread and no Python handler
could end the process. The kernel can: it sends a signal when the other end of a socket is closed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket

from git_datmo.serving.worker.frames import receive_frame, send_frame


def hold_lifeline(line: socket.socket, number: int) -> None:
    """Give the server the other end of a new connection, whose end then ends this process.

    Nothing else may be sent over it, since the kernel signals data, too. Raises `EOFError` or
    `OSError` if the server has gone already.
    """
    send_frame(line, {"op": "lifeline", "number": number})
    with line.makefile("rb") as stream:
        receive_frame(stream)
    # Elsewhere, only the time limit ends a model that hangs: other systems have no choice of the
    # signal, sandboxes that stand in for the kernel may refuse it, and not every Python has ctypes.
    if hasattr(fcntl, "F_SETSIG"):
        with contextlib.suppress(OSError, ImportError):
            fcntl.fcntl(line, fcntl.F_SETSIG, _fatal_signal())
            fcntl.fcntl(line, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(line, fcntl.F_SETFL, fcntl.fcntl(line, fcntl.F_GETFL) | os.O_ASYNC)


def _fatal_signal() -> int:
    """Return a signal that ends this process."""
    if os.getpid() != 1:
        return signal.SIGKILL
    # For the first process of a container, the kernel ignores signals without a handler. That of
    # Python would wait for the interpreter's lock, so the handler is the C function itself.
    import ctypes

    library = ctypes.CDLL(None)
    library.signal(signal.SIGIO, ctypes.cast(library["_exit"], ctypes.c_void_p))
    return signal.SIGIO
