"""The child process that decodes foreign files: two paths per input line, one comparison per
output line."""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from git_datmo.compare.file_compare import compare_paths

MEMORY = 4 << 30
CPU_SECONDS = 3600


def main() -> None:
    """Serve until the input ends. The limits hold whatever a decoder does."""
    bounds = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: CPU_SECONDS,
        # No file may grow: a decoder has nothing to write.
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, most in {**bounds, resource.RLIMIT_CORE: 0}.items():
        # A system without one of the limits (macOS has none for memory) still has the others.
        with suppress(ValueError, OSError):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(
                kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
            )
    for line in sys.stdin:
        recorded, rerun = json.loads(line)
        try:
            found = asdict(compare_paths(Path(recorded), Path(rerun)))
        except (OSError, RecursionError, MemoryError) as error:
            found = {
                "text": f"differs in bytes; not compared further: {error or type(error).__name__}",
                "off": None,
            }
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
