"""Test that environments, images, folders of reruns and caches are counted and freed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import datmo, experiments
from tests.support.disk_space import told
from tests.support.shell import Shell
from tests.support.virtual_environments import with_packages


def environments(shell: Shell) -> Path:
    return shell.cwd / ".git" / "datmo" / "environments"


@pytest.fixture
def rerun(repo: Shell) -> Shell:
    """Return a snapshot that was reproduced in a virtual environment."""
    repo.write("code.py", "open('out', 'w').write('1')\n")
    repo.git("commit", "-qam", "write")
    datmo(repo, "run", "--", "python3", "code.py")
    datmo(repo, "reproduce", "HEAD", "--engine", "venv")
    return repo


def test_built_environment_is_counted_and_kept_while_a_snapshot_has_it(rerun: Shell) -> None:
    (built,) = told(rerun, "du")["beside"]["environments"]
    assert built["needed"]
    assert built["size"] > 1 << 20
    assert "1 built environment\n" in datmo(rerun, "du").stdout
    assert told(rerun, "gc")["removed"]["environments"] == 0
    assert (environments(rerun) / built["id"]).is_dir()


def test_environment_of_dropped_snapshots_is_removed(rerun: Shell) -> None:
    datmo(rerun, "drop", experiments(rerun)[0]["id"])
    (built,) = told(rerun, "du")["beside"]["environments"]
    assert not built["needed"]
    assert "1 not needed by any snapshot (see 'git datmo gc')" in datmo(rerun, "du").stdout
    would = told(rerun, "gc", "--dry-run")["removed"]
    assert (environments(rerun) / built["id"]).is_dir()
    assert (
        datmo(rerun, "gc", "--dry-run")
        .stdout.splitlines()[-1]
        .startswith("would remove 1 environment, ")
    )
    assert told(rerun, "gc")["removed"] == would == {
        "environments": 1, "images": 0, "workspaces": 0, "bytes": built["size"],
    }  # fmt: skip
    assert told(rerun, "du")["beside"]["environments"] == []


def test_rebuildable_files_are_removed_on_request(rerun: Shell) -> None:
    before = datmo(rerun, "log").stdout
    assert told(rerun, "gc", "--caches")["removed"]["environments"] == 1
    beside = told(rerun, "du")["beside"]
    assert beside["environments"] == []
    assert datmo(rerun, "log").stdout == before
    assert "identical" in datmo(rerun, "reproduce", "HEAD", "--engine", "venv").stdout


def test_environment_whose_snapshot_is_not_here_is_kept(
    rerun: Shell, make_repo: Callable[..., Shell]
) -> None:
    hub = make_repo("hub.git", bare=True)
    rerun.git("remote", "add", "origin", str(hub.cwd))
    rerun.git("push", "-q", "-u", "origin", "main")
    datmo(rerun, "evict", "--all")
    assert told(rerun, "gc")["removed"]["environments"] == 0


def test_folders_that_reruns_left_are_counted_and_removed(rerun: Shell) -> None:
    left = rerun.write(".git/datmo/scratch/rerun-0123456789ab/data/x", b"x" * 100_000).parents[1]
    rerun.write(".git/datmo/scratch/rerun-0123456789ab.lock", b"")
    tree = left.with_name("rerun-ba9876543210") / "tree"
    rerun.git("worktree", "add", "-q", "--detach", str(tree))
    assert told(rerun, "du")["beside"]["workspaces"] >= 100_000
    assert told(rerun, "gc")["removed"]["workspaces"] == 2
    assert list(left.parent.iterdir()) == []
    assert len(rerun.git("worktree", "list").splitlines()) == 1


def test_damaged_files_are_counted(rerun: Shell) -> None:
    rerun.write(".git/datmo/store.git/damaged/pack", b"x" * 100_000)
    assert told(rerun, "du")["beside"]["damaged"] >= 100_000
    assert "damaged files that were moved aside" in datmo(rerun, "du").stdout


def test_engine_that_does_not_answer_is_a_line(rerun: Shell) -> None:
    away = rerun.having(DOCKER_HOST="unix:///nowhere/docker.sock")
    assert told(away, "du")["beside"]["images"] is None
    assert "images of environments: no container engine answers" in datmo(away, "du").stdout
    datmo(away, "gc", "--caches")


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
@pytest.mark.timeout(120)
def test_images_of_environments_are_counted_and_removed(
    make_repo: Callable[..., Shell], tmp_path: Path, engine_environ: dict[str, str]
) -> None:
    repo = with_packages(make_repo(**engine_environ), tmp_path / "bare")
    repo.commit("Dockerfile", "FROM python:3.11-slim\n")
    datmo(repo, "init")
    datmo(repo, "run", "--engine", "docker", "--", "python3", "-c", "print(1)")
    datmo(repo, "env", "build")
    (image,) = told(repo, "du")["beside"]["images"]
    assert image["needed"]
    assert image["size"] > 1 << 20
    assert told(repo, "gc")["removed"]["images"] == 0
    datmo(repo, "drop", experiments(repo)[0]["id"])
    assert not told(repo, "du")["beside"]["images"][0]["needed"]
    assert told(repo, "gc")["removed"]["images"] == 1
    assert told(repo, "du")["beside"]["images"] == []
