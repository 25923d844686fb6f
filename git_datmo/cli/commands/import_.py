"""The `git datmo import` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Make experiments of the runs of another tracker: mlflow (a folder 'mlruns' or a SQLite database),
tensorboard (a folder with event files), wandb (logs of offline runs), trackio, dvclive,
transformers, and formats that other packages add.

A run belongs to the commit that it names, or else to the newest commit that is not younger than
the run. History is not rewritten. Times, authors, steps, curves, parameters and tags stay. A run
that was imported before is not imported again. Whatever cannot be taken over is named."""
EXAMPLES = """
git datmo import mlflow mlruns
git datmo import mlflow mlflow.db
git datmo import tensorboard runs
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo import` to its parser."""
    parser.add_argument("format", metavar="FORMAT", help="mlflow, tensorboard, wandb, ...")
    parser.add_argument("source", metavar="SOURCE", help="a file or folder of the tracker")


def run(options: argparse.Namespace, console: Console) -> int:
    """Import runs, print their number and all losses, and return 0."""
    from git_datmo.interop.found_runs import find_runs
    from git_datmo.interop.import_runs import import_runs
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_count

    found = find_runs(options.format, console.cwd / options.source)
    with open_workspace(console.environ, console.cwd) as ws:
        done = import_runs(ws, options.format, found, progress=console.progress())
    for line in done.lost:
        console.warn(f"not imported: {line}")
    console.tell(f"{show_count(len(done.made), 'run')} imported, {done.known} known before")
    return 0
