"""The `git datmo export` command."""

import argparse

from git_datmo.cli.console import Console

DESCRIPTION = """\
Write experiments with their parameters, metrics and curves for other programs: all of them, or
those of the revisions that you name. Data, code, environments and logs stay in the repository.

csv, parquet and json write files into the folder TARGET: 'experiments', with a row for each
experiment, and 'curves', with a row for each value. JSON has both in one file. parquet needs
pyarrow. mlflow writes to the store at TARGET by MLflow's own client (pip install
'git-datmo[mlflow]'). An experiment that is there already is not written again."""
EXAMPLES = """
git datmo export csv tables
git datmo export json tables main~10..main
git datmo export mlflow sqlite:///mlflow.db
"""
FORMATS = ("csv", "json", "parquet", "mlflow")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo export` to its parser."""
    parser.add_argument("format", choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("target", metavar="TARGET", help="a folder, or the address of MLflow")
    parser.add_argument(
        "revisions", nargs="*", metavar="REV", help="revisions, as 'git log' takes them (all)"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Write experiments, print their number, and return 0."""
    from git_datmo.interop.exported_experiments import read_experiments
    from git_datmo.interop.mlflow_export import export_to_mlflow
    from git_datmo.interop.table_export import WRITERS
    from git_datmo.repository.workspace import open_workspace
    from git_datmo.sizes import show_count

    with open_workspace(console.environ, console.cwd) as ws:
        experiments = list(read_experiments(ws, options.revisions, progress=console.progress()))
        written, changes = len(experiments), list[str]()
        if options.format in WRITERS:
            WRITERS[options.format](experiments, console.cwd / options.target)
        else:
            written, changes = export_to_mlflow(experiments, options.target, ws.root.name)
    for change in changes:
        console.warn(change)
    console.tell(f"{show_count(written, 'experiment')} written to '{options.target or '.'}'")
    return 0
