"""Projects whose work is a notebook, executed by papermill or nbconvert, to another file or in
place."""

from __future__ import annotations

from benchmarks.projects.project import WITHIN, Project, notebook, table

LOAD = """\
import csv
with open("data/train.csv") as file:
    rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
"""
WORK = """\
import json
share = sum(row[-1] > threshold for row in rows) / len(rows)
with open("metrics.json", "w") as file:
    json.dump({"share": share}, file)
share
"""
KERNEL = "ipykernel==6.29.5"


def projects() -> tuple[Project, ...]:
    data = {"data/train.csv": table(500)}
    files = {"analysis.ipynb": notebook("threshold = 0.5", LOAD, WORK, parameters=True), **data}
    execute = ("jupyter", "nbconvert", "--to", "notebook", "--execute")
    nbconvert = ("nbconvert==7.16.4", "jupyter-core==5.7.2", KERNEL)
    alike = {"venv": WITHIN, "docker": WITHIN}
    return (
        Project(
            name="papermill",
            title="papermill, to a file",
            files=files,
            requirements=("papermill==2.6.0", KERNEL),
            data=("data",),
            command=("papermill", "analysis.ipynb", "out.ipynb", "-p", "threshold", "0.25"),
            verdicts=alike,
        ),
        Project(
            name="nbconvert",
            title="nbconvert, to a file",
            files=files,
            requirements=nbconvert,
            data=("data",),
            command=(*execute, "--output", "executed.ipynb", "analysis.ipynb"),
            verdicts=alike,
        ),
        Project(
            name="nbconvert-inplace",
            title="nbconvert, in place",
            files=files,
            requirements=nbconvert,
            data=("data",),
            command=(*execute, "--inplace", "analysis.ipynb"),
            verdicts=alike,
        ),
    )
