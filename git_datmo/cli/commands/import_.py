"""The `git datmo import` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Make experiments of the runs of another tracker: mlflow (a folder 'mlruns' or a SQLite database),
tensorboard (a folder with event files), wandb (logs of offline runs), trackio, dvclive,
transformers, and formats that other packages add.

With dvc and lfs, SOURCE is this repository (the default). Each commit that changes data of DVC
gets a snapshot with these data, its parameters and metrics. The data come from DVC's cache, or
else from the default remote in '.dvc/config'; DVC need not be installed. DVC's experiments become
experiments on the commits that they began with. With lfs, each commit that changes files in
Git LFS gets an experiment that holds these files.

A run belongs to the commit that it names, or else to the newest commit that is not younger than
the run. History is not rewritten. Times, authors, steps, curves, parameters and tags stay. A run
that was imported before is not imported again. Whatever cannot be taken over is named."""
EXAMPLES = """
git datmo import mlflow mlruns
git datmo import mlflow mlflow.db
git datmo import tensorboard runs
git datmo import dvc
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo import` to its parser."""
    parser.add_argument(
        "format", metavar="FORMAT", help="mlflow, tensorboard, wandb, trackio, dvc, lfs, ..."
    )
    parser.add_argument(
        "source",
        nargs="?",
        default=".",
        metavar="SOURCE",
        help="a file or folder of the tracker (.)",
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Import runs, print their number and all losses, and return 0."""
    from git_datmo.interop.found_runs import find_runs
    from git_datmo.interop.import_dvc import import_dvc
    from git_datmo.interop.import_lfs import import_lfs
    from git_datmo.interop.import_runs import import_runs
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_count

    progress = console.progress()
    of_repository = {"dvc": import_dvc, "lfs": import_lfs}.get(options.format)
    if of_repository is not None:
        with open_workspace(console.environ, console.cwd / options.source) as ws:
            done = of_repository(ws, progress=progress)
    else:
        found = find_runs(options.format, console.cwd / options.source)
        with open_workspace(console.environ, console.cwd) as ws:
            done = import_runs(ws, options.format, found, progress=progress)
    for line in done.lost:
        console.warn(f"not imported: {line}")
    if done.made or done.known or done.lost:
        made = show_count(len(done.made), "experiment")
        console.tell(f"{made} imported, {done.known} known before")
    elif of_repository is not None:
        console.tell(f"nothing to import: no commit of HEAD's history has data of {options.format}")
    else:
        console.tell(f"nothing to import: '{options.source}' has no runs of {options.format}")
    return 0
