"""The projects, by kind of project."""

from __future__ import annotations

from benchmarks.projects.kinds import frameworks, layouts, notebooks, outputs, pipelines
from benchmarks.projects.project import Project, Size


def all_projects(size: Size) -> tuple[Project, ...]:
    """Return every project, in the order of the table."""
    return (
        *frameworks.projects(),
        *notebooks.projects(),
        *layouts.projects(),
        *pipelines.projects(),
        *outputs.projects(size),
    )
