"""Make a repository with everything that the page shows, hostile texts among it."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.support.commands import datmo
from tests.support.shell import Shell, seal

MARKUP = "<img src=x onerror=alert(1)>"
# A token of GitHub's form, made of two parts so that no scanner takes it for a real one.
TOKEN = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5"
TRAIN = """\
import json, math, sys
import git_datmo as datmo
from pathlib import Path
rate = float(sys.argv[1])
rows = len(Path("data/a.csv").read_text().splitlines())
datmo.log_params({"rate": rate, "big": 2 ** 60, MARK: MARK})
for step in range(200):
    datmo.log_metric("loss", 50.0 if step == 77 else 1 / (step + 1), step)
datmo.log_metric("loss", float("nan"), 200)
datmo.log_metric("accuracy", 0.5 + rate, 0)
datmo.log_text("note_3", "a note")
datmo.log_table("table", [[1, "x"], [2, "y"]], columns=["n", "word"])
datmo.log_image("sample_10", [[0, 255], [255, 0]])
Path("model.bin").write_bytes(b"model" + bytes([int(rate * 10)]))
print("\\x1b[31mred\\x1b[0m", MARK)
""".replace("MARK", repr(MARKUP))
USE = """\
from pathlib import Path
Path("result.json").write_text('{"size": %d}' % len(Path("model.bin").read_bytes()))
"""
SCRIPT = re.compile(rb'datmo\.document\("([a-z0-9/-]+)","([A-Za-z0-9+/=]+)"\);\n')


def make_page_repository(top: Path) -> Shell:
    """Return a repository with two trainings, a run that uses the model, and notes on them."""
    repo = Shell(top / "repo", seal(top / "home"))
    repo.cwd.mkdir()
    repo.git("init", "-q", ".")
    repo.commit("train.py", TRAIN)
    repo.commit("use.py", USE)
    datmo(repo, "init")
    data = repo.cwd / "data"
    data.mkdir()
    (data / "a.csv").write_text("n,word\n1,x\n2,y\n,z\n")
    (data / f"{MARKUP[:20]}.svg").write_text("<svg><script>alert(1)</script></svg>")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", f"Add data {MARKUP}")
    datmo(
        repo, "run", "-m", f"first {MARKUP}", "--why", "to *see*", "--", "python", "train.py", "0.1"
    )
    first = ids(repo)[0]
    datmo(repo, "annotate", first, "--hypothesis", f"it may work {MARKUP}")
    datmo(repo, "tag", first, "good")
    (repo.cwd / "train.py").write_text(TRAIN + "# more\n")
    datmo(repo, "run", "-m", "second", "--", "python", "train.py", "0.2")
    datmo(repo, "run", "-m", "use it", "--", "python", "use.py")
    return repo


def copy_repository(template: Shell, top: Path) -> Shell:
    """Return a copy of a repository in the folder `top`."""
    shutil.copytree(template.cwd, top / "repo", symlinks=True)
    return Shell(top / "repo", template.env)


def ids(repo: Shell) -> list[str]:
    """Return the ids of the experiments of HEAD, newest first."""
    said = datmo(repo, "log", "--json").stdout
    return [json.loads(line)["id"] for line in said.splitlines()]


def read_export(folder: Path) -> dict[str, Any]:
    """Return the documents of an export by name; each of its scripts has one call alone."""
    documents = {}
    for path in sorted((folder / "data").rglob("*.js")):
        found = SCRIPT.fullmatch(path.read_bytes())
        assert found is not None, path
        name = found[1].decode()
        assert path == folder / "data" / f"{name}.js"
        documents[name] = json.loads(gzip.decompress(base64.b64decode(found[2])))
    return documents
