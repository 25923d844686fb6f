"""Do tasks on a worker: fetch from the remote, run, share the result, and return it."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from itertools import count
from pathlib import Path

from git_datmo import fsio, locking
from git_datmo.cluster.cluster_tasks import Answer, Reproduction, Task, TaskSource, Trial
from git_datmo.engines.engine_contract import Engine, silent
from git_datmo.engines.engine_registry import EngineOptions, make_engine
from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.history.experiments import Found, History
from git_datmo.records.codec import encode
from git_datmo.records.record_values import Person
from git_datmo.remotes.fetch_objects import fetch
from git_datmo.repository.workspace import Workspace, open_workspace
from git_datmo.runs.isolated_run import run_apart
from git_datmo.runs.reproduce import reproduce
from git_datmo.runs.rerun import RerunOptions
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.resource_needs import find_shortages
from git_datmo.setup.init_repository import initialise
from git_datmo.sharing.push import share

REMOTE = "origin"
SETTING = "datmo.workerFolder"
# Written last: a clone without this file is incomplete.
READY = "worker-ready"


def carry_out(task: Task) -> Answer:
    """Do a task on this machine, with its own git credentials."""
    environ = _environment(os.environ, task.person)
    try:
        home = _find_home(environ)
        with _held_clone(home, task.source, environ) as clone, open_workspace(environ, clone) as ws:
            fetch(ws, REMOTE)
            engine = make_engine(task.engine, EngineOptions(home / "environments", environ))
            with closing(engine):
                return (
                    _reproduce(ws, task, engine)
                    if isinstance(task, Reproduction)
                    else _try(ws, task, engine)
                )
    except DatmoError as error:
        return Answer(what=error.what, hint=error.hint)
    except OSError as error:
        return Answer(what=f"the worker failed: {error}")


def _environment(environ: Mapping[str, str], person: Person) -> dict[str, str]:
    """Return the worker's environment, with the name of the person who asked."""
    who = {"NAME": person.name, "EMAIL": person.email}
    names = {
        f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()
    }
    # Nothing can answer a prompt of git on a worker, which would wait without end.
    return {**environ, **names, "GIT_TERMINAL_PROMPT": "0"}


def _find_home(environ: Mapping[str, str]) -> Path:
    """Return the folder of a worker's clones. Unshared results must outlive the cluster's own
    folder."""
    set_ = Git(environ).finish("config", "--type=path", "--get", SETTING).stdout.decode().strip()
    cache = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(set_ or os.path.join(cache, "git-datmo", "workers"))


@contextmanager
def _held_clone(home: Path, source: TaskSource, environ: Mapping[str, str]) -> Iterator[Path]:
    """Hold a clone of the remote alone until the block ends.

    The clone stays for the next task, with everything it fetched. Results that could not be shared
    go with the next ones.
    """
    name = hashlib.sha256(repr(source).encode()).hexdigest()[:16]
    with ExitStack() as held:
        # Several workers of a machine share this folder, and each task needs a clone for itself.
        for number in count():
            folder = home / f"{name}-{number}"
            try:
                held.enter_context(locking.locked(home / f"{folder.name}.lock", seconds=0))
            except DatmoError:
                continue
            break
        if not (folder / ".git" / "datmo" / READY).exists():
            shutil.rmtree(folder, ignore_errors=True)
            _clone(folder, source, environ)
        yield folder


def _clone(folder: Path, source: TaskSource, environ: Mapping[str, str]) -> None:
    git = Git(environ)
    # Tasks run in working trees or folders of their own, so this one stays empty.
    words = ("clone", "-q", "--no-checkout", "-o", REMOTE, "--end-of-options")
    git.run(*words, source.url, str(folder), cwd=folder.parent)
    with open_workspace(environ, folder) as ws:
        for key, value in source.settings:
            ws.repo.git.run("config", "--add", f"datmo.{REMOTE}.{key}", value)
        initialise(ws, REMOTE)
        fsio.write_file(ws.shared_state / READY, b"")


def _reproduce(ws: Workspace, task: Reproduction, engine: Engine) -> Answer:
    found = _find(ws, task.snapshot)
    with scratch_folder(ws, None) as folder:
        isolated = engine.capabilities.isolated
        shortages = find_shortages(
            [found], task.limits, ws.environ, folder=folder, isolated=isolated
        )
        rerun_options = RerunOptions(engine, silent, task.limits, tags=task.tags)
        done = reproduce(
            ws, found, rerun_options, folder=folder, tolerances=task.tolerances, repeat=task.repeat
        )
    if done.id is None:
        raise DatmoError(
            f"{done.receipt.verdict}: snapshot '{str(found.id)[:10]}' records no metric and no"
            " output",
            "have the command write a metrics file, or keep a file with -o, and 'git datmo run'"
            " it again",
        )
    return _shared(ws, Answer(encode(done.receipt), warnings=(*shortages, *done.warnings)))


def _try(ws: Workspace, task: Trial, engine: Engine) -> Answer:
    if task.beginning.snapshot:
        _find(ws, task.beginning.snapshot)
    # An earlier task made the clone, so the commit may be newer.
    if ws.repo.git.finish("cat-file", "-e", task.beginning.commit).returncode:
        ws.repo.git.run("fetch", "-q", REMOTE)
    done = run_apart(
        ws,
        task.beginning,
        task.command,
        task.asked,
        outputs=task.outputs,
        engine=engine,
        limits=task.limits,
        output=silent,
        edits=task.edits,
    )
    return _shared(ws, Answer(ws.odb.read(done.snapshot, "blob"), warnings=done.warnings))


def _find(ws: Workspace, snapshot: str) -> Found:
    try:
        return History(ws).resolve(snapshot)
    except DatmoError as error:
        raise DatmoError(
            f"the worker found no snapshot '{snapshot[:10]}' on the remote",
            "share it first: 'git datmo push'",
        ) from error


def _shared(ws: Workspace, answer: Answer) -> Answer:
    """Share the clone's results and return the answer; on failure, add the reason."""
    try:
        share(ws, REMOTE)
    except DatmoError as error:
        kept = f"{platform.node()}:{ws.root}"
        return Answer(answer.record, error.what, kept, answer.warnings)
    return answer
