"""Make 30 experiments by two people, who share them over a remote: `python make.py FOLDER`.

The folder gets a bare repository and the clones of Ada and Grace. `docs/EXPERIMENTS.md` shows what
you can ask of them. Every run takes an instant and gives the same figures each time.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

# Variables that would make one person of both.
IDENTITY = ("GIT_AUTHOR_", "GIT_COMMITTER_")
TRAIN = '''\
"""Pretend to train: the figures follow from the arguments and the data."""

import json
import math
import sys

import git_datmo as datmo

rate, depth, seed = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rows = len(open("data/train.csv").read().splitlines()) - 1
noise = (seed * 37 % 11 - 5) / 1000
accuracy = {base} + 0.02 * depth - abs(rate - 0.01) + rows / 1000 + noise
loss = 1.5 * (1 - accuracy)
for step in range(20):
    datmo.log_metric("loss", round(loss * (1 + 3 * math.exp(-60 * rate - step / 4)), 4), step)
datmo.log_metric("loss", round(loss, 4), 20)
print(f"rate {{rate}}, depth {{depth}}, seed {{seed}}: accuracy {{accuracy:.4f}}")
json.dump(
    {{"accuracy": round(accuracy, 4), "loss": round(loss, 4)}},
    open("metrics.json", "w"),
)
'''


def call(folder: Path, *words: str) -> None:
    """Run a command in a folder; show its output only if it fails."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(IDENTITY)}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def clone(top: Path, name: str) -> Path:
    """Clone the shared repository for a person, ready to run."""
    call(top, "git", "clone", "-q", f"datmo::{top / 'team.git'}", name.lower())
    folder = top / name.lower()
    call(folder, "git", "config", "user.name", name)
    call(folder, "git", "config", "user.email", f"{name.lower()}@example.com")
    return folder


def write_data(folder: Path, rows: int) -> None:
    """Write a table with so many rows, and track it."""
    (folder / "data").mkdir(exist_ok=True)
    lines = ["x,y", *(f"{n},{2 * n}" for n in range(rows))]
    (folder / "data" / "train.csv").write_text("\n".join(lines) + "\n")
    call(folder, "git", "datmo", "add-data", "data")


def commit_code(folder: Path, base: str, message: str) -> None:
    """Commit a version of the program."""
    (folder / "train.py").write_text(TRAIN.format(base=base))
    call(folder, "git", "add", "train.py")
    call(folder, "git", "commit", "-q", "-m", message)


def sweep(folder: Path, message: str, rates: str, depths: str, seeds: str) -> None:
    """Run every combination of three parameters."""
    values = ("-p", f"rate={rates}", "-p", f"depth={depths}", "-p", f"seed={seeds}")
    words = ("git", "datmo", "sweep", "-m", message, *values, "--")
    call(folder, *words, sys.executable, "train.py", "{rate}", "{depth}", "{seed}")


def main() -> None:
    """Make the repository, the clones and the experiments."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="folder to make, for all repositories")
    top = parser.parse_args().folder.absolute()
    top.mkdir(parents=True)
    call(top, "git", "init", "-q", "--bare", "-b", "main", "team.git")
    ada = clone(top, "Ada")
    call(ada, "git", "checkout", "-q", "-b", "main")
    write_data(ada, 40)
    commit_code(ada, "0.70", "Train on 40 rows")
    sweep(ada, "first grid", "0.1,0.01,0.001", "2,4", "1,2,3")
    call(ada, "git", "push", "-q", "-u", "origin", "main")
    grace = clone(top, "Grace")
    call(grace, "git", "datmo", "checkout")
    write_data(grace, 60)
    commit_code(grace, "0.72", "Start higher, on 60 rows")
    sweep(grace, "more data", "0.01,0.001", "4,6", "1,2,3")
    call(grace, "git", "push", "-q", "origin", "main")
    call(ada, "git", "pull", "-q")
    print(os.fsdecode(ada))


if __name__ == "__main__":
    main()
