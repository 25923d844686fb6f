"""Projects that train a model with a framework: scikit-learn, PyTorch, LightGBM, Hydra around
them."""

from __future__ import annotations

from benchmarks.projects.project import FAILED, IDENTICAL, WITHIN, Project, table

ROWS = 2000

SKLEARN = """\
import csv, json
import joblib
import yaml
from sklearn.linear_model import LogisticRegression

with open("params.yaml") as file:
    params = yaml.safe_load(file)
with open("data/train.csv") as file:
    rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
split = int(len(rows) * params["split"])
x, y = [row[:-1] for row in rows], [row[-1] for row in rows]
model = LogisticRegression(C=params["C"], max_iter=params["max_iter"]).fit(x[:split], y[:split])
joblib.dump(model, "model.pkl")
with open("metrics.json", "w") as file:
    json.dump({"accuracy": model.score(x[split:], y[split:])}, file)
"""

TORCH = """\
import csv, json, os
import torch
from torch.utils.data import DataLoader, Dataset


class Rows(Dataset):
    def __init__(self, path):
        with open(path) as file:
            self.rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        row = torch.tensor(self.rows[index])
        return row[:-1], row[-1:]


def main():
    torch.manual_seed(7)
    torch.set_num_threads(1)
    model = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss_of = torch.nn.BCEWithLogitsLoss()
    loader = DataLoader(Rows("data/train.csv"), batch_size=64, shuffle=True, num_workers=2)
    os.makedirs("checkpoints", exist_ok=True)
    for epoch in range(3):
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_of(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        state = {"epoch": epoch, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save(state, f"checkpoints/epoch-{epoch}.pt")
    with open("metrics.json", "w") as file:
        json.dump({"loss": total / len(loader)}, file)


if __name__ == "__main__":
    main()
"""

LIGHTGBM = """\
import csv, json
import lightgbm

with open("data/train.csv") as file:
    rows = [[float(cell) for cell in row] for row in list(csv.reader(file))[1:]]
x, y = [row[:-1] for row in rows], [row[-1] for row in rows]
params = {"objective": "binary", "seed": 3, "deterministic": True, "num_threads": 1, "verbose": -1}
import numpy
model = lightgbm.train(params, lightgbm.Dataset(numpy.array(x), numpy.array(y)), num_boost_round=20)
model.save_model("model.txt")
guesses = model.predict(numpy.array(x))
with open("metrics.json", "w") as file:
    json.dump({"accuracy": float(((guesses > 0.5) == numpy.array(y)).mean())}, file)
"""

HYDRA = """\
import json, logging
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig

log = logging.getLogger(__name__)


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config):
    value = 1.0
    for step in range(config.steps):
        value *= 1 - config.lr
        log.info("step %d: %.6f", step, value)
    Path(HydraConfig.get().runtime.output_dir, "metrics.json").write_text(json.dumps({"value": value}))


if __name__ == "__main__":
    main()
"""


def projects() -> tuple[Project, ...]:
    data = {"data/train.csv": table(ROWS)}
    gbm = ("lightgbm==4.5.0", "numpy==1.26.4")
    return (
        Project(
            name="scikit-learn",
            title="scikit-learn, params.yaml",
            files={
                "train.py": SKLEARN,
                "params.yaml": "C: 0.5\nmax_iter: 200\nsplit: 0.8\n",
                **data,
            },
            requirements=("scikit-learn==1.5.2", "PyYAML==6.0.2"),
            data=("data",),
            command=("python", "train.py"),
        ),
        Project(
            name="pytorch",
            title="PyTorch on the CPU, workers, checkpoints",
            files={"train.py": TORCH, **data},
            requirements=("torch==1.13.1", "numpy==1.26.4"),
            data=("data",),
            command=("python", "train.py"),
        ),
        Project(
            name="lightgbm",
            title="LightGBM, no apt.txt",
            files={"train.py": LIGHTGBM, **data},
            requirements=gbm,
            data=("data",),
            command=("python", "train.py"),
            verdicts={"venv": IDENTICAL, "docker": FAILED},
            foretold="libgomp1",
        ),
        Project(
            name="lightgbm-apt",
            title="LightGBM, apt.txt",
            files={"train.py": LIGHTGBM, "apt.txt": "libgomp1\n", **data},
            requirements=gbm,
            data=("data",),
            command=("python", "train.py"),
        ),
        Project(
            name="hydra",
            title="Hydra, a folder named by the time",
            files={"train.py": HYDRA, "conf/config.yaml": "lr: 0.1\nsteps: 5\n"},
            requirements=("hydra-core==1.3.2",),
            command=("python", "train.py", "lr=0.2"),
            verdicts={"venv": WITHIN, "docker": WITHIN},
        ),
    )
