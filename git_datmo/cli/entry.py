"""Console script. It answers `--version` before it imports the command line."""

import sys

from git_datmo import __version__


def main() -> int:
    """Run the command line of this process and return its exit code."""
    if sys.argv[1:2] in (["-v"], ["--version"]):
        sys.stdout.write(f"git-datmo version {__version__}\n")
        return 0
    from git_datmo.cli.main import main as run

    return run()
