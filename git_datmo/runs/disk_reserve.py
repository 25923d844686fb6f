"""Reserve disk space for the record of a run, since the command may fill the disk."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A third is for the log (`run_log.LOG_SHARE`), the rest for the record.
SIZE = 3 << 20


class Reserve:
    """A file of `size` bytes that are released step by step.

    The size is 0 if the disk is already full.
    """

    def __init__(self, fd: int, size: int) -> None:
        self._fd, self._size = fd, size

    def release(self, size: int) -> None:
        """Release up to `size` bytes."""
        self._size -= min(size, self._size)
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._size)

    def release_all(self) -> None:
        """Release all bytes that are left."""
        self.release(self._size)


@contextmanager
def reserving(folder: Path) -> Iterator[Reserve]:
    """Reserve `SIZE` bytes on the disk of `folder`, until the block ends."""
    # The file has no name, so the system frees its space even if this process is killed.
    with tempfile.TemporaryFile(prefix="git-datmo-reserve-", dir=folder, buffering=0) as file:
        size = SIZE
        try:
            # `truncate` would make a sparse file, which reserves no blocks.
            os.posix_fallocate(file.fileno(), 0, size)
        # Python has no `posix_fallocate` on macOS.
        except (OSError, AttributeError):
            size = 0
            file.truncate(0)
        yield Reserve(file.fileno(), size)
