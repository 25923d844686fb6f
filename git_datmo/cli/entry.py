"""The console script: what needs nothing is answered before anything is imported."""

import sys

from git_datmo import __version__


def main() -> int:
    """Run the command line of this process."""
    if sys.argv[1:2] in (["-v"], ["--version"]):
        sys.stdout.write(f"git-datmo version {__version__}\n")
        return 0
    from git_datmo.cli.main import main as run

    return run()
