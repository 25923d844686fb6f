"""Rows of the table as files, so that the projects can be measured one at a time."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.projects.driver import Measured, Outcome
from benchmarks.projects.project import Project


def write_row(folder: Path | None, row: Measured) -> None:
    """Write a project's row into `folder`, if there is one."""
    if folder is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    outcomes = {engine: asdict(outcome) for engine, outcome in row.outcomes.items()}
    document = {"seconds": row.seconds, "warnings": row.warnings, "outcomes": outcomes}
    (folder / f"{row.project.name}.json").write_text(json.dumps(document, indent=1) + "\n")


def read_row(folder: Path | None, project: Project) -> Measured | None:
    """Return a project's row that was measured earlier."""
    if folder is None or not (folder / f"{project.name}.json").is_file():
        return None
    document = json.loads((folder / f"{project.name}.json").read_text())
    outcomes = {engine: Outcome(**outcome) for engine, outcome in document["outcomes"].items()}
    return Measured(project, document["seconds"], tuple(document["warnings"]), outcomes)
