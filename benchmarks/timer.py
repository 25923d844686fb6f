"""Run one command and write its time and memory to a file; a script for each timed command.

usage: timer.py RESULT ERRORS COMMAND [ARGUMENT...]

The peak memory of a child includes the size of the process that spawned it. So the parent of a
timed command has to be small.
"""

import json
import os
import sys
import time


def main() -> None:
    result, errors, *argv = sys.argv[1:]
    files = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
    ]
    begun = time.perf_counter()
    child = os.posix_spawnp(argv[0], argv, os.environ, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - begun
    figures = {
        "wall": wall,
        "user": usage.ru_utime,
        "system": usage.ru_stime,
        # Bytes on macOS, KiB elsewhere. It is the largest single process of those that were waited
        # for.
        "peak": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
        "status": os.waitstatus_to_exitcode(status),
    }
    with open(result, "w") as file:
        json.dump(figures, file)


if __name__ == "__main__":
    main()
