"""Prepare repositories in which commands are killed: made once, and copied to the same path for
each kill."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import STORE, picture
from tests.support.fork_client import Forge
from tests.support.remote_check import has_ref, missing_on
from tests.support.shell import Done, Shell, seal, write_bare_python

HERE = Path(__file__).parent
PROGRAMS = ("git-datmo", "git-remote-datmo")
# Records made at a stopped clock have the same ids, however often their command was killed.
NOW = 1_700_000_000
KILLED = -9

WRAPPER = """\
#!/bin/sh
exec '{python}' '{die_at_step}' {program} "$@"
"""


def install_wrappers(folder: Path) -> Path:
    """Write console scripts that can be killed, in a folder that comes first on PATH."""
    folder.mkdir()
    for program in PROGRAMS:
        script = folder / program
        script.write_text(
            WRAPPER.format(
                python=sys.executable, die_at_step=HERE / "die_at_step.py", program=program
            )
        )
        script.chmod(0o755)
    write_bare_python(folder / "python3")
    return folder


@dataclass
class World:
    """Hold a folder with a bare repository `hub.git`, clones, and a template of it for each set-
    up."""

    top: Path
    env: dict[str, str]
    forge: Forge
    now: int = NOW

    @property
    def live(self) -> Path:
        return self.top / "live"

    def shell(self, name: str, **more: str) -> Shell:
        return Shell(self.live / name, {**self.env, "DATMO_NOW": str(self.now), **more})

    @property
    def hub(self) -> Shell:
        return self.shell("hub.git")

    def run(
        self,
        name: str,
        words: Sequence[str],
        *,
        die_at: int = 0,
        journal: bool = False,
        ok: bool = True,
    ) -> Done:
        """Run a command of git or git-datmo as the person `name`. The journal is the world's
        `journal` file."""
        more = (
            {"DATMO_DIE_AT": str(die_at), "DATMO_JOURNAL": str(self.top / "journal")}
            if die_at or journal
            else {}
        )
        if more:
            (self.top / "journal").unlink(missing_ok=True)
        shell = self.shell(name, **more)
        if words[0] == "datmo":
            done = self.forge.run(["git-datmo", *words[1:]], shell.cwd, dict(shell.env))
        else:
            done = shell.run(*words, ok=False)
        assert not ok or done.returncode == 0, str(done)
        return done

    def steps(self) -> list[str]:
        """Return the steps in the journal."""
        path = self.top / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def template(self, name: str, make: Callable[[World], None]) -> None:
        """Copy a template to `live`; the first time, `make` makes it in a new `live`.

        It is always made at the same time, in the past.
        """
        self.now = NOW
        kept = self.top / f"template-{name}"
        if not kept.exists():
            self.clear()
            self.live.mkdir()
            make(self)
            for repository in (*self.people(), "hub.git"):
                self.shell(repository).git("repack", "-a", "-d", "-q")
            os.rename(self.live, kept)
        self.clear()
        shutil.copytree(kept, self.live, symlinks=True, copy_function=copy)
        self.now = NOW + 1_000

    def check_readers(self, who: str) -> None:
        """Check that reading commands work after any kill, or give a hint."""
        if (self.live / who / ".git" / "datmo" / "store.git" / "HEAD").exists():
            for verb in ("status", "log"):
                done = self.run(who, ["datmo", verb, "--json"], ok=False)
                assert done.returncode == 0 or says_what_to_do(done), str(done)

    def check_runs(self, who: str) -> None:
        """Check that no run is recorded twice."""
        if (self.live / who / ".git" / "datmo" / "store.git" / "HEAD").exists():
            listed = self.run(who, ["datmo", "log", "--all", "--json"]).stdout.splitlines()
            runs = [run for line in listed if (run := json.loads(line)["run"])]
            started = [run["started"] for run in runs]
            assert len(started) == len(set(started)), "a run is recorded twice"

    def clear(self) -> None:
        shutil.rmtree(self.live, ignore_errors=True)

    def people(self) -> list[str]:
        return sorted(entry.name for entry in self.live.iterdir() if (entry / ".git").is_dir())

    def portrait(self, who: str, *, exact: bool = True) -> dict[str, Any]:
        """Return the result of a command as `who` sees it, and the refs of the remote. `exact` includes
        the ids of records."""
        found = {who: self._portrait_of(who, exact=exact)}
        if (self.live / "hub.git").exists():
            found["hub.git"] = refs(self.hub, exact=exact)
        return found

    def _portrait_of(self, name: str, *, exact: bool) -> dict[str, Any]:
        shell = self.shell(name)
        git = shell.cwd / ".git"
        found: dict[str, Any] = {"tree": picture(shell.cwd)}
        found["config"] = (git / "config").read_text()
        hooks = picture(git / "hooks") if (git / "hooks").exists() else {}
        found["hooks"] = {
            path: what for path, what in hooks.items() if not path.startswith(b".tmp-")
        }
        if not (git / "datmo" / "store.git" / "HEAD").exists():
            return found | {"refs": refs(shell, exact=exact)}
        found["status"] = json.loads(self.run(name, ["datmo", "status", "--json"]).stdout)
        found["log"] = [
            told(line, exact=exact)
            for line in self.run(name, ["datmo", "log", "--data", "--json"]).stdout.splitlines()
        ]
        if not exact:
            for key in ("standing", "snapshots"):
                found["status"].pop(key)
            found["status"].pop("unshared")
            # The record of a killed run is made by the second run, at the same stopped clock.
            found["log"] = [run for run in found["log"] if run["exit_code"] is not None][:1]
        # Readers unite the records of a fetch.
        found["refs"] = refs(shell, exact=exact)
        exclude = git / "info" / "exclude"
        found["exclude"] = exclude.read_text() if exclude.exists() else ""
        # What the stat cache still knows of payloads that are tracked no more is never asked for.
        paths = [payload["path"] for payload in found["status"]["payloads"]]
        index = Shell(shell.cwd, {**shell.env, "GIT_INDEX_FILE": str(git / "datmo" / "index")})
        found["cache"] = index.git("ls-files", "-s", "--", *paths) if paths else ""
        found["store"] = (git / "datmo" / "store.git" / "config").read_text()
        found["left over"] = sorted(path.name for path in git.glob("datmo/checkout"))
        return found

    def check_sound(self, who: str) -> None:
        """Check what holds at every instant: git finds no damage, and the remote has what its notes
        name."""
        shell = self.shell(who)
        fsck(shell)
        if (shell.cwd / ".git" / "datmo" / "store.git" / "HEAD").exists():
            fsck(shell, *STORE)
        if (self.live / "hub.git").exists():
            fsck(self.hub)
            assert not missing_on(self.hub)


def copy(source: str, target: str) -> None:
    """Copy a file of a repository; an object, which nobody changes in place, is shared."""
    (os.link if "/objects/" in source else shutil.copy2)(source, target)


def fsck(shell: Shell, *where: str) -> None:
    """Check with git's fsck. Dangling objects are allowed, and no other message."""
    done = shell.run("git", *where, "fsck", "--strict", "--no-dangling", "--no-progress", ok=False)
    said = [
        line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("notice: ")
    ]
    assert done.returncode == 0, str(done)
    assert not said, str(done)


def says_what_to_do(done: Done) -> bool:
    """Return whether a refused command names the reason and a hint, in a line each."""
    lines = done.stderr.splitlines()
    return (
        done.returncode in (2, 125, 128)
        and len([line for line in lines if line.startswith("fatal: ")]) == 1
        and len([line for line in lines if line.startswith("hint: ")]) == 1
        and "BUG" not in done.stderr
    )


def refs(shell: Shell, *, exact: bool) -> dict[str, str]:
    """Return every ref except the keep refs: commits of code by id, records and notes by tree.

    After a kill, the chains of records and notes may be longer; their content must be equal.
    """
    found = {}
    for line in shell.git("for-each-ref", "--format=%(refname) %(objectname) %(tree)").splitlines():
        name, commit, tree = line.split(" ")
        if name.startswith("refs/datmo/keep/"):
            continue
        # Readers unite fetched records in memory, so these refs may differ.
        if name in ("refs/datmo/records", "refs/notes/datmo"):
            continue
        if name.startswith(("refs/datmo", "refs/notes/")):
            found[name] = tree if exact else ""
        else:
            found[name] = commit
    head = shell.cwd / (".git/HEAD" if (shell.cwd / ".git").exists() else "HEAD")
    return {**found, "HEAD": head.read_text()}


def told(line: str, *, exact: bool) -> dict[str, Any]:
    """Return an experiment as `log --json` prints it, without what differs between two runs."""
    document: dict[str, Any] = json.loads(line)
    if exact:
        return document
    kept = ("message", "why", "payloads", "parameters", "metrics", "commit", "tree", "clean")
    return {key: document[key] for key in kept} | {
        "exit_code": (document["run"] or {}).get("exit_code")
    }


@contextlib.contextmanager
def open_world(top: Path) -> Iterator[World]:
    env = seal(top / "home")
    (top / "tmp").mkdir()
    env["TMPDIR"] = str(top / "tmp")
    # Git's sample hooks would be copied a hundred times.
    env["GIT_TEMPLATE_DIR"] = ""
    git = shutil.which("git", path=env["PATH"])
    assert git is not None
    env["PATH"] = os.pathsep.join(
        (str(install_wrappers(top / "bin")), str(Path(git).parent), os.defpath)
    )
    forge = Forge(env)
    try:
        yield World(top, env, forge)
    finally:
        forge.close()


__all__ = ["KILLED", "NOW", "World", "fsck", "has_ref", "open_world", "says_what_to_do"]
