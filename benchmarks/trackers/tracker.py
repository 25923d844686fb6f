"""The trackers that are measured: how a script logs one scalar with each."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bounds import OURS

START_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker: its package, and the lines of a script that begin a run, log and end the run.

    `call` logs `value` at `step`. `package` is the name for pip, `module` that for Python.
    """

    name: str
    package: str
    module: str
    begin: str
    call: str
    finish: str = ""


OUR_TRACKER = Tracker(
    OURS,
    "git-datmo",
    "git_datmo",
    "import git_datmo as datmo",
    'datmo.log_metric("loss", value, step)',
)
PEERS = (
    Tracker(
        "Trackio",
        "trackio",
        "trackio",
        'import trackio\ntrackio.init(project="bench", name="run")',
        'trackio.log({"loss": value}, step=step)',
        "trackio.finish()",
    ),
    Tracker(
        "W&B offline",
        "wandb",
        "wandb",
        'import wandb\nrun = wandb.init(project="bench")',
        'run.log({"loss": value}, step=step)',
        "run.finish()",
    ),
    Tracker(
        "MLflow (sqlite)",
        "mlflow",
        "mlflow",
        'import mlflow\nmlflow.set_tracking_uri("sqlite:///mlflow.db")\nmlflow.start_run()',
        'mlflow.log_metric("loss", value, step=step)',
        "mlflow.end_run()",
    ),
    Tracker(
        "DVCLive",
        "dvclive",
        "dvclive",
        "from dvclive import Live\nlive = Live(save_dvc_exp=False, dvcyaml=None, report=None)",
        'live.step = step; live.log_metric("loss", value)',
        "live.end()",
    ),
    Tracker(
        "tensorboardX",
        "tensorboardX",
        "tensorboardX",
        'from tensorboardX import SummaryWriter\nwriter = SummaryWriter("runs")',
        'writer.add_scalar("loss", value, step)',
        "writer.close()",
    ),
)

# No tool may use the network, or ask a question.
SETTINGS: Mapping[str, str] = {
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "HF_HUB_OFFLINE": "1",
    "PYTHONWARNINGS": "ignore",
}

_VERSIONS = """\
import json, platform, sys
from importlib.metadata import PackageNotFoundError, version
found = {"Python": platform.python_version()}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def find_versions(python: str, packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of Python and of the packages that it has.

    Raises `OSError` or `CalledProcessError` if it cannot be started.
    """
    argv = [python, "-c", _VERSIONS, *packages]
    done = subprocess.run(argv, capture_output=True, check=True, timeout=START_LIMIT)
    found: dict[str, str] = json.loads(done.stdout)
    return found
