"""Stand in for Debian's package manager."""

from __future__ import annotations

from pathlib import Path


def write_dpkg(folder: Path) -> None:
    """Write a `dpkg-query` that knows a few packages, and says nothing of other paths."""
    (folder / "dpkg-query").write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        '-S) shift 2; for path; do case "$path" in\n'
        '  */libgomp.so.1.0.0) echo "libgomp1:amd64: $path";;\n'
        '  /lib/libz.so.1) echo "zlib1g:amd64: $path";;\n'
        '  */make) echo "make: $path";;\n'
        '  */sed) echo "sed: $path";;\n'
        "  esac; done; exit 1;;\n"
        '-W) shift 4; for name; do case "$name" in\n'
        '  sed) echo "sed required yes";; *) echo "$name optional no";; esac; done;;\n'
        "esac\n"
    )
    (folder / "dpkg-query").chmod(0o755)
