"""Log trainings by `run --autolog` and by callbacks, with tiny trainings of each library.

Each test is skipped where its library is missing. `DATMO_TEST_TRACKERS` names a Python that has
them.
"""

from __future__ import annotations

import json
import os
import sys
from functools import cache
from subprocess import run as start
from typing import Any

import pytest

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

PYTHON = os.environ.get("DATMO_TEST_TRACKERS") or sys.executable

HEAD = """\
import hashlib, json, sys, warnings
warnings.simplefilter("ignore")
import numpy as np
generator = np.random.default_rng(0)
X = generator.random((60, 4), dtype=np.float32)
y = (X[:, 0] > 0.5).astype(int)
has_callback = "callback" in sys.argv
if has_callback:
    import git_datmo as datmo
def end(final, model):
    print(json.dumps([final, hashlib.sha256(model).hexdigest()]))
"""

# The modules, the script, and the metrics by autolog and by callback that equal its final values.
LIBRARIES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "sklearn": (
        "sklearn.callback",
        """\
import pickle
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeClassifier
grid = {"max_depth": list(range(1, 11)), "min_samples_leaf": list(range(1, 11))}
search = GridSearchCV(DecisionTreeClassifier(random_state=0), grid, cv=5)
if has_callback:
    search.set_callbacks(datmo.callbacks.sklearn())
search.fit(X, y)
times = [key for key in search.cv_results_ if "time" in key]
final = [search.best_score_, int(search.best_index_)]
saved = {key: value for key, value in vars(search).items() if key not in ("cv_results_", "refit_time_")}
end(final, pickle.dumps(saved))
""",
        ["search.best_score", "search.best_index"],
        ["GridSearchCV.best_score", "GridSearchCV.best_index"],
    ),
    "xgboost": (
        "xgboost",
        """\
import xgboost
model = xgboost.XGBClassifier(n_estimators=4, max_depth=2, n_jobs=1)
model.fit(X, y, eval_set=[(X, y)], verbose=False)
data, found = xgboost.DMatrix(X, y), {}
options = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1}
callbacks = [datmo.callbacks.xgboost()] if has_callback else []
booster = xgboost.train(
    options, data, 4, evals=[(data, "train")], evals_result=found, verbose_eval=False,
    callbacks=callbacks,
)
assert model.evals_result()["validation_0"]["logloss"][-1] == found["train"]["logloss"][-1]
end([found["train"]["logloss"][-1]], bytes(booster.save_raw() + model.get_booster().save_raw()))
""",
        ["model.validation_0/logloss"],
        ["train/logloss"],
    ),
    "lightgbm": (
        "lightgbm",
        """\
import lightgbm
options = {"min_child_samples": 5, "num_leaves": 4, "n_jobs": 1, "verbose": -1}
model = lightgbm.LGBMClassifier(n_estimators=4, **options)
callbacks = [datmo.callbacks.lightgbm()] if has_callback else []
model.fit(X, y, eval_set=[(X, y)], eval_names=["train"], callbacks=callbacks)
end([model.evals_result_["train"]["binary_logloss"][-1]], model.booster_.model_to_string().encode())
""",
        ["model.train/binary_logloss"],
        ["train/binary_logloss"],
    ),
    "keras": (
        "keras",
        """\
import os
os.environ["KERAS_BACKEND"] = "torch"
import keras
keras.utils.set_random_seed(0)
model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
callbacks = [datmo.callbacks.keras()] if has_callback else []
model.fit(X, y, epochs=3, verbose=0, callbacks=callbacks)
end([model.history.history["loss"][-1]], b"".join(w.tobytes() for w in model.get_weights()))
""",
        ["model.loss"],
        ["loss"],
    ),
    "transformers": (
        "transformers",
        """\
import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed
set_seed(0)
config = BertConfig(
    vocab_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
)
model = BertForSequenceClassification(config)
items = [{"input_ids": torch.tensor([1, 2, 3]), "labels": torch.tensor(int(k))} for k in y]
trainer = Trainer(
    model=model,
    args=TrainingArguments(
        "out", max_steps=4, logging_steps=1, report_to=[], use_cpu=True, save_strategy="no",
        disable_tqdm=True,
    ),
    train_dataset=items,
    callbacks=[datmo.callbacks.transformers()] if has_callback else [],
)
trainer.train()
losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
assert len(losses) == 4
end([losses[-1]], b"".join(w.numpy().tobytes() for w in model.state_dict().values()))
""",
        ["trainer.loss"],
        ["loss"],
    ),
    "lightning": (
        "lightning",
        """\
import lightning, torch
from lightning.pytorch.loggers.logger import DummyLogger
lightning.seed_everything(0, verbose=False)
class Net(lightning.LightningModule):
    def __init__(self, rate):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)
    def training_step(self, batch, _):
        loss = ((self.layer(batch) - 1) ** 2).mean()
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.hparams.rate)
model = Net(0.1)
trainer = lightning.Trainer(
    max_epochs=2, accelerator="cpu", log_every_n_steps=1, enable_checkpointing=False,
    enable_progress_bar=False, enable_model_summary=False,
    logger=datmo.callbacks.lightning() if has_callback else DummyLogger(),
)
trainer.fit(model, torch.utils.data.DataLoader(torch.tensor(X), batch_size=20))
weights = b"".join(w.numpy().tobytes() for w in model.state_dict().values())
end([trainer.callback_metrics["loss"].item()], weights)
""",
        ["loss"],
        ["loss"],
    ),
}


@cache
def has(module: str) -> bool:
    """Return True if the Python of the trackers has a module."""
    environ = {**os.environ, "KERAS_BACKEND": "torch"}
    argv = [PYTHON, "-c", f"import {module}"]
    return start(argv, check=False, capture_output=True, env=environ).returncode == 0


def last_line(text: str) -> Any:
    """Return the JSON value that the last line with one holds."""
    return next(json.loads(line) for line in reversed(text.splitlines()) if line.startswith("[["))


def artifact(repo: Shell, record: dict[str, Any], path: str) -> Any:
    tree = record["run"]["artifacts"]["object"]
    return json.loads(
        repo.git("--git-dir=.git/datmo/store.git", "cat-file", "blob", f"{tree}:{path}")
    )


@pytest.mark.parametrize("library", LIBRARIES)
def test_logged_training_leaves_the_model_the_same(repo: Shell, library: str) -> None:
    module, script, by_autolog, by_callback = LIBRARIES[library]
    if not has(module):
        pytest.skip(f"{library} is not installed")
    repo.commit("train.py", HEAD + script)
    work = repo.having(HF_HUB_OFFLINE="1")
    plain = last_line(work.run(PYTHON, "train.py").stdout)
    for words, script_words, names in (
        (["--autolog"], [], by_autolog),
        ([], ["callback"], by_callback),
    ):
        done = datmo(work, "run", *words, "--", PYTHON, "train.py", *script_words)
        assert "RuntimeWarning" not in done.stderr
        assert last_line(done.stdout) == plain
        record = experiments(repo)[0]
        assert [record["metrics"][name] for name in names] == plain[0]
        assert record["parameters"]
        if library == "sklearn":
            table = artifact(repo, record, f"tables/{names[0].partition('.')[0]}.json")
            assert len(table["rows"]) == 100
            assert "split4_test_score" in table["columns"]
        else:
            assert record["curves"][names[0]]["points"] > 1


RIDGE = """\
from sklearn.linear_model import Ridge
model = Ridge(alpha=2, solver="lsqr").fit([[0], [1]], [0, 1])
"""


def test_training_without_the_option_is_not_logged(repo: Shell) -> None:
    repo.commit("train.py", RIDGE)
    datmo(repo, "run", "--", sys.executable, "train.py")
    record = experiments(repo)[0]
    found = (record["parameters"], record["metrics"], record["run"].get("artifacts"))
    assert found == ({}, {}, None)


def test_rerun_logs_what_its_run_logged_by_itself(repo: Shell) -> None:
    repo.commit("train.py", RIDGE)
    datmo(repo, "run", "--autolog", "--", sys.executable, "train.py")
    found = experiments(repo)[0]
    assert found["parameters"]["model.alpha"] == 2
    done = datmo(repo, "reproduce", "--engine", "host", "--json", found["id"])
    assert [each["name"] for each in json.loads(done.stdout)["metrics"]] == ["model.n_iter"]


OWN = """\
import git_datmo as datmo
datmo.autolog()
from sklearn.linear_model import Ridge
with datmo.run("first"):
    model = Ridge(alpha=2).fit([[0], [1]], [0, 1])
with datmo.run("second"):
    model = Ridge(alpha=3).fit([[0], [1]], [0, 1])
    datmo.log_fitted(model, "again")
    datmo.log_fitted(object())
"""


def test_script_that_records_itself_logs_each_training_in_its_run(repo: Shell) -> None:
    repo.commit("train.py", OWN)
    done = repo.run(sys.executable, "train.py")
    assert "nothing to log about an object of the class 'object'" in done.stderr
    second, first = experiments(repo)[:2]
    assert (first["message"], second["message"]) == ("first", "second")
    assert first["parameters"]["model.alpha"] == 2
    assert second["parameters"]["again.alpha"] == 3
    assert "model.alpha" not in second["parameters"]


def test_callback_without_its_library_is_refused_with_the_cure(repo: Shell) -> None:
    for library in ("sklearn", "xgboost", "lightgbm", "keras", "transformers", "lightning"):
        script = f"import git_datmo as datmo\ndatmo.callbacks.{library}()"
        done = repo.run(sys.executable, "-c", script, code=1)
        said = f"ImportError: datmo.callbacks.{library}() needs {library}: import it before"
        assert done.stderr.splitlines()[-1] == said


def test_callback_of_old_sklearn_is_refused_with_the_cure(repo: Shell) -> None:
    old = "import sys, types\nsys.modules['sklearn'] = types.ModuleType('sklearn')\n"
    script = f"{old}import git_datmo as datmo\ndatmo.callbacks.sklearn()"
    done = repo.run(sys.executable, "-c", script, code=1)
    assert done.stderr.splitlines()[-1] == (
        "ImportError: datmo.callbacks.sklearn() needs scikit-learn 1.9:"
        " call datmo.log_fitted after the fit"
    )
