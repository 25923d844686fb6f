"""The description of a project, and how it is written to disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

IDENTICAL, WITHIN, DIFFERENT, FAILED = "identical", "within tolerance", "different", "failed"


@dataclass(frozen=True, slots=True)
class Size:
    """Size of the large projects: their small files, and the bytes of the checkpoint."""

    files: int
    checkpoint: int


@dataclass(frozen=True, slots=True)
class Project:
    """One small project of a kind.

    `tools` are programs beside the project's environment, which only its author has. `requirements`
    are installed into `.venv` by pip, then `setup` runs, both before the first commit. `data` are
    folders that are added as payloads. `command` runs in `folder`. `verdicts` are those that are
    right, by engine. Where the verdict `failed` is right for an engine, a warning of the run must
    contain `foretold`.
    """

    name: str
    title: str
    files: Mapping[str, str]
    command: Sequence[str]
    requirements: Sequence[str] = ()
    tools: Sequence[str] = ()
    setup: Sequence[Sequence[str]] = ()
    data: Sequence[str] = ()
    folder: str = "."
    verdicts: Mapping[str, str] = field(
        default_factory=lambda: {"venv": IDENTICAL, "docker": IDENTICAL}
    )
    foretold: str = ""

    def write(self, top: Path) -> None:
        """Write the project's files, and a `.gitignore` that leaves out its environment."""
        requirements = "".join(f"{line}\n" for line in self.requirements)
        named = {"requirements.txt": requirements} if requirements else {}
        for path, text in {".gitignore": ".venv/\n__pycache__/\n", **named, **self.files}.items():
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(text)


def notebook(*cells: str, parameters: bool = False) -> str:
    """Return a notebook with these cells of code; with `parameters` the first is tagged for
    papermill."""
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{index}",
            "metadata": {"tags": ["parameters"]} if parameters and index == 0 else {},
            "outputs": [],
            "source": source,
        }
        for index, source in enumerate(cells)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    document = {
        "cells": made,
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(document, indent=1) + "\n"


def table(rows: int) -> str:
    """Return a CSV of numbers that follow from their row alone."""
    lines = ["x1,x2,x3,y"]
    for row in range(rows):
        x1, x2, x3 = row * 37 % 101 / 101, row * 53 % 97 / 97, row * 71 % 89 / 89
        lines.append(f"{x1:.6f},{x2:.6f},{x3:.6f},{int(x1 + x2 * x3 > 0.75)}")
    return "\n".join(lines) + "\n"
