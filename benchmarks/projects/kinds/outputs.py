"""Projects that stand out by their outputs: very many, very large, or event files alone."""

from __future__ import annotations

from benchmarks.projects.project import WITHIN, Project, Size

MANY = """\
import json, os, random

generator = random.Random(13)
os.makedirs("tiles", exist_ok=True)
for number in range({files}):
    folder = f"tiles/{{number // 1000:03d}}"
    if number % 1000 == 0:
        os.makedirs(folder, exist_ok=True)
    with open(f"{{folder}}/{{number:06d}}.bin", "wb") as file:
        file.write(generator.randbytes(200))
with open("model.ckpt", "wb") as file:
    for _ in range({blocks}):
        file.write(generator.randbytes(1 << 20))
with open("metrics.json", "w") as file:
    json.dump({{"last": generator.random()}}, file)
"""

BOARD = """\
from tensorboardX import SummaryWriter

with SummaryWriter() as writer:
    loss = 1.0
    for step in range(50):
        loss *= 0.95
        writer.add_scalar("train/loss", loss, step)
"""


def projects(size: Size) -> tuple[Project, ...]:
    return (
        Project(
            name="many-outputs",
            title=f"{size.files:,} output files, a checkpoint of {size.checkpoint >> 20:,} MiB",
            files={"make.py": MANY.format(files=size.files, blocks=size.checkpoint >> 20)},
            command=("python", "make.py"),
        ),
        Project(
            name="tensorboard",
            title="TensorBoard's event files alone",
            files={"train.py": BOARD},
            requirements=("tensorboardX==2.6.2.2",),
            command=("python", "train.py"),
            verdicts={"venv": WITHIN, "docker": WITHIN},
        ),
    )
