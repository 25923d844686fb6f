"""What runs on a worker of a cluster: gets all from the remote, runs, shares what it made, and hands it back."""

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
from git_datmo.cluster.tasks import Answer, Reproduction, Source, Task, Trial
from git_datmo.engines.base import Engine, silent
from git_datmo.engines.choose import make_engine
from git_datmo.errors import DatmoError
from git_datmo.flows.history import Found, History
from git_datmo.flows.running.apart import run_apart
from git_datmo.flows.running.needs import find_shortages
from git_datmo.flows.running.reproduce import reproduce
from git_datmo.flows.running.rerun import Means
from git_datmo.flows.running.scratch import scratch_folder
from git_datmo.flows.setup import initialise
from git_datmo.flows.sharing.obtain import fetch
from git_datmo.flows.sharing.share import share
from git_datmo.flows.workspace import Workspace, open_workspace
from git_datmo.git.run import Git
from git_datmo.records.codec import encode
from git_datmo.records.types import Person

REMOTE = "origin"
SETTING = "datmo.workerFolder"
# Written last: a clone without it was cut off while it was made.
READY = "worker-ready"


def carry_out(task: Task) -> Answer:
    """Do a task on the machine that this is, with the credentials that git has there."""
    environ = _environment(os.environ, task.person)
    try:
        home = _find_home(environ)
        with _held_clone(home, task.source, environ) as clone, open_workspace(environ, clone) as ws:
            fetch(ws, REMOTE)
            engine = make_engine(task.engine, cache=home / "environments", environ=environ)
            with closing(engine):
                return _reproduce(ws, task, engine) if isinstance(task, Reproduction) else _try(ws, task, engine)
    except DatmoError as error:
        return Answer(what=error.what, hint=error.hint)
    except OSError as error:
        return Answer(what=f"the worker failed: {error}")


def _environment(environ: Mapping[str, str], person: Person) -> dict[str, str]:
    """The worker's own, with its credentials; what it makes is in the name of who asked for it."""
    who = {"NAME": person.name, "EMAIL": person.email}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return {**environ, **names, "GIT_TERMINAL_PROMPT": "0"}


def _find_home(environ: Mapping[str, str]) -> Path:
    """Where a worker's clones are: what it could not share must outlive it, which the cluster's own folder does not."""
    set_ = Git(environ).finish("config", "--type=path", "--get", SETTING).stdout.decode().strip()
    cache = environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(set_ or os.path.join(cache, "git-datmo", "workers"))


@contextmanager
def _held_clone(home: Path, source: Source, environ: Mapping[str, str]) -> Iterator[Path]:
    """A clone of the remote that nobody else uses as long as the block lasts.

    It stays for the next task: what was fetched is of use to it, and what could not be shared goes with what it shares.
    """
    name = hashlib.sha256(repr(source).encode()).hexdigest()[:16]
    with ExitStack() as held:
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


def _clone(folder: Path, source: Source, environ: Mapping[str, str]) -> None:
    git = Git(environ)
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
        isolated = engine.name == "docker"
        lacking = find_shortages([found], task.limits, ws.environ, folder=folder, isolated=isolated)
        means = Means(engine, silent, task.limits)
        done = reproduce(ws, found, means, folder=folder, tolerances=task.tolerances, repeat=task.repeat)
    if done.id is None:
        raise DatmoError(
            f"{done.receipt.verdict}: snapshot '{str(found.id)[:10]}' records no metric and no output",
            "have the command write a metrics file, or keep a file with -o, and 'git datmo run' it again",
        )
    return _shared(ws, Answer(encode(done.receipt), warnings=(*lacking, *done.warnings)))


def _try(ws: Workspace, task: Trial, engine: Engine) -> Answer:
    if task.beginning.snapshot:
        _find(ws, task.beginning.snapshot)
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
    )
    return _shared(ws, Answer(ws.odb.read(done.snapshot, "blob"), warnings=done.warnings))


def _find(ws: Workspace, snapshot: str) -> Found:
    try:
        return History(ws).resolve(snapshot)
    except DatmoError as error:
        raise DatmoError(
            f"the worker found no snapshot '{snapshot[:10]}' on the remote", "share it first: 'git datmo push'"
        ) from error


def _shared(ws: Workspace, answer: Answer) -> Answer:
    """The answer, once the remote has what this clone made, or with the reason why it has not."""
    try:
        share(ws, REMOTE)
    except DatmoError as error:
        kept = f"{platform.node()}:{ws.root}"
        return Answer(answer.record, error.what, kept, answer.warnings)
    return answer
