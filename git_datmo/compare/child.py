"""The process in which strangers' files are decoded: a line with two paths in, a line with their comparison out."""

from __future__ import annotations

import json
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from git_datmo.compare.files import compare_paths

MEMORY = 4 << 30
CPU_SECONDS = 3600


def main() -> None:
    """Serve until there is no line any more; whatever a decoder does with hostile bytes, these bounds hold."""
    bounds = {resource.RLIMIT_AS: MEMORY, resource.RLIMIT_CPU: CPU_SECONDS, resource.RLIMIT_FSIZE: 0}
    for kind, most in {**bounds, resource.RLIMIT_CORE: 0}.items():
        # A system that cannot hold to a bound (macOS has none for memory) still has the others.
        with suppress(ValueError, OSError):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    for line in sys.stdin:
        recorded, rerun = json.loads(line)
        try:
            found = asdict(compare_paths(Path(recorded), Path(rerun)))
        except (OSError, RecursionError, MemoryError) as error:
            found = {"text": f"differs in bytes; not looked into: {error or type(error).__name__}", "off": None}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
