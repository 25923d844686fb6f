"""Run one story on two sides: plain git, and `datmo::`, each with a server repository of its
own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.servers.hosts import Host
from tests.support.shell import Done, Shell, seal

# Only the refs and files of git-datmo may differ.
OWN_REFS = ("refs/datmo", "refs/notes/datmo")


def make_template(folder: Path, object_format: str) -> Path:
    """Make a served repository with two branches, a tag and a submodule, and the repository of that
    submodule."""
    start = Shell(folder, seal(folder / "home"))
    start.git("init", "-q", f"--object-format={object_format}", "library")
    start.at("library").commit("library.py", "pass\n")
    start.git("clone", "-q", "--bare", "library", "library.git")
    start.git("init", "-q", f"--object-format={object_format}", "work")
    work = start.at("work")
    for number in range(3):
        work.commit("code.py", f"print({number})\n" * 200)
    work.git("submodule", "--quiet", "add", "../library.git", "library")
    work.git("commit", "-q", "-m", "a submodule")
    work.git("tag", "-a", "v1", "-m", "first")
    work.git("branch", "dev", "HEAD~1")
    start.git("clone", "-q", "--bare", "work", "served.git")
    for name in ("library.git", "served.git"):
        start.at(name).git("remote", "remove", "origin")
        start.at(name).git("config", "uploadpack.allowFilter", "true")
    start.at("served.git").git("config", "receive.advertisePushOptions", "true")
    return folder


@dataclass(frozen=True)
class Side:
    """Hold one way to the same content: its server repositories, folder, and URL prefix."""

    name: str
    prefix: str
    bare: Shell
    top: Shell
    plain_url: str

    @property
    def url(self) -> str:
        return self.prefix + self.plain_url

    def run(self, where: str, *words: str) -> Done:
        """Run a git command in a folder of this side, with the server's URL for `URL`."""
        return self.top.at(where).run(
            "git", *(self.url if word == "URL" else word for word in words), ok=False
        )

    def refs(self, where: str) -> str:
        """Return every ref of a repository of this side, except those of git-datmo, with its
        target."""
        rows = (
            self.top.at(where)
            .git("for-each-ref", "--format=%(refname) %(objectname) %(symref)")
            .splitlines()
        )
        return "\n".join(row for row in rows if not row.startswith(OWN_REFS))

    def said(self, text: str) -> list[str]:
        """Return git's messages without paths. Sort the lines, since two processes may write to one
        pipe."""
        told = (
            text.replace(self.url, "URL")
            .replace(self.plain_url, "URL")
            .replace(f"/{self.name}/", "/SIDE/")
        )
        # git prints URLs without user and without .git here and there.
        told = re.sub(r"(datmo::)?(?:(ssh|http|git|file)://)[^\s']*", "URL", told)
        told = re.sub(r"^(From|To) .*", r"\1 URL", told, flags=re.MULTILINE)
        # A meter says the rest when it is done; how fast it went is chance.
        told = re.sub(r"^.*\r", "", told, flags=re.MULTILINE)
        told = re.sub(
            r"(done|, [0-9.]+ ([KMG]iB|bytes)( \| [0-9.]+ [KMG]iB/s)?)(, done)?\.?", "", told
        )
        return sorted(line.rstrip() for line in told.splitlines() if line.rstrip())


Sides = tuple[Side, Side]


def make_sides(host: Host, template: Path, shell: Callable[..., Shell]) -> Sides:
    def make(name: str, prefix: str) -> Side:
        # Some meters are shown when something takes long, and machines differ.
        top = shell(name, GIT_PROGRESS_DELAY="1000", **host.environ)
        for repository in ("served.git", "library.git"):
            shutil.copytree(template / repository, top.cwd / repository)
            url = host.url(top.cwd / repository)
        return Side(
            name, prefix, top.at("served.git"), top, url.replace("library.git", "served.git")
        )

    return make("plain", ""), make("datmo", "datmo::")


def same(sides: Sides, where: str, act: Callable[[Side], Done]) -> Done:
    """Act on both sides and compare exit codes, messages and refs; return the result of the
    `datmo::` side."""
    plain, datmo = sides
    with ThreadPoolExecutor() as pool:
        expected, got = pool.map(act, sides)
    assert got.returncode == expected.returncode, f"{expected}\n\n{got}"
    for stream in ("stdout", "stderr"):
        assert datmo.said(getattr(got, stream)) == plain.said(getattr(expected, stream)), (
            f"{expected}\n\n{got}"
        )
    for folder in (where, "served.git"):
        if (plain.top.cwd / folder / "HEAD").exists() or (plain.top.cwd / folder / ".git").exists():
            assert datmo.refs(folder) == plain.refs(folder), f"{folder}\n{expected}\n\n{got}"
    return got


def tell(sides: Sides, story: str) -> list[Done]:
    """Do what each line says: in which folder, which git command. Lines that begin with `!` only
    prepare; `%` has a terminal."""
    return list(_tell(sides, story))


def _tell(sides: Sides, story: str) -> Iterator[Done]:
    for line in story.strip().splitlines():
        kind = line[0] if line[0] in "!%" else ""
        where, *words = shlex.split(line.removeprefix(kind))
        if kind == "!":
            for side in sides:
                done = side.run(where, *words)
                assert done.returncode == 0, str(done)
        elif kind == "%":
            yield same(
                sides,
                where,
                lambda side, where=where, words=words: on_terminal(side.top.at(where), *words),
            )  # type: ignore[misc]
        else:
            yield same(sides, where, lambda side, where=where, words=words: side.run(where, *words))  # type: ignore[misc]


def on_terminal(shell: Shell, *words: str) -> Done:
    """Run git on a terminal; of its progress meters, return only the names at their ends."""
    master, slave = os.openpty()
    try:
        child = subprocess.Popen(
            ["git", *words], stdin=slave, stdout=slave, stderr=slave, cwd=shell.cwd, env=shell.env
        )
    finally:
        os.close(slave)
    text = bytearray()
    with open(master, "rb", buffering=0) as screen:
        while data := _read_screen(screen.fileno()):
            text += data
    shown = re.findall(r"([A-Z][a-z]+ [a-z]+): +100% \(\d+/\d+\)", text.decode())
    return Done(("git", *words), child.wait(), "\n".join(sorted(set(shown))), "")


def _read_screen(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # Reading a terminal fails with EIO after its last user has closed it.
        return b""
