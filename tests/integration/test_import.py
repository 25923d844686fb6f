"""Import runs of other trackers to old commits, once, with all losses named."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.event_files import event, nested, simple, tfrecord, version_event
from tests.support.pair import Pair
from tests.support.reader_package import install_diary
from tests.support.shell import Shell
from tests.support.tracker_files import (
    RUN_ID,
    mlflow_database,
    mlflow_folder,
    trackio_database,
    wandb_log,
)

RUN_TIME = 1_700_000_000


def dated(repo: Shell, seconds: int) -> Shell:
    when = f"{seconds} +0000"
    return repo.having(GIT_COMMITTER_DATE=when, GIT_AUTHOR_DATE=when)


@pytest.fixture
def history(repo: Shell) -> Shell:
    """Return a repository with a commit before the time of the runs and one after it."""
    dated(repo, RUN_TIME - 100).git("commit", "-q", "--amend", "--no-edit", "--reset-author")
    dated(repo, RUN_TIME + 100).commit("later.py", "pass\n")
    return repo


def test_run_of_mlflow_is_on_the_commit_before_it(history: Shell, tmp_path: Path) -> None:
    before = history.git("rev-parse", "HEAD")
    path = mlflow_database(tmp_path / "mlflow.db")
    said = datmo(history, "import", "mlflow", str(path)).stderr
    assert "1 experiment imported, 0 known before" in said
    (record,) = experiments(history)
    assert record["commit"] == history.git("rev-parse", "HEAD~1")
    assert record["message"] == "calm"
    assert record["author"]["name"] == "ada"
    assert record["created"] == "2023-11-14T22:13:21.000000Z"
    assert record["run"]["started"] == "2023-11-14T22:13:20.000000Z"
    assert record["run"]["seconds"] == 1
    assert record["run"]["status"] == "killed"
    assert record["parameters"] == {"lr": 0.1}
    assert record["sources"] == {"lr": "script"}
    assert record["curves"]["loss"]["points"] == 3
    assert set(record["tags"]) == {f"mlflow:{RUN_ID}", "experiment=sea", "team=blue"}
    assert record["side"] is True
    assert history.git("rev-parse", "HEAD") == before
    assert record["id"][:10] in history.git("log", "--notes=datmo", "-1", "HEAD~1")


def test_second_import_adds_nothing(history: Shell, tmp_path: Path) -> None:
    path = mlflow_database(tmp_path / "mlflow.db")
    datmo(history, "import", "mlflow", str(path))
    refs = history.git("for-each-ref")
    said = datmo(history, "import", "mlflow", str(path)).stderr
    assert "0 experiments imported, 1 known before" in said
    assert history.git("for-each-ref") == refs


def test_source_without_runs_is_named(history: Shell, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for words in (("tensorboard", str(tmp_path / "empty")), ("dvc",), ("lfs",)):
        assert datmo(history, "import", *words).stderr.startswith("nothing to import: ")


def test_losses_of_an_import_are_named(history: Shell, tmp_path: Path) -> None:
    mlflow_folder(tmp_path)
    said = datmo(history, "import", "mlflow", str(tmp_path / "mlruns")).stderr
    assert "not imported: the artifacts of run 'calm'" in said
    assert f"not imported: commit {'c' * 40} of run 'calm'" in said
    mlflow_folder(tmp_path / "other")
    (tmp_path / "other/mlruns/1" / RUN_ID / "meta.yaml").write_text("- x")
    said = datmo(history, "import", "mlflow", str(tmp_path / "other")).stderr
    assert "0 experiments imported" in said
    assert "meta.yaml" in said


def test_run_that_names_its_commit_is_on_it(history: Shell, tmp_path: Path) -> None:
    run = mlflow_folder(tmp_path)
    head = history.git("rev-parse", "HEAD")
    (run / "tags/mlflow.source.git.commit").write_text(head)
    datmo(history, "import", "mlflow", str(tmp_path / "mlruns"))
    assert experiments(history)[0]["commit"] == head


def test_event_files_of_one_folder_are_one_run(history: Shell, tmp_path: Path) -> None:
    for number in (1, 2):
        for name in ("one", "two"):
            events = [event(RUN_TIME + step, step, simple("loss", step)) for step in range(number)]
            events.append(event(RUN_TIME, 0, nested(1, b"digits") + nested(4, b"")))
            path = tmp_path / "logs" / name / f"events.out.tfevents.{number}.h"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(map(tfrecord, (version_event(RUN_TIME), *events))))
    said = datmo(history, "import", "tensorboard", str(tmp_path / "logs")).stderr
    assert "2 experiments imported" in said
    assert "not imported: image 'digits' of run 'one'" in said
    packs = history.cwd / ".git/datmo/store.git/objects/pack"
    assert len(list(packs.glob("*.pack"))) == 1
    found = {record["message"]: record for record in experiments(history)}
    assert set(found) == {"one", "two"}
    assert found["one"]["curves"]["loss"]["points"] == 3
    assert "2 known" in datmo(history, "import", "tensorboard", str(tmp_path / "logs")).stderr


@pytest.mark.parametrize("tool", ["trackio", "wandb"])
def test_run_of_a_tracker_is_imported(history: Shell, tmp_path: Path, tool: str) -> None:
    if tool == "trackio":
        source = trackio_database(tmp_path / "sea.db")
    else:
        source = wandb_log(tmp_path / "run-r1.wandb")
    datmo(history, "import", tool, str(source))
    (record,) = experiments(history)
    assert record["message"] == "calm"
    assert record["parameters"]["lr"] == 0.1
    assert f"{tool}:r1" in record["tags"]
    started = datetime.fromtimestamp(RUN_TIME, timezone.utc)
    assert record["run"]["started"].startswith(started.strftime("%Y-%m-%dT%H:%M:20"))


def test_imported_experiments_are_shared_and_are_not_the_data(pair: Pair, tmp_path: Path) -> None:
    datmo(pair.alex, "import", "mlflow", str(mlflow_database(tmp_path / "mlflow.db")))
    pair.alex.git("push", "-q", "origin", "main")
    other = pair.clone()
    (record,) = experiments(other)
    assert record["parameters"] == {"lr": 0.1}
    assert "loss" in datmo(other, "show", record["id"]).stdout
    assert datmo(other, "status").stdout == datmo(pair.alex, "status").stdout


def test_format_of_another_package_is_known(history: Shell, tmp_path: Path) -> None:
    work = history.having(PYTHONPATH=install_diary(tmp_path / "site"))
    (tmp_path / "a.diary").write_text("mood 1\nmood 0.5\n")
    assert (
        "1 experiment imported" in datmo(work, "import", "diary", str(tmp_path / "a.diary")).stderr
    )
    assert experiments(history)[0]["curves"]["mood"]["points"] == 2


def test_unknown_format_and_source_are_refused(history: Shell, tmp_path: Path) -> None:
    refused = datmo(history, "import", "mlfow", str(tmp_path), code=129).stderr
    assert "did you mean 'mlflow'?" in refused
    refused = datmo(history, "import", "mlflow", str(tmp_path / "no"), code=128).stderr
    assert "there is no '" in refused
