"""Make 30 experiments by two people, who share them over a remote: `python make.py FOLDER`.

The folder gets a bare repository and the clones of Ada and Grace. `docs/EXPERIMENTS.md` shows what
you can ask of them. Every run takes an instant and gives the same figures each time.

With `--story`, the runs also log curves and pictures, and people note why they ran them. A failed
try, its repair, a reproduction, a decision and a merge follow. The pictures of `docs/UI.md` show
this repository.
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

# The rest of the program with `--story`: more curves, pictures of the errors, and a model.
LOGGED = '''
CLASSES, SIZE = 6, 8


def shade(true, predicted, error):
    """Return a colour of the confusion matrix; right answers are on its diagonal."""
    near = math.exp(-((true - predicted) ** 2) / (0.15 + 4 * error))
    share = near * (1 - error if true == predicted else (0.6 + 0.4 * math.cos(true * seed)) * 0.9)
    return [round(250 - 215 * share), round(250 - 150 * share), round(252 - 90 * share)]


def picture(error):
    """Return the confusion matrix as rows of pixels."""
    cells = [[shade(true, other, error) for other in range(CLASSES)] for true in range(CLASSES)]
    side = range(CLASSES * SIZE)
    return [[cells[y // SIZE][x // SIZE] for x in side] for y in side]


for step in range(21):
    error = 1 - accuracy + 0.5 * math.exp(-30 * rate - step / (3 + depth / 4))
    wobble = 0.012 * math.sin(2.4 * step + seed) * (20 - step) / 20
    datmo.log_metric("accuracy", round(1 - error + wobble if step < 20 else accuracy, 4), step)
    loss = 1.6 * error - wobble + 0.01 * (step / 20) ** 2
    datmo.log_metric("validation/loss", round(loss, 4), step)
    if step % 10 == 0:
        datmo.log_image(f"confusion/{step:02}", picture(error))
datmo.log_table(
    "errors by class",
    [{"class": n, "share": round((1 - accuracy) * (1 + n % 3) / 2, 4)} for n in range(CLASSES)],
)
weights = [round(accuracy / n, 4) for n in range(1, 9)]
json.dump({"depth": depth, "weights": weights}, open("model.json", "w"))
'''
CHECK = '''\
"""Check the model on rows that no training has seen."""

import json

model = json.load(open("model.json"))
rows = len(open("holdout/rows.csv").read().splitlines()) - 1
accuracy = model["weights"][0] - 0.011
json.dump({"accuracy": round(accuracy, 4), "rows": rows}, open("metrics.json", "w"))
print(f"{rows} rows, accuracy {accuracy:.4f}")
'''
DEEP = ("0.01", "8", "2")


def call(folder: Path, *words: str, code: int = 0) -> str:
    """Run a command in a folder, and return its output; show that if it ends otherwise."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(IDENTITY)}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False)
    if done.returncode != code:
        sys.exit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def clone(top: Path, name: str) -> Path:
    """Clone the shared repository for a person, ready to run."""
    call(top, "git", "clone", "-q", f"datmo::{top / 'team.git'}", name.lower())
    folder = top / name.lower()
    call(folder, "git", "config", "user.name", name)
    call(folder, "git", "config", "user.email", f"{name.lower()}@example.com")
    return folder


def write_data(folder: Path, rows: int, path: str = "data/train.csv") -> None:
    """Write a table with so many rows, and track its folder."""
    (folder / path).parent.mkdir(exist_ok=True)
    lines = ["x,y", *(f"{n},{2 * n}" for n in range(rows))]
    (folder / path).write_text("\n".join(lines) + "\n")
    call(folder, "git", "datmo", "add-data", (folder / path).parent.name)


def commit_code(folder: Path, source: str, message: str, path: str = "train.py") -> None:
    """Commit a version of a program."""
    (folder / path).write_text(source)
    call(folder, "git", "add", path)
    call(folder, "git", "commit", "-q", "-m", message)


def sweep(folder: Path, message: str, rates: str, depths: str, seeds: str, why: str = "") -> None:
    """Run every combination of three parameters."""
    values = ("-p", f"rate={rates}", "-p", f"depth={depths}", "-p", f"seed={seeds}")
    reason = ("--why", why) if why else ()
    words = ("git", "datmo", "sweep", "-m", message, *reason, *values, "--")
    call(folder, *words, sys.executable, "train.py", "{rate}", "{depth}", "{seed}")


def train(folder: Path, message: str, why: str, *, fails: bool = False) -> None:
    """Run the program once with the parameters of the deep model."""
    pairs = zip(("rate", "depth", "seed"), DEEP, strict=True)
    values = (f"-p{name}={value}" for name, value in pairs)
    program = (sys.executable, "train.py", *DEEP)
    words = ("git", "datmo", "run", "-m", message, "--why", why, *values, "--", *program)
    call(folder, *words, code=int(fails))


def note(folder: Path, kind: str, text: str, *options: str) -> None:
    """Add a note to the newest experiment of HEAD."""
    call(folder, "git", "datmo", "annotate", f"--{kind}", text, *options, "HEAD")


def note_best(folder: Path, author: str, kind: str, text: str) -> None:
    """Add a note to the experiment of a person with the best accuracy."""
    words = ("git", "datmo", "log", "--author", author, "--best", "accuracy", "--format", "%(id)")
    best = call(folder, *words).split()[0]
    call(folder, "git", "datmo", "annotate", f"--{kind}", text, best)


def try_deeper(grace: Path) -> None:
    """Let Grace try a deeper model on a branch; the first try fails."""
    call(grace, "git", "checkout", "-q", "-b", "deeper")
    source = (grace / "train.py").read_text()
    limit = 'if depth > 6:\n    raise MemoryError(f"depth {depth} needs 9.3 GiB of 8 GiB")\n'
    commit_code(grace, source.replace("noise =", f"{limit}noise =", 1), "Allow a depth of 8")
    train(grace, "depth 8, whole batch", "Does more depth still help?", fails=True)
    note(grace, "hypothesis", "Depth 8 beats depth 6, if it fits into memory.")
    note(grace, "result", "It does not fit: 9.3 GiB of 8 GiB.")
    halved = source.replace("rows / 1000", "rows / 950")
    commit_code(grace, halved, "Halve the batch")
    train(grace, "depth 8, half the batch", "Half the batch needs half the memory.")
    note(grace, "result", "Accuracy 0.946, better by 0.04 than depth 6.", "--tag", "candidate")
    call(grace, "git", "push", "-q", "-u", "origin", "deeper")


def merge_deeper(ada: Path) -> None:
    """Let Ada reproduce the deeper model, merge it, and check it on new data."""
    call(ada, "git", "fetch", "-q")
    call(ada, "git", "checkout", "-q", "deeper")
    call(ada, "git", "datmo", "checkout")
    call(ada, "git", "datmo", "reproduce", "--engine", "host", "--trust", "HEAD")
    note(ada, "decision", "It reproduces. We ship depth 8 with half the batch.")
    call(ada, "git", "checkout", "-q", "main")
    call(ada, "git", "merge", "-q", "--no-ff", "-m", "Merge the deeper model", "deeper")
    write_data(ada, 25, "holdout/rows.csv")
    commit_code(ada, CHECK, "Check on rows held out", "check.py")
    why = "Does the model hold on rows that no training has seen?"
    program = (sys.executable, "check.py")
    call(ada, "git", "datmo", "run", "-m", "check on held-out rows", "--why", why, "--", *program)
    note(ada, "decision", "0.935 on new rows: released.", "--tag", "release-1")
    call(ada, "git", "push", "-q", "origin", "main")


def main() -> None:
    """Make the repository, the clones and the experiments."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path, help="folder to make, for all repositories")
    parser.add_argument(
        "--story", action="store_true", help="add curves, notes and a merged branch"
    )
    options = parser.parse_args()
    program = TRAIN + LOGGED.replace("{", "{{").replace("}", "}}") if options.story else TRAIN
    top = options.folder.absolute()
    top.mkdir(parents=True)
    call(top, "git", "init", "-q", "--bare", "-b", "main", "team.git")
    ada = clone(top, "Ada")
    call(ada, "git", "checkout", "-q", "-b", "main")
    write_data(ada, 40)
    commit_code(ada, program.format(base="0.70"), "Train on 40 rows")
    why = "Which learning rate suits shallow models?" if options.story else ""
    sweep(ada, "first grid", "0.1,0.01,0.001", "2,4", "1,2,3", why)
    if options.story:
        note_best(
            ada, "Ada", "result", "Rate 0.01 is best at every depth. Deeper is better by 0.04."
        )
    call(ada, "git", "push", "-q", "-u", "origin", "main")
    grace = clone(top, "Grace")
    call(grace, "git", "datmo", "checkout")
    write_data(grace, 60)
    commit_code(grace, program.format(base="0.72"), "Start higher, on 60 rows")
    why = "Do 20 more rows and a better start help?" if options.story else ""
    sweep(grace, "more data", "0.01,0.001", "4,6", "1,2,3", why)
    if options.story:
        note_best(grace, "Grace", "decision", "We stay at rate 0.01, and look at depth next.")
    call(grace, "git", "push", "-q", "origin", "main")
    call(ada, "git", "pull", "-q")
    if options.story:
        try_deeper(grace)
        merge_deeper(ada)
    print(os.fsdecode(ada))


if __name__ == "__main__":
    main()
