"""Search parameters with Optuna by ask and tell. Each trial is an experiment of git-datmo.

The study has no database: its earlier trials are experiments in the history of HEAD. Run it in a
repository with fit.py and params.json: `python search.py 20`.
"""

import json
import subprocess
import sys
from typing import Any

import optuna

NAME = "optuna search"
COMMAND = ("--", "python3", "fit.py")
SPACE: dict[str, optuna.distributions.BaseDistribution] = {
    "model.depth": optuna.distributions.IntDistribution(1, 8),
    "rate": optuna.distributions.FloatDistribution(1e-4, 1, log=True),
}


def datmo(*words: str) -> list[dict[str, Any]]:
    """Run `git datmo` with `--json`, and return the objects that it prints."""
    done = subprocess.run(["git", "datmo", *words], stdout=subprocess.PIPE, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def add_earlier_trials(study: optuna.Study) -> int:
    """Tell a study the trials of earlier searches; return their number."""
    found = datmo("log", "--json", "--where", f'message = "{NAME}"')
    earlier = [each for each in found if "score" in each["metrics"]]
    for each in earlier:
        params = {name: each["parameters"][name] for name in SPACE}
        value = each["metrics"]["score"]
        study.add_trial(optuna.trial.create_trial(params=params, distributions=SPACE, value=value))
    return len(earlier)


def run_trial(study: optuna.Study) -> None:
    """Ask for a trial, run it in a working tree of its own, and tell the result."""
    trial = study.ask(SPACE)
    values = [word for name, value in trial.params.items() for word in ("-p", f"{name}={value}")]
    made = datmo("sweep", "--json", "-m", NAME, *values, *COMMAND)
    if made and made[0]["exit_code"] == 0:
        study.tell(trial, made[0]["metrics"]["score"])
    else:
        study.tell(trial, state=optuna.trial.TrialState.FAIL)


def main(count: int) -> None:
    """Run `count` trials, and print the best one of all."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize", sampler=optuna.samplers.TPESampler(seed=count)
    )
    print(f"earlier trials: {add_earlier_trials(study)}")
    for _ in range(count):
        run_trial(study)
    print(f"best of {len(study.trials)}: {study.best_value:.3f} with {study.best_params}")


if __name__ == "__main__":
    main(int(sys.argv[1]))
