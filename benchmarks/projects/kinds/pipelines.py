"""Projects of several steps: a bash script, and a Makefile."""

from __future__ import annotations

from benchmarks.projects.project import FAILED, IDENTICAL, Project, table

BASH = """\
#!/bin/bash
set -euo pipefail
mkdir -p work
tail -n +2 data/train.csv | sort -t, -k1,1g > work/sorted.csv
awk -F, '{ total += $4 } END { print total / NR }' work/sorted.csv > work/share.txt
python report.py
"""
REPORT = """\
import json
from pathlib import Path

share = float(Path("work/share.txt").read_text())
Path("metrics.json").write_text(json.dumps({"share": share}))
"""
MAKEFILE = """\
all: metrics.json

work/sorted.csv: data/train.csv
\tmkdir -p work
\ttail -n +2 data/train.csv | sort -t, -k1,1g > work/sorted.csv

work/share.txt: work/sorted.csv
\tpython share.py work/sorted.csv > work/share.txt

metrics.json: work/share.txt report.py
\tpython report.py
"""
SHARE = """\
import sys

with open(sys.argv[1]) as file:
    values = [float(line.split(",")[3]) for line in file]
print(sum(values) / len(values))
"""


def projects() -> tuple[Project, ...]:
    data = {"data/train.csv": table(500)}
    made = {"Makefile": MAKEFILE, "share.py": SHARE, "report.py": REPORT, **data}
    return (
        Project(
            name="bash",
            title="pipeline in bash",
            files={"run.sh": BASH, "report.py": REPORT, **data},
            data=("data",),
            command=("bash", "run.sh"),
        ),
        Project(
            name="make",
            title="pipeline in make, no apt.txt",
            files=made,
            data=("data",),
            command=("make",),
            verdicts={"venv": IDENTICAL, "docker": FAILED},
            foretold="'make' to apt.txt",
        ),
        Project(
            name="make-apt",
            title="pipeline in make, apt.txt",
            files={**made, "apt.txt": "make\n"},
            data=("data",),
            command=("make",),
        ),
    )
