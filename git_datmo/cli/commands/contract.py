"""The `git datmo contract` command."""

from __future__ import annotations

import argparse
import importlib

from git_datmo.cli.console import Console

DESCRIPTION = """\
Say in contracts what data and models are, and check that they keep to it. A contract is a file
contracts/NAME.odcs.yaml of the Open Data Contract Standard, which you commit like code.

show [NAME] lists the contracts of the working tree, or prints one with its rules. It is the
default. diff [A [B]] shows how contracts changed from A to B: each change with its size (patch,
minor or major), its direction and the reason. A is HEAD, and B the working tree by default.

infer PATH reads all of the data at PATH, and writes a contract that they pass: types, nulls,
categories, the shapes of arrays, the sizes and channels of images, or the inputs and outputs of a
model. PATH is a file (CSV, Parquet, JSON Lines, NumPy, safetensors, ONNX, MLmodel) or a folder of
tables, images or sounds. With --update, it edits the contract of tables that is bound to PATH: it
adds new columns and values of enumerations, loosens the types, nulls and ranges that the data
break, and removes a pattern that they break. The version rises, and comments stay.

check [PATH|REV] checks all values against the contracts that are bound to them: everything in the
working tree, the data at PATH, or the data of REV with the contracts of REV. It prints each rule
that is broken with the first rows that break it, and exits with 1 if there is one. A warning
changes no exit code. It also checks contracts against each other: which field of which data does
not suit which model, and the commit that changed it.

With --base or --against, check reads no data. --base REF compares with the contracts of REF: a
version must rise as far as the change. --against REFS says what a merge with each branch would
break. REFS is a pattern of refs, such as 'refs/remotes/origin/*'.

convert prints the contract NAME in another language (--to), or the contract of a file in one
(--from): Croissant, JSON Schema, Table Schema, the signature of MLflow's MLmodel file, pandera's
schemas as YAML, or the schema of a Parquet file. It names whatever the other language cannot say.
With -o, it writes a file; --to parquet makes a Parquet file without rows.

Reading data needs the extra 'contracts' (pip install 'git-datmo[contracts]')."""
EXAMPLES = """
git datmo contract infer data/faces.csv
git datmo contract infer data/photos -o contracts/photos.odcs.yaml
git datmo contract infer --update data/faces.csv
git datmo contract check
git datmo contract check data/faces.csv
git datmo contract check HEAD~1 --format markdown
git datmo contract check --base origin/main
git datmo contract check --against 'refs/remotes/origin/*'
git datmo contract show faces
git datmo contract diff main
git datmo contract convert faces --to json-schema
git datmo contract convert faces --to parquet -o faces.parquet
git datmo contract convert model/MLmodel --from mlmodel
"""
ACTIONS = {"show": (0, 1), "diff": (0, 2), "infer": (1, 1), "check": (0, 1), "convert": (1, 1)}
LANGUAGES = ("croissant", "json-schema", "mlmodel", "pandera", "parquet", "table-schema")
FORMATS = ("text", "json", "markdown", "junit")
INTERMIXED = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo contract` to its parser."""
    parser.add_argument(
        "action", nargs="?", choices=tuple(ACTIONS), default="show", help="an action (show)"
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME|PATH|REV", help="a contract, data, or a commit"
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="infer, convert: write FILE"
    )
    parser.add_argument(
        "--ranges",
        action="store_true",
        help="infer: bound numbers and lengths by those of the data",
    )
    parser.add_argument(
        "--update",
        action="store_true",
        help="infer: edit the contract that is bound to PATH, so that the data pass",
    )
    parser.add_argument(
        "--format", choices=FORMATS, default="text", help="check: the form of the output (text)"
    )
    parser.add_argument(
        "--base", default="", metavar="REF", help="check: compare with the contracts of REF"
    )
    parser.add_argument(
        "--against",
        default="",
        metavar="REFS",
        help="check: compare with the contracts of branches, by a pattern of refs",
    )
    parser.add_argument(
        "--to", default="", choices=LANGUAGES, help="convert: the language to write"
    )
    parser.add_argument(
        "--from",
        dest="from_",
        default="",
        choices=LANGUAGES,
        help="convert: the language of a file to make a contract of",
    )
    parser.add_argument("--json", action="store_true", help="print JSON objects, one a line")


def run(options: argparse.Namespace, console: Console) -> int:
    """Run an action of `git datmo contract` and return its exit code.

    Raises `UsageError` for a wrong number of names, or for an option of another action.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    least, most = ACTIONS[options.action]
    if not least <= len(options.names) <= most:
        count = f"{least}" if least == most else f"{least} to {most}"
        raise UsageError(
            f"'{options.action}' takes {count} NAME, PATH or REV", "see 'git datmo contract -h'"
        )
    if options.action != "infer" and (options.ranges or options.update):
        raise UsageError("--ranges and --update belong to 'infer'", "see 'git datmo contract -h'")
    if options.action not in ("infer", "convert") and options.output:
        raise UsageError("-o belongs to 'infer' and 'convert'", "see 'git datmo contract -h'")
    if options.action != "check" and (options.base or options.against or options.format != "text"):
        raise UsageError(
            "--base, --against and --format belong to 'check'", "see 'git datmo contract -h'"
        )
    if options.action != "convert" and (options.to or options.from_):
        raise UsageError("--to and --from belong to 'convert'", "see 'git datmo contract -h'")
    module = importlib.import_module(f"git_datmo.cli.contract_{options.action}")
    with open_workspace(console.environ, console.cwd) as ws:
        code: int = module.run(options, console, ws)
    return code
